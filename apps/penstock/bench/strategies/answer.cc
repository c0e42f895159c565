// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/answer.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock::app::bench {

std::string Answer::digest() const {
  Part all;
  for (const Part& part : parts_) {
    all.add(part.digest_);
    all.add(part.records_);
  }
  return fmt::format("{:016x}", all.digest_);
}

std::uint64_t Answer::records() const noexcept {
  std::uint64_t sum = 0;
  for (const Part& part : parts_) sum += part.records_;
  return sum;
}

double Answer::first_seconds(Clock::time_point begin) const noexcept {
  Clock::time_point first = Clock::time_point::max();
  for (const Part& part : parts_) first = std::min(first, part.first_);
  return first == Clock::time_point::max() ? -1 : std::chrono::duration<double>(first - begin).count();
}

}  // namespace penstock::app::bench
