// SPDX-License-Identifier: MIT
// How failures travel: an `Error` says everything a person needs to mend the cause, a `Result<T>` holds a value or an
// `Error`, a `Status` is a result without a value. This is the lightest public header; everything includes it.
#pragma once

#include <cstdint>
#include <new>  // placement new
#include <string>
#include <type_traits>
#include <utility>

namespace penstock {

/// What kind of failure it is, by what the caller should do about it.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,    ///< The request is wrong: mend the options, the file or the call.
  kNotFound,           ///< Something named does not exist: check the name.
  kAlreadyExists,      ///< Something is in the way: choose another name or remove it.
  kPermissionDenied,   ///< Not allowed: change permissions or the user.
  kUnavailable,        ///< Not there right now: try again.
  kTimeout,            ///< Took too long: try again or allow more time.
  kResourceExhausted,  ///< Memory, disk or a limit is used up: free some or raise the limit.
  kDataLoss,           ///< Data is corrupt or could not be stored whole.
  kCancelled,          ///< Stopped on request; never reported as a failure.
  kUnsupported,        ///< Known, but not available in this build or on this machine.
  kUserCode,           ///< The user's callable threw or returned an error.
  kInternal,           ///< A bug in Penstock: please report it.
};

/// Returns the code in words as used in messages and JSON, for instance "not_found".
const char* to_string(ErrorCode code) noexcept;

/// A failure, complete: code, message, place, record, remedy and causes.
///
/// Thread-compatible. One pointer wide; cheap to move, deep to copy. Built by chaining:
/// `Error(ErrorCode::kNotFound, "cannot open file: a.csv").at("csv.read").hint("check the path")`.
class [[nodiscard]] Error {
 public:
  /// Static text first, values at the end: "cannot open file: orders.csv".
  Error(ErrorCode code, std::string message);
  Error(const Error& other);
  Error(Error&& other) noexcept;
  Error& operator=(const Error& other);
  Error& operator=(Error&& other) noexcept;
  ~Error();

  /// Puts `place` in front of where it happened: `at("csv.read").at("clean")` reads "clean/csv.read"; "" adds nothing.
  /// A place in a file, "FILE:LINE" or "FILE:LINE:COLUMN", always stands first, and only the one that was given first,
  /// the most exact, is kept: `at("a.toml:20:3").at("derive").at("a.toml:16:1")` reads "a.toml:20:3/derive".
  Error&& at(std::string place) &&;
  /// Says what to try. The last call wins.
  Error&& hint(std::string remedy) &&;
  /// Names the record, counted from 0 in the input of the operator; -1 means unknown.
  Error&& record(std::int64_t index) &&;
  /// Says whether trying again can help; by default true for kUnavailable, kTimeout and kResourceExhausted.
  Error&& retryable(bool yes) &&;
  /// Adds what led to this error.
  Error&& caused_by(Error cause) &&;

  ErrorCode code() const noexcept;
  const std::string& message() const noexcept;
  const std::string& where() const noexcept;  ///< Empty when unknown.
  const std::string& hint() const noexcept;   ///< Empty when there is none.
  std::int64_t record() const noexcept;       ///< -1 when unknown.
  bool retryable() const noexcept;
  const Error* cause() const noexcept;  ///< Null when there is none.

  /// Returns everything as text for people, one line per cause: "where: message (record 7)\n  try: hint". Control
  /// characters in it are escaped, so that it can be printed on a terminal whatever names and values it holds.
  std::string to_text() const;

 private:
  struct Data;
  Data* data_;
};

/// Ends the program with `message`; the way out of a broken contract, never reachable from input data.
[[noreturn]] void contract_broken(const char* message) noexcept;
/// Throws penstock::Exception (see exception.h) made from `error`.
[[noreturn]] void throw_error(const Error& error);

template <class T>
class Result;
template <class T>
inline constexpr bool kIsResult = false;
template <class T>
inline constexpr bool kIsResult<Result<T>> = true;

