// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/rounds.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/penstock/console.h"
#include "stream/table.h"

namespace penstock::app::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

bool run_side_by_side(const Cell& a, const Cell& b) {
  return a.series == b.series && a.job.name == b.job.name && a.input.size == b.input.size;
}

std::string what_runs(const Cell& cell) {
  return fmt::format("{}, {} {}: {}", cell.job.name, with_commas(cell.input.size), cell.job.unit, cell.contender.name);
}

struct Round {
  std::uint32_t number;
  std::uint32_t rounds;
};

// The cells from `begin` to `end` run side by side.
Status run_group(std::vector<Cell>& cells, std::size_t begin, std::size_t end, Round round, Interrupts& interrupts,
                 ProgressLine& progress) {
  for (std::size_t i = 0; i < end - begin; ++i) {
    Cell& cell = cells[begin + (i + round.number) % (end - begin)];
    progress.show(fmt::format("round {} of at most {}, {} of {}: {}", round.number + 1, round.rounds, begin + i + 1,
                              cells.size(), what_runs(cell)));
    PENSTOCK_ASSIGN(Sample sample, run_trial(cell.job, cell.input, cell.contender, interrupts));
    cell.samples.push_back(std::move(sample));
  }
  return {};
}

Status run_round(std::vector<Cell>& cells, Round round, Interrupts& interrupts, ProgressLine& progress) {
  for (std::size_t begin = 0; begin < cells.size();) {
    std::size_t end = begin + 1;
    while (end < cells.size() && run_side_by_side(cells[begin], cells[end])) ++end;
    PENSTOCK_TRY(run_group(cells, begin, end, round, interrupts, progress));
    begin = end;
  }
  return {};
}

}  // namespace

void ProgressLine::show(const std::string& text) {
  if (is_live_terminal()) return draw_block({"bench: " + text});
  if (Clock::now() < next_) return;
  next_ = Clock::now() + std::chrono::seconds(5);
  print_to_stderr(fmt::format("penstock: bench: {}\n", text));
}

ProgressLine::~ProgressLine() {
  if (is_live_terminal()) remove_block();
}

Result<std::uint32_t> run_rounds(std::vector<Cell>& cells, std::uint32_t rounds, double seconds, Interrupts& interrupts,
                                 ProgressLine& progress) {
  const Clock::time_point begin = Clock::now();
  double longest = 0;
  for (std::uint32_t number = 0; number < rounds; ++number) {
    const Clock::time_point round_begin = Clock::now();
    if (number > 0 && seconds_since(begin) + longest > seconds) return number;
    PENSTOCK_TRY(run_round(cells, {number, rounds}, interrupts, progress));
    longest = std::max(longest, seconds_since(round_begin));
  }
  return rounds;
}

}  // namespace penstock::app::bench
