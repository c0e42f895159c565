// SPDX-License-Identifier: MIT
#include "workflow/value_passing.h"

#include <fmt/format.h>

namespace penstock {
namespace {

std::string binary_size(std::uint64_t bytes) {
  constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
  return bytes >= kMebibyte && bytes % kMebibyte == 0 ? fmt::format("{} MiB", bytes / kMebibyte)
                                                      : fmt::format("{} bytes", bytes);
}

}  // namespace

const char* to_string(Passing passing) noexcept {
  switch (passing) {
    case Passing::kDirect: return "direct";
    case Passing::kSerialised: return "serialised";
    case Passing::kReference: return "reference";
  }
  return "unknown";
}

PassingChoice choose_passing(std::uint64_t bytes, std::uint64_t max_value) {
  const std::string size = fmt::format("{} bytes", bytes);
  if (max_value != 0 && bytes > max_value)
    return {Passing::kReference, fmt::format("{}, more than {}", size, binary_size(max_value))};
  if (bytes < kMostDirect) return {Passing::kDirect, fmt::format("{}, under {}", size, binary_size(kMostDirect))};
  return {Passing::kSerialised, fmt::format("{}, {} or more", size, binary_size(kMostDirect))};
}

}  // namespace penstock
