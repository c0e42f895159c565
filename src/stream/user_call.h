// SPDX-License-Identifier: MIT
// Where exceptions of user code end: every call of an operator or a factory becomes a Status or a Result.
#pragma once

#include <penstock/result.h>

#include <utility>

namespace penstock {

/// The error (kUserCode) that stands for the exception being handled.
Error current_exception_error();

/// Returns what `call` returns, a Result or Status, or the error for what it throws.
template <class F>
auto guarded(F&& call) -> decltype(call()) {
  try {
    return std::forward<F>(call)();
  } catch (...) {
    return current_exception_error();
  }
}

}  // namespace penstock
