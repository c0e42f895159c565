// SPDX-License-Identifier: MIT
#include "data/random.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "data/portable_math.h"

namespace penstock {

/// In (0, 1): the middle of one of 2^52 steps, so that a logarithm is finite and both tails are alike.
double Random::open_uniform() noexcept { return (static_cast<double>(bits() >> 12) + 0.5) * 0x1p-52; }

std::int64_t Random::integer(std::int64_t low, std::int64_t high) noexcept {
  PENSTOCK_CHECK(low <= high, "Random::integer: low must not be above high");
  const std::uint64_t count = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  if (count == 0) return static_cast<std::int64_t>(bits());  // all 2^64
  unsigned __int128 product = static_cast<unsigned __int128>(bits()) * count;
  if (static_cast<std::uint64_t>(product) < count) {
    const std::uint64_t uneven = -count % count;  // so many of the 2^64 are too many
    while (static_cast<std::uint64_t>(product) < uneven) product = static_cast<unsigned __int128>(bits()) * count;
  }
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + static_cast<std::uint64_t>(product >> 64));
}

double Random::normal() noexcept { return portable::normal_quantile(open_uniform()); }

double Random::exponential(double mean) noexcept { return -mean * portable::log(open_uniform()); }

double Random::log_normal(double mean, double deviation) noexcept { return portable::exp(normal(mean, deviation)); }

Result<Categories> Categories::of(const std::vector<double>& weights) {
  Categories categories;
  double total = 0;
  for (const double weight : weights) {
    if (!(weight >= 0) || !std::isfinite(weight)) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("weight is not a number from 0 up: {} (position {})", weight, categories.ends_.size()));
    }
    total += weight;
    categories.ends_.push_back(total);
  }
  if (!(total > 0) || !std::isfinite(total)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("weights must have a positive finite sum, but it is {}", total));
  }
  return categories;
}

std::size_t Categories::draw(Random& random) const noexcept {
  const double at = random.uniform() * ends_.back();
  const auto found = std::upper_bound(ends_.begin(), ends_.end(), at);
  if (found != ends_.end()) return static_cast<std::size_t>(found - ends_.begin());
  return static_cast<std::size_t>(std::lower_bound(ends_.begin(), ends_.end(), ends_.back()) -
                                  ends_.begin());  // rounded up
}

}  // namespace penstock
