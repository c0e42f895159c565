// SPDX-License-Identifier: MIT
// Patterns of paths, beside `has_glob` and `expand_glob` (file.h).
#pragma once

#include <string_view>

namespace penstock {

/// Says whether `path` is one that `pattern` may stand for: part by part, '*', '?' and '[…]' in one part, "**" as a
/// part for any number of folders, none of them hidden.
bool matches_glob(std::string_view pattern, std::string_view path);

}  // namespace penstock
