// SPDX-License-Identifier: MIT
#include <penstock/exception.h>
#include <penstock/result.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/printable.h"

namespace penstock {

struct Error::Data {
  ErrorCode code;
  std::string message;
  std::string place;  // in a file
  std::string names;  // of operators, columns …
  std::string where;  // both
  std::string hint;
  std::int64_t record = -1;
  bool retryable = false;
  std::optional<Error> cause;
};

const char* to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid_argument";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kAlreadyExists: return "already_exists";
    case ErrorCode::kPermissionDenied: return "permission_denied";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kResourceExhausted: return "resource_exhausted";
    case ErrorCode::kDataLoss: return "data_loss";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kUserCode: return "user_code";
    case ErrorCode::kInternal: return "internal";
  }
  return "unknown";
}

namespace {
bool retryable_by_default(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout || code == ErrorCode::kResourceExhausted;
}

// "orders.csv:7" or "orders.toml:7:12".
bool is_in_file(std::string_view place) {
  const std::size_t colon = place.rfind(':');
  return colon != std::string_view::npos && colon > 0 && colon + 1 < place.size() &&
         place.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
}
}  // namespace

Error::Error(ErrorCode code, std::string message)
    : data_(new Data{code, std::move(message), {}, {}, {}, {}, -1, retryable_by_default(code), {}}) {}
Error::Error(const Error& other) : data_(new Data(*other.data_)) {}
// A moved-from error keeps a valid, empty state, so that every accessor stays defined.
Error::Error(Error&& other) noexcept : data_(other.data_) { other.data_ = nullptr; }
Error& Error::operator=(const Error& other) {
  if (this != &other) *this = Error(other);
  return *this;
}
Error& Error::operator=(Error&& other) noexcept {
  std::swap(data_, other.data_);
  return *this;
}
Error::~Error() { delete data_; }

Error&& Error::at(std::string place) && {
  if (place.empty()) return std::move(*this);
  if (!is_in_file(place)) {
    data_->names = data_->names.empty() ? std::move(place) : place + "/" + data_->names;
  } else if (data_->place.empty()) {
    data_->place = std::move(place);
  }
  const bool both = !data_->place.empty() && !data_->names.empty();
  data_->where = data_->place + (both ? "/" : "") + data_->names;
  return std::move(*this);
}
Error&& Error::hint(std::string remedy) && {
  data_->hint = std::move(remedy);
  return std::move(*this);
}
Error&& Error::record(std::int64_t index) && {
  data_->record = index;
  return std::move(*this);
}
Error&& Error::retryable(bool yes) && {
  data_->retryable = yes;
  return std::move(*this);
}
Error&& Error::caused_by(Error cause) && {
  data_->cause = std::move(cause);
  return std::move(*this);
}

ErrorCode Error::code() const noexcept { return data_->code; }
const std::string& Error::message() const noexcept { return data_->message; }
const std::string& Error::where() const noexcept { return data_->where; }
const std::string& Error::hint() const noexcept { return data_->hint; }
std::int64_t Error::record() const noexcept { return data_->record; }
bool Error::retryable() const noexcept { return data_->retryable; }
const Error* Error::cause() const noexcept { return data_->cause ? &*data_->cause : nullptr; }

std::string Error::to_text() const {
  std::string text;
  if (!where().empty()) text += printable(where()) + ": ";
  text += printable_lines(message());
  if (record() >= 0) text += " (record " + std::to_string(record()) + ")";
  if (!hint().empty()) text += "\n  try: " + printable_lines(hint());
  if (const Error* inner = cause()) text += "\n  cause: " + inner->to_text();
  return text;
}

void contract_broken(const char* message) noexcept {
  std::fprintf(stderr, "penstock: contract broken: %s\n", message);
  std::abort();
}

void throw_error(const Error& error) { throw Exception(error); }

Exception::Exception(Error error) : error_(std::move(error)), text_(error_.to_text()) {}
const char* Exception::what() const noexcept { return text_.c_str(); }

}  // namespace penstock
