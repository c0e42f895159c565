// SPDX-License-Identifier: MIT
// The operators of this folder: vectors into stores, out of them, and into files.
#pragma once

#include <penstock/operator.h>

namespace penstock {

/// Adds vector.write, vector.search and npy.write.
void add_vector_operators(Registry& registry);

OperatorInfo vector_write_info();
OperatorInfo vector_search_info();
OperatorInfo npy_write_info();

}  // namespace penstock
