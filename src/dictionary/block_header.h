// SPDX-License-Identifier: MIT
#pragma once

#include <penstock/dictionary_format.h>
#include <penstock/result.h>

#include <span>

namespace penstock {

/// Reads the header of a dictionary block and says whether a block of this version lies there whole, its index within
/// it; what else is in it may still be wrong. See Dictionary::view for the errors.
Status check_block_header(std::span<const std::byte> block, dictionary_format::Header& header);

}  // namespace penstock
