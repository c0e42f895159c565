// SPDX-License-Identifier: MIT
// The results for people, for programs, for spreadsheets, and as a page with charts.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/penstock/bench/strategies/results.h"

namespace penstock::app::bench {

/// How memory was measured, for the reader of a report.
inline constexpr const char* kHowMemory =
    "Memory is the largest peak of resident memory, program included, of a process made for the run alone; for worker "
    "processes, the largest of them times their number is added, which counts shared pages more than once.";

/// Tables for a terminal.
std::string results_to_text(const Results& results);
/// As docs/schemas/bench.schema.json says.
nlohmann::ordered_json results_to_json(const Results& results);
/// A row per cell, all series in one table.
std::string results_to_csv(const Results& results);
/// One page of HTML, well-formed as XML too, that needs nothing else: tables, and charts in SVG.
std::string results_to_html(const Results& results);

/// "4", or "default" where the strategy decides.
std::string workers_text(const Contender& contender);
/// "4 workers, batches of 1000, queues of 8": what a contender ran with; shorter where it is the default.
std::string settings_text(const Contender& contender);
/// "+54 %", "-12 %", or "" without a value.
std::string percent_text(const std::optional<double>& percent);
/// "2.31x", or "".
std::string factor_text(const std::optional<double>& factor);

}  // namespace penstock::app::bench
