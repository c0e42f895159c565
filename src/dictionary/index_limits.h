// SPDX-License-Identifier: MIT
// How full hash indexes are and how long searches in them may be: what the builder keeps and the verifier demands.
#pragma once

#include <cstdint>

namespace penstock {

/// Returns the slots for `count` entries: filled to three quarters, so that a search reads 2.5 slots on average.
constexpr std::uint64_t slots_for(std::uint64_t count) noexcept { return count + count / 3 + 1; }

/// Returns how many slots the searches for all entries may read together. Keys that an attacker has chosen would need
/// more; the builder then takes another seed.
constexpr std::uint64_t probes_allowed(std::uint64_t count) noexcept { return 16 * count + 64; }

}  // namespace penstock
