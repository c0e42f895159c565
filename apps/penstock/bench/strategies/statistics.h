// SPDX-License-Identifier: MIT
// Several measurements of one thing: median, smallest, largest.
#pragma once

#include <vector>

namespace penstock::app::bench {

struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};

/// All zero without values. The median of an even number is the mean of the two in the middle.
Spread spread_of(std::vector<double> values);

/// How much less `now` is than `before`, in percent; negative when it is more, 0 when `before` is not positive.
double percent_saved(double before, double now) noexcept;

}  // namespace penstock::app::bench
