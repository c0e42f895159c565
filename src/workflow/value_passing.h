// SPDX-License-Identifier: MIT
// How the value of a stage gets to the stages that need it, decided by its size.
#pragma once

#include <cstdint>
#include <string>

namespace penstock {

/// How a value is handed on.
enum class Passing : std::uint8_t {
  kDirect,      ///< The value itself, in memory; written down besides, for later runs.
  kSerialised,  ///< Written down, and read back by each stage that needs it: memory is not held for all of the run.
  kReference,   ///< Too large for a value: refused, with the advice to hand on a FileRef.
};
/// Returns "direct", "serialised" or "reference".
const char* to_string(Passing passing) noexcept;

struct PassingChoice {
  Passing how = Passing::kDirect;
  std::string reason;  ///< "12 bytes, under 1 MiB".
};

/// Values smaller than this are handed on directly.
inline constexpr std::uint64_t kMostDirect = std::uint64_t{1} << 20;

/// Chooses for a value of `bytes` when written down; values of more than `max_value` bytes (0: any number) are not
/// handed on. A pure function.
PassingChoice choose_passing(std::uint64_t bytes, std::uint64_t max_value);

}  // namespace penstock
