// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/advice.h"

#include <fmt/format.h>

#include <algorithm>

#include "stream/table.h"

namespace penstock::app::bench {
namespace {

constexpr double kWorthIt = 1.1;      // a tenth faster: less is not worth a second thought
constexpr double kAsGood = 1.05;      // so much slower is as good, when it takes less
constexpr double kMostlyWaits = 0.5;  // of the time; below, the processor limits the job

double median_of(const Cell& cell) { return cell.spread(&Sample::seconds).median; }

// Faster by enough, and in every run faster than the other in any.
bool clearly_faster(const Cell& one, const Cell& other) {
  return median_of(other) / median_of(one) >= kWorthIt &&
         one.spread(&Sample::seconds).max < other.spread(&Sample::seconds).min;
}

std::string times(double factor) { return fmt::format("{:.{}f}", factor, factor < 9.95 ? 1 : 0); }

bool is_fused(const Sample& run) {
  return std::any_of(run.steps.begin(), run.steps.end(), [](const StepTimes& step) { return step.fused; });
}

// The serial run, or where its steps are one loop, another run that shows the time of each step.
const Sample& run_with_steps(const Results& results, const Cell& serially) {
  for (const Cell* cell : results.of_series(Series::kContenders, serially.job.name)) {
    const bool same_size = cell->input.size == serially.input.size;
    if (is_fused(serially.typical()) && same_size && !cell->contender.is_naive() && !is_fused(cell->typical()))
      return cell->typical();
  }
  return serially.typical();
}

// What limits the job, seen in its serial run.
std::string what_limits(const Results& results, const Cell& serially) {
  const Sample& run = serially.typical();
  const double busy_share = run.seconds > 0 ? run.cpu_seconds / run.seconds : 0;
  if (busy_share < kMostlyWaits) {
    return fmt::format("it waits {:.0f} % of the time, which workers can do side by side", (1 - busy_share) * 100);
  }
  double sum = 0;
  const StepTimes* longest = nullptr;
  for (const StepTimes& step : run_with_steps(results, serially).steps) {
    sum += step.busy_seconds;
    if (longest == nullptr || step.busy_seconds > longest->busy_seconds) longest = &step;
  }
  if (longest == nullptr || sum <= 0) return "it keeps the processor busy";
  return fmt::format("it keeps the processor busy, {:.0f} % of that in \"{}\"", longest->busy_seconds / sum * 100,
                     longest->name);
}

std::string which_strategy(const Results& results, const Cell& best, const Cell* serially) {
  if (serially == nullptr) return fmt::format("{} is the fastest of what was measured", best.contender.name);
  if (&best == serially || !clearly_faster(best, *serially)) {
    return fmt::format("stay with serial, since no strategy was clearly faster and {}",
                       what_limits(results, *serially));
  }
  return fmt::format("take {}, {} times as fast as serial, since {}", best.contender.name,
                     times(median_of(*serially) / median_of(best)), what_limits(results, *serially));
}

std::vector<const Cell*> sweep_of(const Results& results, Series series, const Cell& best) {
  std::vector<const Cell*> cells = results.of_series(series, best.job.name);
  std::erase_if(cells, [&](const Cell* cell) { return cell->contender.name != best.contender.name; });
  return cells;
}

// The first in order of effort that is as good as any.
const Cell& first_as_good(const std::vector<const Cell*>& cells) {
  const auto slower = [](const Cell* a, const Cell* b) { return median_of(*a) < median_of(*b); };
  const double fastest = median_of(**std::min_element(cells.begin(), cells.end(), slower));
  return **std::find_if(cells.begin(), cells.end(),
                        [fastest](const Cell* cell) { return median_of(*cell) <= fastest * kAsGood; });
}

std::string how_many_workers(const Results& results, const Cell& best) {
  const std::vector<const Cell*> cells = sweep_of(results, Series::kWorkers, best);
  if (cells.empty()) return {};
  const std::uint32_t enough = first_as_good(cells).contender.workers;
  const bool most = enough == cells.back()->contender.workers;
  return fmt::format("; {}{} {} {}", counted(enough, "worker"), most ? ", the most that were measured," : "",
                     enough == 1 ? "is" : "are", most ? "best" : "as good as more");
}

// What a better value of a setting gains over the job's own, if anything.
template <class Value>
std::string better_setting(const Results& results, Series series, const Cell& best, Value Contender::* setting,
                           const char* noun) {
  const std::vector<const Cell*> cells = sweep_of(results, series, best);
  const auto own = std::find_if(cells.begin(), cells.end(),
                                [&](const Cell* cell) { return cell->contender.*setting == best.contender.*setting; });
  if (own == cells.end()) return {};
  const Cell& good = first_as_good(cells);
  if (!clearly_faster(good, **own))
    return fmt::format("; no {} was clearly better than {}", noun, best.contender.*setting);
  return fmt::format("; a {} of {} is {} times as fast as {}", noun, good.contender.*setting,
                     times(median_of(**own) / median_of(good)), best.contender.*setting);
}

}  // namespace

std::optional<Advice> advice_on(const Results& results, const Job& job, std::uint64_t size) {
  const Cell* const fastest = results.fastest(job.name, size);
  if (fastest == nullptr) return std::nullopt;
  const Cell* const serially = results.contender(job.name, size, serial.name);
  const bool stay = serially != nullptr && !clearly_faster(*fastest, *serially);
  const Cell& best = stay ? *serially : *fastest;
  std::string text = which_strategy(results, best, serially);
  text += how_many_workers(results, best);
  text += better_setting(results, Series::kBatchSize, best, &Contender::batch_size, "batch size");
  text += better_setting(results, Series::kQueueDepth, best, &Contender::queue_depth, "queue depth");
  text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return Advice{job.name, text + "."};
}

}  // namespace penstock::app::bench
