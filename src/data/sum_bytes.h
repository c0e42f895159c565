// SPDX-License-Identifier: MIT
// The bytes in which partial sums travel between processes: one canonical text per number.
#pragma once

#include <penstock/result.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "data/natural.h"

namespace penstock {

/// Appends `value`, lowest byte first.
void append_u64(std::string& out, std::uint64_t value);

/// Takes eight bytes from the front of `bytes` into `value`; false when there are fewer.
bool take_u64(std::string_view& bytes, std::uint64_t& value);

/// Appends sign (1 byte), first limb (1), number of limbs (1), the limbs (4 each, lowest byte first).
void append_scaled_integer(std::string& out, const ScaledInteger& value);

/// Reads that back from the front of `bytes` and drops it there. kDataLoss unless it is canonical and ends below limb
/// `limit`.
Result<ScaledInteger> take_scaled_integer(std::string_view& bytes, int limit);

/// Returns the kDataLoss error for bytes that are not what `what` says.
Error sum_bytes_error(std::string_view what);

}  // namespace penstock
