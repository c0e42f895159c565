// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/deep.h"

#include <algorithm>
#include <utility>

#include "apps/penstock/bench/strategies/advice.h"
#include "platform/machine.h"

namespace penstock::app::bench {
namespace {

Result<Plan> plan_of(const Cell& cell, const Contender& contender) {
  Answer unused;
  return cell.job.pipeline(cell.input, unused).plan(contender.options());
}

// Which steps run together, where, and how often: plans of equal shapes do the same.
using Shape = std::vector<std::pair<std::vector<std::size_t>, std::uint32_t>>;
Shape shape_of(const Plan& plan) {
  Shape shape;
  for (const PlanSegment& segment : plan.segments) shape.emplace_back(segment.steps, segment.workers);
  return shape;
}

Cell varied(const Cell& cell, Series series, const Contender& contender) {
  Cell copy = cell;
  copy.series = series;
  copy.contender = contender;
  copy.input.batch_size = contender.batch_size;
  copy.samples.clear();
  return copy;
}

// 1, 2, 3, 4, 8 … 2 x cores, and what the job asks for.
std::vector<std::uint32_t> worker_counts(const Job& job) {
  const std::uint32_t most = 2 * this_machine().cores;
  std::vector<std::uint32_t> counts;
  for (std::uint32_t count = 1; count < most; count = count < 4 ? count + 1 : count * 2) counts.push_back(count);
  counts.push_back(most);
  if (job.workers > most) counts.push_back(job.workers);
  return counts;
}

// Only where the plan says that the number changes anything.
Result<std::vector<Cell>> vary_workers(const Cell& cell) {
  std::vector<Cell> cells;
  Shape before;
  for (const std::uint32_t count : worker_counts(cell.job)) {
    Contender contender = cell.contender;
    contender.workers = count;
    PENSTOCK_ASSIGN(const Plan plan, plan_of(cell, contender));
    Shape shape = shape_of(plan);
    if (shape != before) cells.push_back(varied(cell, Series::kWorkers, contender));
    before = std::move(shape);
  }
  if (cells.size() < 2) cells.clear();
  return cells;
}

// From a sixteenth to sixteen times of what fits the job.
std::vector<Cell> vary_batch_size(const Cell& cell) {
  std::vector<Cell> cells;
  std::size_t before = 0;
  for (const double factor : {1.0 / 16, 0.25, 1.0, 4.0, 16.0}) {
    Contender contender = cell.contender;
    const auto wanted = static_cast<std::size_t>(static_cast<double>(contender.batch_size) * factor);
    contender.batch_size = std::max(wanted, static_cast<std::size_t>(cell.input.size / cell.job.most_batches) + 1);
    if (contender.batch_size != before) cells.push_back(varied(cell, Series::kBatchSize, contender));
    before = contender.batch_size;
  }
  return cells;
}

Result<std::vector<Cell>> vary_queue_depth(const Cell& cell) {
  std::vector<Cell> cells;
  PENSTOCK_ASSIGN(const Plan plan, plan_of(cell, cell.contender));
  if (plan.segments.size() < 2) return cells;  // no channel
  for (const std::size_t depth : {1, 2, 8, 32}) {
    Contender contender = cell.contender;
    contender.queue_depth = depth;
    cells.push_back(varied(cell, Series::kQueueDepth, contender));
  }
  return cells;
}

void append(std::vector<Cell>& to, std::vector<Cell> cells) {
  std::move(cells.begin(), cells.end(), std::back_inserter(to));
}

// A job of a chain that can be replicated, and no records: what is left is starting and ending. Once for every strategy
// and number of workers that the jobs ask for.
std::vector<Cell> start_up_cells(const std::vector<Cell>& contenders) {
  std::vector<Cell> cells;
  for (const Cell& cell : contenders) {
    if (cell.contender.is_naive()) continue;
    const bool known = std::any_of(cells.begin(), cells.end(), [&cell](const Cell& other) {
      return other.contender.name == cell.contender.name && other.contender.workers == cell.contender.workers;
    });
    if (known) continue;
    Cell empty;
    empty.series = Series::kStartUp;
    empty.job = arithmetic_job();
    empty.contender = {.name = cell.contender.name, .workers = cell.contender.workers};
    cells.push_back(std::move(empty));
  }
  return cells;
}

// Null when it was not measured.
const Cell* start_up_of(const Results& results, const Contender& contender) {
  for (const Cell* cell : results.of_series(Series::kStartUp)) {
    if (cell->contender.name == contender.name && cell->contender.workers == contender.workers) return cell;
  }
  return nullptr;
}

double batches_across(const Sample& sample) {
  std::uint64_t most = 0;
  for (const StepTimes& step : sample.steps) most = std::max(most, step.batches);
  return static_cast<double>(most);
}

void add_crossing_cost(Results& results, const Cell& in_processes) {
  const Cell* const in_threads = results.contender(in_processes.job.name, in_processes.input.size, parallel.name);
  if (in_threads == nullptr || in_processes.typical().worker_processes == 0) return;
  const Cell* const start = start_up_of(results, in_processes.contender);
  const Cell* const start_of_threads = start_up_of(results, in_threads->contender);
  const double batches = batches_across(in_processes.typical());
  if (start == nullptr || start_of_threads == nullptr || batches == 0) return;
  const auto difference = [&](double Sample::* member) {
    const auto median = [member](const Cell& cell) { return cell.spread(member).median; };
    return (median(in_processes) - median(*start) - median(*in_threads) + median(*start_of_threads)) / batches;
  };
  results.crossings.push_back({in_processes.job.name, static_cast<std::uint64_t>(batches), difference(&Sample::seconds),
                               difference(&Sample::cpu_seconds)});
}

}  // namespace

Result<std::vector<Cell>> deep_cells(const std::vector<Cell>& contenders) {
  std::vector<Cell> workers;
  std::vector<Cell> batch_sizes;
  std::vector<Cell> queue_depths;
  for (const Cell& cell : contenders) {
    if (cell.contender.is_naive()) continue;
    PENSTOCK_ASSIGN(std::vector<Cell> by_workers, vary_workers(cell));
    PENSTOCK_ASSIGN(std::vector<Cell> by_depth, vary_queue_depth(cell));
    append(workers, std::move(by_workers));
    append(batch_sizes, vary_batch_size(cell));
    append(queue_depths, std::move(by_depth));
  }
  std::vector<Cell> all = start_up_cells(contenders);
  append(all, std::move(workers));
  append(all, std::move(batch_sizes));
  append(all, std::move(queue_depths));
  return all;
}

void analyse(Results& results) {
  for (const Job& job : results.settings.jobs) {
    const std::uint64_t size = results.settings.sizes_of(job).front();
    if (const Cell* const cell = results.contender(job.name, size, processes.name); cell != nullptr)
      add_crossing_cost(results, *cell);
    if (std::optional<Advice> advice = advice_on(results, job, size)) results.advice.push_back(std::move(*advice));
  }
}

}  // namespace penstock::app::bench
