// SPDX-License-Identifier: MIT
// Random numbers: the standard library's running generator, which cannot jump to record i, and counting.
#include <cmath>
#include <random>

#include "data/random.h"
#include "workload.h"

namespace penstock::benchmark::numeric {
namespace {

/// 1 when the mean is what it should be; the numbers themselves differ between generators.
Outcome judged(double sum, std::uint64_t records, double mean) {
  return {.result = std::abs(sum / static_cast<double>(records) - mean) < 0.01};
}

Outcome twister_uniform(std::uint64_t records) {
  std::mt19937_64 random(7);
  double sum = 0;
  for (std::uint64_t i = 0; i < records; ++i) sum += static_cast<double>(random() >> 11) * 0x1p-53;
  return judged(sum, records, 0.5);
}

Outcome counted_uniform(std::uint64_t records) {
  double sum = 0;
  for (std::uint64_t i = 0; i < records; ++i) sum += Random(7, 0, i).uniform();
  return judged(sum, records, 0.5);
}

/// Four draws for each record.
Outcome counted_uniform_by_four(std::uint64_t records) {
  double sum = 0;
  for (std::uint64_t i = 0; i < records; i += 4) {
    Random random(7, 0, i);
    for (int draw = 0; draw < 4; ++draw) sum += random.uniform();
  }
  return judged(sum, records, 0.5);
}

Outcome twister_normal(std::uint64_t records) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  double sum = 0;
  for (std::uint64_t i = 0; i < records; ++i) sum += normal(random);
  return judged(sum, records, 0);
}

Outcome counted_normal(std::uint64_t records) {
  double sum = 0;
  for (std::uint64_t i = 0; i < records; ++i) sum += Random(7, 0, i).normal();
  return judged(sum, records, 0);
}

const Register registered({
    {"uniform numbers", "std::mt19937_64", twister_uniform, true},
    {"uniform numbers", "Random, one per record", counted_uniform},
    {"uniform numbers", "Random, four per record", counted_uniform_by_four},
    {"normal numbers", "std::normal_distribution, std::mt19937_64", twister_normal, true},
    {"normal numbers", "Random, one per record", counted_normal},
});

}  // namespace
}  // namespace penstock::benchmark::numeric
