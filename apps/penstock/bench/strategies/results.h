// SPDX-License-Identifier: MIT
// What was measured, and the comparisons that every form of the report shows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/penstock/bench/strategies/settings.h"
#include "apps/penstock/bench/strategies/statistics.h"
#include "apps/penstock/bench/strategies/trial.h"

namespace penstock::app::bench {

/// Why a cell was measured: contenders side by side, or one of them with one setting changed.
enum class Series : std::uint8_t { kContenders, kWorkers, kBatchSize, kQueueDepth, kStartUp };
/// "contenders", "workers", "batch_size", "queue_depth", "start_up".
const char* to_string(Series series) noexcept;

/// One job of one size under one contender, and its runs.
struct Cell {
  Series series = Series::kContenders;
  Job job;
  JobInput input;
  Contender contender;
  std::vector<Sample> samples;  ///< One per round.

  /// Of `member` over all runs.
  Spread spread(double Sample::* member) const;
  /// The largest peak of all runs.
  std::uint64_t memory_bytes() const;
  /// The run whose time is the median, or just below. Requires a run.
  const Sample& typical() const;
  std::string digest() const { return samples.empty() ? std::string() : samples.front().digest; }
};

/// A cell beside serial and beside the naive program, on the same job and size; empty where these were not measured.
struct Comparison {
  std::optional<double> speed_up;              ///< Over serial, medians: 2 is twice as fast.
  std::optional<double> time_saved_percent;    ///< Against the naive program; negative: slower.
  std::optional<double> memory_saved_percent;  ///< Against the naive program; negative: more.
};

/// What serialisation and copies between processes cost: `processes` beside `parallel`, each less its start-up with as
/// many workers. A difference of four medians, so look at it where it is large.
struct CrossingCost {
  std::string job;
  std::uint64_t batches = 0;  ///< That went to a worker process.
  double wall_seconds = 0;    ///< Per batch, more than under parallel; negative: less.
  double cpu_seconds = 0;
};

struct Advice {
  std::string job;
  std::string text;  ///< One sentence.
};

struct Results {
  Settings settings;
  std::uint32_t rounds = 0;  ///< That were done.
  double seconds = 0;
  std::vector<Cell> cells;
  std::vector<CrossingCost> crossings;  ///< Of deep, as is what follows.
  std::vector<Advice> advice;

  /// Null when it was not measured.
  const Cell* contender(const std::string& job, std::uint64_t size, const std::string& name) const;
  /// The fastest strategy of a job by medians; null when there is none.
  const Cell* fastest(const std::string& job, std::uint64_t size) const;
  Comparison compare(const Cell& cell) const;
  std::vector<const Cell*> of_series(Series series, const std::string& job = {}) const;
};

/// Whether all runs of a job and size gave the same answer; the error names the first two that did not.
Status check_answers(const Results& results);

}  // namespace penstock::app::bench
