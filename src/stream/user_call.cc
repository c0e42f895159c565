// SPDX-License-Identifier: MIT
#include "stream/user_call.h"

#include <fmt/format.h>

#include <exception>
#include <new>

namespace penstock {

Error current_exception_error() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::kResourceExhausted, "there is no memory left for it")
        .hint("use a smaller batch_size; under the strategy processes, raise worker_memory");
  } catch (const std::exception& exception) {
    return Error(ErrorCode::kUserCode, fmt::format("threw an exception: {}", exception.what()));
  } catch (...) {
    return Error(ErrorCode::kUserCode, "threw something that is not a std::exception");
  }
}

}  // namespace penstock
