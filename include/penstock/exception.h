// SPDX-License-Identifier: MIT
// The exception that `Result::value()` throws, for examples and small programs.
#pragma once

#include <penstock/result.h>

#include <exception>

namespace penstock {

/// An `Error` as an exception; `what()` is `Error::to_text()`.
class Exception : public std::exception {
 public:
  explicit Exception(Error error);
  const char* what() const noexcept override;
  const Error& error() const noexcept { return error_; }

 private:
  Error error_;
  std::string text_;
};

}  // namespace penstock
