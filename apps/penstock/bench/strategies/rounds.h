// SPDX-License-Identifier: MIT
// Runs the cells round by round: in each, all contenders of a job one after the other, every time another one first.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "apps/penstock/bench/strategies/interrupts.h"
#include "apps/penstock/bench/strategies/results.h"

namespace penstock::app::bench {

/// Says on standard error what is being measured: in place on a terminal, else a line every five seconds.
class ProgressLine {
 public:
  void show(const std::string& text);
  ~ProgressLine();

 private:
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + std::chrono::seconds(5);
};

/// Adds a sample to every cell in each round and returns how many rounds were done: at most `rounds`, and after the
/// first only those that are expected to end within `seconds`.
Result<std::uint32_t> run_rounds(std::vector<Cell>& cells, std::uint32_t rounds, double seconds, Interrupts& interrupts,
                                 ProgressLine& progress);

}  // namespace penstock::app::bench
