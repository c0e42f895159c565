// SPDX-License-Identifier: MIT
// Sums of doubles: plain, compensated and exact; into one sum and scattered into many.
#include <cmath>
#include <vector>

#include "data/exact_sum.h"
#include "workload.h"

namespace penstock::benchmark::numeric {
namespace {

Outcome plain(std::uint64_t records) {
  double sum = 0;
  over_values(records, [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) sum += amounts()[i];
  });
  return outcome_of(sum);
}

/// Neumaier's sum: nearly exact, but not the same for every order.
Outcome compensated(std::uint64_t records) {
  double sum = 0;
  double rest = 0;
  over_values(records, [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const double value = amounts()[i];
      const double total = sum + value;
      rest += std::abs(sum) >= std::abs(value) ? (sum - total) + value : (value - total) + sum;
      sum = total;
    }
  });
  return outcome_of(sum + rest);
}

Outcome exact_block(std::uint64_t records) {
  ExactSum sum;
  over_values(records, [&](std::size_t count) { sum.add(amounts().data(), count); });
  return outcome_of(sum.to_double());
}

Outcome exact_one_by_one(std::uint64_t records) {
  ExactSum sum;
  over_values(records, [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) sum.add(amounts()[i]);
  });
  return outcome_of(sum.to_double());
}

template <std::size_t kGroups>
const std::vector<std::uint32_t>& groups() {
  static const std::vector<std::uint32_t> made = [] {
    std::mt19937_64 random(11);
    std::vector<std::uint32_t> group(kValues);
    for (std::uint32_t& g : group) g = static_cast<std::uint32_t>(random() % kGroups);
    return group;
  }();
  return made;
}

/// Gives the first group's sum.
template <std::size_t kGroups>
Outcome grouped_plain(std::uint64_t records) {
  static std::vector<double> sums(kGroups);
  over_values(records, [](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) sums[groups<kGroups>()[i]] += amounts()[i];
  });
  return outcome_of(sums[0]);
}

template <std::size_t kGroups>
Outcome grouped_exact(std::uint64_t records) {
  static std::vector<ExactSum> sums(kGroups);
  over_values(records, [](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) sums[groups<kGroups>()[i]].add(amounts()[i]);
  });
  return outcome_of(sums[0].to_double());
}

template <std::size_t kGroups>
Outcome grouped_scattered(std::uint64_t records) {
  static std::vector<ExactSum> sums(kGroups);
  over_values(records, [](std::size_t count) {
    ExactSum::add_scattered(sums.data(), groups<kGroups>().data(), amounts().data(), count);
  });
  return outcome_of(sums[0].to_double());
}

const Register registered({
    {"one sum", "plain loop", plain, true},
    {"one sum", "Neumaier's compensated loop", compensated},
    {"one sum", "ExactSum::add, blocks", exact_block},
    {"one sum", "ExactSum::add, one by one", exact_one_by_one},
    {"1,000 sums", "plain", grouped_plain<1'000>, true},
    {"1,000 sums", "ExactSum::add", grouped_exact<1'000>},
    {"1,000 sums", "ExactSum::add_scattered", grouped_scattered<1'000>},
    {"1,000,000 sums", "plain", grouped_plain<1'000'000>, true},
    {"1,000,000 sums", "ExactSum::add", grouped_exact<1'000'000>},
    {"1,000,000 sums", "ExactSum::add_scattered", grouped_scattered<1'000'000>},
});

}  // namespace
}  // namespace penstock::benchmark::numeric
