// SPDX-License-Identifier: MIT
// What the options of penstock bench have in common: numbers within limits, and lists with commas.
#pragma once

#include <penstock/result.h>

#include <string>
#include <string_view>
#include <vector>

namespace penstock::app {

/// The whole number in `text`; kInvalidArgument names `flag` and the limits.
Result<std::uint64_t> whole_number(std::string_view flag, std::string_view text, std::uint64_t least,
                                   std::uint64_t most);
/// The same for a number that may have a fraction.
Result<double> decimal_number(std::string_view flag, std::string_view text, double least, double most);
/// "a,b" as a and b.
std::vector<std::string> comma_separated(std::string_view list);

}  // namespace penstock::app
