// SPDX-License-Identifier: MIT
// For tests that have a short form for every day and a long one.
#pragma once

#include <cstdlib>

namespace penstock::testing {

/// Whether the long form is asked for: PENSTOCK_LONG_TESTS=1.
inline bool is_thorough() { return std::getenv("PENSTOCK_LONG_TESTS") != nullptr; }

}  // namespace penstock::testing