/// A value or an error, with the member names of std::expected.
///
/// Thread-compatible. `value()` on an error throws penstock::Exception, `*r` requires a value.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : value_(std::move(value)), has_value_(true) {}       // NOLINT: implicit on purpose
  Result(Error error) : error_(std::move(error)), has_value_(false) {}  // NOLINT: implicit on purpose
  template <class U>
    requires(std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
             !std::is_same_v<std::remove_cvref_t<U>, Error> && !std::is_same_v<std::remove_cvref_t<U>, T>)
  Result(U&& value) : value_(std::forward<U>(value)), has_value_(true) {}  // NOLINT: implicit on purpose
  Result(const Result& other) : has_value_(other.has_value_) {
    if (has_value_) {
      new (&value_) T(other.value_);
    } else {
      new (&error_) Error(other.error_);
    }
  }
  Result(Result&& other) noexcept : has_value_(other.has_value_) {
    if (has_value_) {
      new (&value_) T(std::move(other.value_));
    } else {
      new (&error_) Error(std::move(other.error_));
    }
  }
  Result& operator=(Result other) noexcept {
    this->~Result();
    new (this) Result(std::move(other));
    return *this;
  }
  ~Result() {
    if (has_value_) {
      value_.~T();
    } else {
      error_.~Error();
    }
  }

  bool has_value() const noexcept { return has_value_; }
  explicit operator bool() const noexcept { return has_value_; }

  T& value() & { return check(), value_; }
  const T& value() const& { return check(), value_; }
  T&& value() && { return check(), std::move(value_); }
  T& operator*() & noexcept { return value_; }
  const T& operator*() const& noexcept { return value_; }
  T&& operator*() && noexcept { return std::move(value_); }
  T* operator->() noexcept { return &value_; }
  const T* operator->() const noexcept { return &value_; }
  Error& error() & noexcept { return error_; }
  const Error& error() const& noexcept { return error_; }
  Error&& error() && noexcept { return std::move(error_); }

  template <class U>
  T value_or(U&& fallback) const& {
    return has_value_ ? value_ : static_cast<T>(std::forward<U>(fallback));
  }
  /// Returns `f(value)`, itself a Result, or the error.
  template <class F>
  auto and_then(F&& f) && -> decltype(f(std::declval<T>())) {
    if (!has_value_) return std::move(error_);
    return f(std::move(value_));
  }
  /// Returns `f(value)` wrapped in a Result, or the error.
  template <class F>
  auto transform(F&& f) && -> Result<decltype(f(std::declval<T>()))> {
    if (!has_value_) return std::move(error_);
    return f(std::move(value_));
  }
  /// Returns this value, or `f(error)`.
  template <class F>
  Result or_else(F&& f) && {
    if (has_value_) return std::move(*this);
    return f(std::move(error_));
  }

 private:
  void check() const {
    if (!has_value_) throw_error(error_);
  }
  union {
    T value_;
    Error error_;
  };
  bool has_value_;
};

/// Success, or an error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() noexcept : ok_(true) {}
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit on purpose
  Result(const Result& other) : ok_(other.ok_) {
    if (!ok_) new (&error_) Error(other.error_);
  }
  Result(Result&& other) noexcept : ok_(other.ok_) {
    if (!ok_) new (&error_) Error(std::move(other.error_));
  }
  Result& operator=(Result other) noexcept {
    this->~Result();
    new (this) Result(std::move(other));
    return *this;
  }
  ~Result() {
    if (!ok_) error_.~Error();
  }
  bool has_value() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  void value() const {
    if (!ok_) throw_error(error_);
  }
  Error& error() & noexcept { return error_; }
  const Error& error() const& noexcept { return error_; }
  Error&& error() && noexcept { return std::move(error_); }

 private:
  union {
    Error error_;
  };
  bool ok_;
};
using Status = Result<void>;

}  // namespace penstock

#define PENSTOCK_CONCAT_INNER(a, b) a##b
#define PENSTOCK_CONCAT(a, b) PENSTOCK_CONCAT_INNER(a, b)

/// Returns the error of `expression` (a Result or Status) from the surrounding function, if it has one.
#define PENSTOCK_TRY(expression)                                                        \
  do {                                                                                  \
    auto&& penstock_result = (expression);                                              \
    if (!penstock_result) return ::penstock::Error(std::move(penstock_result).error()); \
  } while (false)

/// Declares `declaration` from the value of `expression`, or returns its error: `PENSTOCK_ASSIGN(auto file,
/// open(path));`.
#define PENSTOCK_ASSIGN(declaration, expression) \
  PENSTOCK_ASSIGN_INNER(PENSTOCK_CONCAT(penstock_result_, __LINE__), declaration, expression)
#define PENSTOCK_ASSIGN_INNER(result, declaration, expression)      \
  auto result = (expression);                                       \
  if (!result) return ::penstock::Error(std::move(result).error()); \
  declaration = std::move(*result)
