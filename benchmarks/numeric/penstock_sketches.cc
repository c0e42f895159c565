// SPDX-License-Identifier: MIT
// The 95 % quantile of log-normal values: sorted, by the sketch, and by the same sketch with the C library's logarithm.
#include <cmath>
#include <vector>

#include "data/exact_quantiles.h"
#include "data/quantile_sketch.h"
#include "data/random.h"
#include "workload.h"

namespace penstock::benchmark::numeric {
namespace {

constexpr double kQuantile = 0.95;

const std::vector<double>& latencies() {
  static const std::vector<double> values = [] {
    std::vector<double> made(kValues);
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = Random(7, 0, i).log_normal(3, 1.2);
    return made;
  }();
  return values;
}

double truth() {
  static const double value = [] {
    ExactQuantiles quantiles;
    quantiles.add(latencies().data(), latencies().size());
    return quantiles.quantile(kQuantile);
  }();
  return value;
}

/// 1 when the answer is right to 1 %.
Outcome judged(double answer) { return {.result = std::abs(answer - truth()) <= 0.0101 * truth()}; }

/// Runs over whole data sets only, so that the truth is known.
template <class Pass>
Outcome answered(std::uint64_t records, Pass pass) {
  double answer = 0;
  for (std::uint64_t done = 0; done < records; done += kValues) answer = pass();
  return judged(answer);
}

Outcome sorted(std::uint64_t records) {
  return answered(records, [] {
    ExactQuantiles quantiles;
    quantiles.add(latencies().data(), latencies().size());
    return quantiles.quantile(kQuantile);
  });
}

Outcome sketch(std::uint64_t records) {
  return answered(records, [] {
    QuantileSketch sketch;
    sketch.add(latencies().data(), latencies().size());
    return sketch.quantile(kQuantile);
  });
}

/// The paper's own form: ⌈log_γ x⌉ by std::log, counts in a plain array.
Outcome logarithm(std::uint64_t records) {
  return answered(records, [] {
    constexpr int kOffset = 4096;
    const double gamma = 1.01 / 0.99;
    const double factor = 1 / std::log(gamma);
    std::vector<std::uint64_t> counts(2 * kOffset);
    for (const double value : latencies()) {
      ++counts[static_cast<std::size_t>(static_cast<int>(std::ceil(std::log(value) * factor)) + kOffset)];
    }
    auto rank = static_cast<std::uint64_t>(kQuantile * static_cast<double>(kValues - 1));
    std::size_t bucket = 0;
    while (rank >= counts[bucket]) rank -= counts[bucket++];
    return 2 * std::pow(gamma, static_cast<int>(bucket) - kOffset) / (gamma + 1);
  });
}

const Register registered({
    {"95 % quantile", "ExactQuantiles: keep and sort", sorted, true},
    {"95 % quantile", "hand-written DDSketch with std::log", logarithm},
    {"95 % quantile", "QuantileSketch", sketch},
});

}  // namespace
}  // namespace penstock::benchmark::numeric
