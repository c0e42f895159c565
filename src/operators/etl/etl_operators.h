// SPDX-License-Identifier: MIT
// The operators on record batches that come with the library: one function per operator, and the one that adds them
// all.
#pragma once

#include <penstock/operator.h>

namespace penstock {

/// Adds all operators of this folder.
void add_etl_operators(Registry& registry);

OperatorInfo aggregate_info();
OperatorInfo collect_info();
OperatorInfo derive_info();
OperatorInfo distinct_info();
OperatorInfo filter_info();
OperatorInfo head_info();
OperatorInfo join_info();
OperatorInfo normalize_info();
OperatorInfo numeric_info();
OperatorInfo rename_info();
OperatorInfo sample_info();
OperatorInfo select_info();
OperatorInfo top_info();
OperatorInfo validate_info();

}  // namespace penstock
