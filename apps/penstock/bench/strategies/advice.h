// SPDX-License-Identifier: MIT
// A sentence per job: which strategy, how many workers, which batch size, and why, from nothing but what was measured.
#pragma once

#include <optional>

#include "apps/penstock/bench/strategies/results.h"

namespace penstock::app::bench {

/// Nothing when no strategy was measured on the job.
std::optional<Advice> advice_on(const Results& results, const Job& job, std::uint64_t size);

}  // namespace penstock::app::bench
