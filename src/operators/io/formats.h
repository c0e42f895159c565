// SPDX-License-Identifier: MIT
// The operators of this folder that read and write JSON and text, take texts apart, generate records, and run programs.
#pragma once

#include <penstock/operator.h>

namespace penstock {

/// Adds json.read, json.write, text.read, text.write, regex, fields, generate and exec.
void add_format_operators(Registry& registry);

OperatorInfo text_read_info();
OperatorInfo text_write_info();
OperatorInfo regex_info();
OperatorInfo fields_info();
OperatorInfo generate_info();
OperatorInfo exec_info();
OperatorInfo json_read_info();
OperatorInfo json_write_info();

}  // namespace penstock
