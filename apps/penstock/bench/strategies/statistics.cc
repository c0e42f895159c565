// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/statistics.h"

#include <algorithm>
#include <cstddef>

namespace penstock::app::bench {

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

double percent_saved(double before, double now) noexcept { return before > 0 ? (before - now) / before * 100 : 0; }

}  // namespace penstock::app::bench
