// SPDX-License-Identifier: MIT
// Measures what the settings ask for.
#pragma once

#include "apps/penstock/bench/strategies/results.h"

namespace penstock::app::bench {

/// Makes the files that the jobs read in a temporary folder, runs everything in rounds, removes the files. kCancelled
/// after Ctrl-C. Answers are not compared here: see `check_answers`.
Result<Results> measure_strategies(const Settings& settings);

}  // namespace penstock::app::bench
