// SPDX-License-Identifier: MIT
// Standard deviation: Welford's running update, exact sums, many groups.
#include <cmath>

#include "data/exact_moments.h"
#include "workload.h"

namespace penstock::benchmark::numeric {
namespace {

/// Welford's update leaves an error of about 1e-10 here; whole units are the same for all.
Outcome outcome_of_deviation(double deviation) {
  return {.result = static_cast<std::uint64_t>(std::llround(deviation))};
}

Outcome welford(std::uint64_t records) {
  double count = 0;
  double mean = 0;
  double squares = 0;
  over_values(records, [&](std::size_t values) {
    for (std::size_t i = 0; i < values; ++i) {
      const double distance = amounts()[i] - mean;
      count += 1;
      mean += distance / count;
      squares += distance * (amounts()[i] - mean);
    }
  });
  return outcome_of_deviation(std::sqrt(squares / (count - 1)));
}

Outcome exact(std::uint64_t records) {
  ExactMoments moments;
  over_values(records, [&](std::size_t values) { moments.add(amounts().data(), values); });
  return outcome_of_deviation(moments.deviation());
}

const Register registered({
    {"deviation", "Welford's update", welford, true},
    {"deviation", "ExactMoments::add, blocks", exact},
});

}  // namespace
}  // namespace penstock::benchmark::numeric
