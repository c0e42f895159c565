// SPDX-License-Identifier: MIT
// The operators that serve HTTP.
#pragma once

#include <penstock/operator.h>

namespace penstock {

OperatorInfo http_serve_info();
OperatorInfo http_respond_info();

/// Adds http.serve and http.respond in builds that have them.
void add_serve_operators(Registry& registry);

}  // namespace penstock
