// SPDX-License-Identifier: MIT
// What penstock bench quick, full and deep were asked to measure.
#pragma once

#include <penstock/result.h>

#include <string>
#include <vector>

#include "apps/penstock/bench/strategies/job.h"
#include "apps/penstock/command_line.h"

namespace penstock::app::bench {

struct Settings {
  std::string level;  ///< "quick", "full" or "deep".
  double scale = 1;   ///< Sizes are multiplied by it.
  std::uint32_t rounds = 3;
  double seconds = 25;  ///< No round begins that would not end by then; the first one always runs.
  std::string folder = ".";
  std::vector<Job> jobs;
  std::vector<std::string> strategies;

  bool is_deep() const noexcept { return level == "deep"; }
  /// The sizes of `job` at this level, scaled, each at least 1.
  std::vector<std::uint64_t> sizes_of(const Job& job) const;
};

/// kInvalidArgument for numbers out of range, kNotFound with "did you mean" for unknown jobs and strategies.
Result<Settings> settings_of(const std::string& level, const Arguments& arguments);

}  // namespace penstock::app::bench
