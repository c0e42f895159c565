// SPDX-License-Identifier: MIT
// A run as one page of HTML, and its timeline as lines of text.
#pragma once

#include <penstock/result.h>

#include <cstddef>
#include <string>

#include "store/run_store.h"

namespace penstock {

/// No page is larger.
inline constexpr std::size_t kMostPageBytes = std::size_t{2} << 20;

/// The page: graph, timeline, stages with what was kept and why, operators, artifacts, ends of logs, all settings. It
/// needs no network, no script and no other file; links to artifacts are relative to the folder of the run. Of a run
/// with very many stages it shows the first ones and says so. kNotFound, kDataLoss when the run's files are missing or
/// damaged.
Result<std::string> run_page(const RunStore& store, const std::string& run_id);

/// A line per stage that began, `columns` wide, in the order in which they began:
/// "clean  done    |   ======         |  1.2 s". Empty when none began.
Result<std::string> run_timeline(const RunStore& store, const std::string& run_id, std::size_t columns);

}  // namespace penstock
