// SPDX-License-Identifier: MIT
// penstock bench quick, full and deep.
#pragma once

#include "apps/penstock/command_line.h"

namespace penstock::app {

/// Measures the strategies, prints the results, writes them; returns the exit code. Requires that this process has one
/// thread.
int bench_strategies(const Arguments& arguments);

}  // namespace penstock::app
