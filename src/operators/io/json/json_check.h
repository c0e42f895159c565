// SPDX-License-Identifier: MIT
// Checks of JSON text that simdjson's On Demand front leaves to whoever walks the values.
#pragma once

#include <cstddef>
#include <string_view>

namespace penstock::json {

/// How deep values inside a record may be nested.
inline constexpr int kMostDepth = 256;

/// Says whether the whole text is a number of RFC 8259: no leading zeros, no '+', digits on both sides of the point.
bool is_number(std::string_view text) noexcept;

/// Says whether the whole text is an integer in that sense: a number without point and exponent.
bool is_integer(std::string_view text) noexcept;

/// Says whether the whole text is one value of RFC 8259, blanks around it allowed, nested at most `kMostDepth` deep.
/// Requires valid UTF-8. Cost: linear.
bool is_value(std::string_view text) noexcept;

/// Returns the length of the value with which `text` begins, as for `is_value`, or 0 when it begins with none.
std::size_t value_length(std::string_view text) noexcept;

}  // namespace penstock::json
