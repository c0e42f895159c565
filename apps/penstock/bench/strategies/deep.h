// SPDX-License-Identifier: MIT
// What penstock bench deep measures more than the others, and what it concludes.
#pragma once

#include "apps/penstock/bench/strategies/results.h"

namespace penstock::app::bench {

/// For every job of `contenders`: the strategies that a number of workers changes with 1 to 2 x cores of them (and with
/// as many as the job asks for), all strategies with other batch sizes, those with channels with other queue depths;
/// and each strategy on a job without records. Errors are those of planning.
Result<std::vector<Cell>> deep_cells(const std::vector<Cell>& contenders);

/// Fills in what the transport between processes costs, and a sentence of advice per job.
void analyse(Results& results);

}  // namespace penstock::app::bench
