// SPDX-License-Identifier: MIT
// penstock bench ipc: what it measures, and the results as JSON.
#pragma once

#include <penstock/transport.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace penstock::app {

struct IpcSettings {
  std::vector<std::uint64_t> entries = {10, 100, 1000, 10'000, 100'000};
  std::uint32_t iterations = 100;
  std::uint32_t readers = 3;  ///< When forked; under mpiexec all ranks but the first.
  bool shared = true;
  bool streaming = true;
  std::vector<std::string> backends;
};

/// Why this build or this process cannot use it, with what to do; nothing: it can.
std::optional<std::string> why_not_here(const TransportInfo& info);

/// Runs it. In rank 0 the result is what benchmark_results.json holds; in the others null.
Result<nlohmann::ordered_json> run_ipc_benchmark(const IpcSettings& settings);

/// What the user has, for the recommendation.
struct IpcCase {
  std::uint32_t readers = 3;
  std::uint32_t machines = 1;
  bool persistent = false;
};

/// Writes write_summary.csv, read_summary.csv, report.md, and the plots where gnuplot is found. Returns the Markdown
/// text.
Result<std::string> write_ipc_report(const nlohmann::ordered_json& results, const std::string& folder,
                                     const IpcCase& wanted);

}  // namespace penstock::app
