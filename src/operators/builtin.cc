// SPDX-License-Identifier: MIT
// The list of the operators that come with the library.
#include "operator/builtin.h"

namespace penstock {

void add_builtin_operators(Registry&) {}

}  // namespace penstock
