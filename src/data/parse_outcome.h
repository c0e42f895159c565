// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace penstock {

/// What came of reading a value from text.
enum class ParseOutcome : std::uint8_t {
  kOk,          ///< The whole text was one value; it was stored.
  kInvalid,     ///< The text is not of this kind; nothing was stored.
  kOutOfRange,  ///< The text has the right form, but the value does not fit; nothing was stored.
};

}  // namespace penstock
