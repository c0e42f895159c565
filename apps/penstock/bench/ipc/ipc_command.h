// SPDX-License-Identifier: MIT
// penstock bench ipc and ipc-report.
#pragma once

#include "apps/penstock/command_line.h"

namespace penstock::app {

/// Measures the transports and writes benchmark_results.json; returns the exit code, as does the other.
int bench_ipc(const Arguments& arguments);
/// Makes tables, plots and a recommendation of it.
int bench_ipc_report(const Arguments& arguments);

}  // namespace penstock::app
