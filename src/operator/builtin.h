// SPDX-License-Identifier: MIT
// The hook through which the operators that come with the library enter the registry.
#pragma once

#include <penstock/operator.h>

namespace penstock {

/// Adds every operator of src/operators/. Declared here and defined there (src/operators/builtin.cc), so that this
/// layer needs nothing above it but one symbol, and so that no static object has to survive a linker that drops unused
/// ones.
void add_builtin_operators(Registry& registry);

}  // namespace penstock
