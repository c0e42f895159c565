// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace penstock::app::bench {

const char* to_string(Series series) noexcept {
  switch (series) {
    case Series::kContenders: return "contenders";
    case Series::kWorkers: return "workers";
    case Series::kBatchSize: return "batch_size";
    case Series::kQueueDepth: return "queue_depth";
    case Series::kStartUp: return "start_up";
  }
  return "";
}

Spread Cell::spread(double Sample::* member) const {
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(sample.*member);
  return spread_of(std::move(values));
}

std::uint64_t Cell::memory_bytes() const {
  std::uint64_t most = 0;
  for (const Sample& sample : samples) most = std::max(most, sample.memory_bytes);
  return most;
}

const Sample& Cell::typical() const {
  std::vector<const Sample*> order;
  for (const Sample& sample : samples) order.push_back(&sample);
  std::sort(order.begin(), order.end(), [](const Sample* a, const Sample* b) { return a->seconds < b->seconds; });
  return *order[(order.size() - 1) / 2];
}

const Cell* Results::contender(const std::string& job, std::uint64_t size, const std::string& name) const {
  for (const Cell& cell : cells) {
    const bool is_it = cell.series == Series::kContenders && cell.job.name == job && cell.input.size == size &&
                       cell.contender.name == name;
    if (is_it && !cell.samples.empty()) return &cell;
  }
  return nullptr;
}

const Cell* Results::fastest(const std::string& job, std::uint64_t size) const {
  const Cell* best = nullptr;
  for (const Cell* cell : of_series(Series::kContenders, job)) {
    if (cell->input.size != size || cell->contender.is_naive()) continue;
    if (best == nullptr || cell->spread(&Sample::seconds).median < best->spread(&Sample::seconds).median) best = cell;
  }
  return best;
}

Comparison Results::compare(const Cell& cell) const {
  Comparison comparison;
  const double seconds = cell.spread(&Sample::seconds).median;
  const Cell* const serially = contender(cell.job.name, cell.input.size, serial.name);
  const Cell* const naively = contender(cell.job.name, cell.input.size, kNaive);
  if (serially != nullptr && seconds > 0) comparison.speed_up = serially->spread(&Sample::seconds).median / seconds;
  if (naively != nullptr) {
    comparison.time_saved_percent = percent_saved(naively->spread(&Sample::seconds).median, seconds);
    comparison.memory_saved_percent =
        percent_saved(static_cast<double>(naively->memory_bytes()), static_cast<double>(cell.memory_bytes()));
  }
  return comparison;
}

std::vector<const Cell*> Results::of_series(Series series, const std::string& job) const {
  std::vector<const Cell*> found;
  for (const Cell& cell : cells) {
    if (cell.series == series && !cell.samples.empty() && (job.empty() || cell.job.name == job)) found.push_back(&cell);
  }
  return found;
}

Status check_answers(const Results& results) {
  std::map<std::pair<std::string, std::uint64_t>, const Cell*> firsts;
  for (const Cell& cell : results.cells) {
    for (const Sample& sample : cell.samples) {
      const Cell& first = *firsts.try_emplace({cell.job.name, cell.input.size}, &cell).first->second;
      if (sample.digest == first.digest()) continue;
      return Error(ErrorCode::kDataLoss,
                   fmt::format("the answers to the job \"{}\" with {} {} differ: {} under {}, but {} under {}",
                               cell.job.name, cell.input.size, cell.job.unit, first.digest(), first.contender.name,
                               sample.digest, cell.contender.name))
          .hint("this is a bug in Penstock: please report it with the results that were written");
    }
  }
  return {};
}

}  // namespace penstock::app::bench
