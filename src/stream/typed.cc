// SPDX-License-Identifier: MIT
// The parts of typed operators that need no template.
#include <fmt/format.h>
#include <penstock/stream.h>

#include "stream/backoff.h"
#include "stream/user_call.h"

namespace penstock::detail {

bool StepFailures::try_again(std::uint32_t attempt) {
  const ErrorPolicy& policy = *context_->policy;
  if (attempt >= policy.max_attempts || context_->stop->cancelled()) return false;
  context_->errors->count_retry();
  return wait_before_attempt(attempt + 1, policy, *context_->stop);
}

void StepFailures::give_up(Error error, std::uint64_t ordinal, std::string raw) {
  Status status = context_->errors->reject({.record = ordinal, .reason = error.message(), .raw = std::move(raw)});
  ++rejected_;
  if (status) return;
  error_ = std::move(status).error().caused_by(std::move(error));
  throw Stopped();
}

Error StepFailures::current_exception_error() {
  try {
    throw;
  } catch (const Stopped&) {
    throw;  // not the callable's: a later step ends the run
  } catch (...) {
    return penstock::current_exception_error();
  }
}

Status check_input(const StreamType& input, const void* key, const std::string& record_name) {
  if (input.key == key) return {};
  return Error(ErrorCode::kInvalidArgument, fmt::format("expected records of type {}, but its input is {}", record_name,
                                                        input.record_name.empty() ? "nothing" : input.record_name))
      .hint("convert with as<T>() or as_batches(), or mend the order of the operators");
}

}  // namespace penstock::detail
