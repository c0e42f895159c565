// SPDX-License-Identifier: MIT
// "Did you mean": the known name that a mistyped one most likely stands for.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// Returns the name of `known` with the smallest edit distance to `wrong` (insert, delete, replace and swap of
/// neighbours cost 1 each; case is free), or an empty text when none is near. The first of equally near ones wins.
std::string nearest_name(std::string_view wrong, std::span<const std::string> known);

/// Returns "did you mean \"csv.read\"?", or "known: a, b, c" when no name is near, or an empty text when none is known.
std::string suggest_name(std::string_view wrong, std::span<const std::string> known);

}  // namespace penstock
