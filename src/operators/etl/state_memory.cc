// SPDX-License-Identifier: MIT
#include "operators/etl/state_memory.h"

#include <fmt/format.h>

namespace penstock {
namespace {

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

StateMemory::~StateMemory() { budget_.release(charged_); }

Status StateMemory::set(std::size_t bytes, std::size_t pooled_bytes, std::string_view what, std::string_view remedy) {
  if (bytes > charged_) {
    budget_.charge(bytes - charged_);
  } else {
    budget_.release(charged_ - bytes);
  }
  charged_ = bytes;
  if (bytes + pooled_bytes <= budget_.limit()) return {};
  return Error(ErrorCode::kResourceExhausted,
               fmt::format("{} take {:.1f} MiB, more than the memory limit of {:.1f} MiB", what,
                           mebibytes(bytes + pooled_bytes), mebibytes(budget_.limit())))
      .retryable(false)
      .hint(fmt::format("raise memory_limit, or {}", remedy));
}

}  // namespace penstock
