// SPDX-License-Identifier: MIT
#include "data/quantile_sketch.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "data/sum_bytes.h"

namespace penstock {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNoQuantile = std::numeric_limits<double>::quiet_NaN();

// The cubic that stands for log2(1 + s), s in [0, 1): right at both ends, rising everywhere. Its slope against log2 is
// never below 10/7 ln 2, and that is the best a cubic can do (the DDSketch authors' "cubically interpolated mapping").
constexpr double kCube = 6.0 / 35.0;
constexpr double kSquare = -3.0 / 5.0;
constexpr double kLinear = 10.0 / 7.0;

double near_log2(double s) noexcept { return ((kCube * s + kSquare) * s + kLinear) * s; }

/// The other way round, by Newton's steps; a fixed number of them, so that every machine gives the same bits.
double near_exp2(double t) noexcept {
  double s = t;
  for (int step = 0; step < 6; ++step) {
    s -= (near_log2(s) - t) / ((3 * kCube * s + 2 * kSquare) * s + kLinear);
  }
  return 1 + s;
}

/// The fewest buckets per doubling that keep the accuracy: 7 / (10 ln((1 + a) / (1 − a))), rounded up.
std::int32_t steps_for(double accuracy) noexcept {
  double logarithm = 0;  // 2 atanh(a) as a series: only basic operations
  double power = accuracy;
  for (int k = 1; k < 80; k += 2) {
    logarithm += 2 * power / k;
    power *= accuracy * accuracy;
  }
  return static_cast<std::int32_t>(std::ceil(0.7 / logarithm));
}

bool is_accuracy(double accuracy) noexcept { return accuracy >= 1e-4 && accuracy <= 0.5; }

/// ⌊q (count − 1)⌋
std::uint64_t rank_of(double q, std::uint64_t count) noexcept {
  const double rank = std::floor(q * static_cast<double>(count - 1));
  return std::min(static_cast<std::uint64_t>(rank), count - 1);
}

void append_buckets(std::string& out, const BucketCounts& counts) {
  std::uint64_t used = 0;
  counts.each([&](std::int32_t, std::uint64_t) { ++used; });
  append_u64(out, used);
  counts.each([&](std::int32_t bucket, std::uint64_t count) {
    append_u64(out, static_cast<std::uint64_t>(std::int64_t{bucket}));
    append_u64(out, count);
  });
}

}  // namespace

QuantileSketch::QuantileSketch(double accuracy) : accuracy_(accuracy), steps_(0) {
  PENSTOCK_CHECK(is_accuracy(accuracy), "QuantileSketch: accuracy must be from 1e-4 to 0.5");
  steps_ = steps_for(accuracy);
}

inline std::int32_t QuantileSketch::bucket_of(double size) const noexcept {
  constexpr std::uint64_t kFraction = (std::uint64_t{1} << 52) - 1;
  std::uint64_t bits = std::bit_cast<std::uint64_t>(size);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  if (exponent == -1023) [[unlikely]] {  // subnormal
    bits = std::bit_cast<std::uint64_t>(size * 0x1p54);
    exponent = static_cast<int>(bits >> 52) - 1023 - 54;
  }
  const double s = std::bit_cast<double>((bits & kFraction) | std::bit_cast<std::uint64_t>(1.0)) - 1;
  return exponent * steps_ + static_cast<std::int32_t>(near_log2(s) * steps_);
}

void QuantileSketch::add(double value) {
  if (value > 0 && value < kInfinity) {
    above_.add(bucket_of(value), 1);
  } else if (value < 0 && value > -kInfinity) {
    below_.add(bucket_of(-value), 1);
  } else {
    return add_unusual(value);
  }
  tally(value);
}

// Buckets first, counts then: the misses of a block overlap.
void QuantileSketch::add_scattered(QuantileSketch* sketches, const std::uint32_t* groups, const double* values,
                                   std::size_t count) {
  constexpr std::size_t kBlock = 32;
  std::int32_t buckets[kBlock] = {};
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t size = std::min(kBlock, count - begin);
    for (std::size_t i = 0; i < size; ++i) {
      const double value = values[begin + i];
      if (!(value > 0 && value < kInfinity)) continue;
      const QuantileSketch& sketch = sketches[groups[begin + i]];
      buckets[i] = sketch.bucket_of(value);
      sketch.above_.prefetch(buckets[i]);
    }
    for (std::size_t i = 0; i < size; ++i) {
      const double value = values[begin + i];
      QuantileSketch& sketch = sketches[groups[begin + i]];
      if (value > 0 && value < kInfinity) {
        sketch.above_.add(buckets[i], 1);
        sketch.tally(value);
      } else {
        sketch.add(value);
      }
    }
  }
}

void QuantileSketch::add(const double* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) add(values[i]);
}

void QuantileSketch::add_unusual(double value) {
  ++count_;
  if (std::isnan(value)) {
    ++nans_;
    return;
  }
  ++(value == 0 ? zeros_ : value > 0 ? infinite_ : minus_infinite_);
  min_ = std::min(min_, value + 0.0);  // -0.0 + 0.0 is 0.0
  max_ = std::max(max_, value + 0.0);
}

Status QuantileSketch::merge(const QuantileSketch& other) {
  if (accuracy_ != other.accuracy_) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("cannot merge quantile sketches of different accuracy: {} and {}", accuracy_,
                             other.accuracy_))
        .hint("give both the same accuracy");
  }
  other.above_.each([&](std::int32_t bucket, std::uint64_t count) { above_.add(bucket, count); });
  other.below_.each([&](std::int32_t bucket, std::uint64_t count) { below_.add(bucket, count); });
  count_ += other.count_;
  zeros_ += other.zeros_;
  infinite_ += other.infinite_;
  minus_infinite_ += other.minus_infinite_;
  nans_ += other.nans_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  return {};
}

double QuantileSketch::min() const noexcept { return count_ == 0 || nans_ > 0 ? kNoQuantile : min_; }
double QuantileSketch::max() const noexcept { return count_ == 0 || nans_ > 0 ? kNoQuantile : max_; }

double QuantileSketch::quantile(double q) const {
  PENSTOCK_CHECK(q >= 0 && q <= 1, "QuantileSketch::quantile: q must be from 0 to 1");
  if (count_ == 0 || nans_ > 0) return kNoQuantile;
  const std::uint64_t rank = rank_of(q, count_);
  if (rank == 0) return min_;
  if (rank == count_ - 1) return max_;
  return std::clamp(value_at(rank), min_, max_);
}

/// The middle of the bucket that holds the value of that rank. Order: -inf, below zero, zero, above, inf.
double QuantileSketch::value_at(std::uint64_t rank) const noexcept {
  const auto find = [&](const BucketCounts& counts, std::uint64_t wanted) {
    double value = 0;
    bool found = false;
    counts.each([&](std::int32_t bucket, std::uint64_t count) {
      if (!found && wanted < count) {
        value = value_of(bucket);
        found = true;
      }
      wanted -= std::min(wanted, count);
    });
    return value;
  };
  if (rank < minus_infinite_) return -kInfinity;
  rank -= minus_infinite_;
  const std::uint64_t below = below_.total();
  if (rank < below) return -find(below_, below - 1 - rank);
  rank -= below;
  if (rank < zeros_) return 0;
  rank -= zeros_;
  return rank < above_.total() ? find(above_, rank) : kInfinity;
}

/// The value whose relative distance to both borders is the same.
double QuantileSketch::value_of(std::int32_t bucket) const noexcept {
  const std::int32_t exponent = bucket >= 0 ? bucket / steps_ : -((steps_ - 1 - bucket) / steps_);
  const std::int32_t step = bucket - exponent * steps_;
  const double low = near_exp2(static_cast<double>(step) / steps_);
  const double high = near_exp2(static_cast<double>(step + 1) / steps_);
  return std::ldexp(2 * low * high / (low + high), exponent);
}

void QuantileSketch::append_bytes(std::string& out) const {
  for (const double value : {accuracy_, min_, max_}) append_u64(out, std::bit_cast<std::uint64_t>(value));
  for (const std::uint64_t count : {zeros_, infinite_, minus_infinite_, nans_}) append_u64(out, count);
  append_buckets(out, above_);
  append_buckets(out, below_);
}

Status QuantileSketch::take_buckets(std::string_view& bytes, BucketCounts& counts) const {
  std::uint64_t used = 0;
  if (!take_u64(bytes, used) || used > bytes.size() / 16) return sum_bytes_error("a quantile sketch");
  std::int64_t last = -1100 * steps_;  // below all buckets
  for (; used > 0; --used) {
    std::uint64_t bucket = 0;
    std::uint64_t count = 0;
    if (!take_u64(bytes, bucket) || !take_u64(bytes, count) || count == 0) return sum_bytes_error("a quantile sketch");
    const auto number = static_cast<std::int64_t>(bucket);
    if (number <= last || number > 1024 * steps_) return sum_bytes_error("a quantile sketch");
    last = number;
    counts.add(static_cast<std::int32_t>(number), count);
  }
  return {};
}

Result<QuantileSketch> QuantileSketch::take_bytes(std::string_view& bytes) {
  std::string_view rest = bytes;
  std::uint64_t words[7] = {};
  for (std::uint64_t& word : words) {
    if (!take_u64(rest, word)) return sum_bytes_error("a quantile sketch");
  }
  if (!is_accuracy(std::bit_cast<double>(words[0]))) return sum_bytes_error("a quantile sketch");
  QuantileSketch sketch(std::bit_cast<double>(words[0]));
  sketch.min_ = std::bit_cast<double>(words[1]);
  sketch.max_ = std::bit_cast<double>(words[2]);
  sketch.zeros_ = words[3];
  sketch.infinite_ = words[4];
  sketch.minus_infinite_ = words[5];
  sketch.nans_ = words[6];
  PENSTOCK_TRY(sketch.take_buckets(rest, sketch.above_));
  PENSTOCK_TRY(sketch.take_buckets(rest, sketch.below_));
  const std::uint64_t numbers =
      sketch.zeros_ + sketch.infinite_ + sketch.minus_infinite_ + sketch.above_.total() + sketch.below_.total();
  if (numbers > 0 && !(sketch.min_ <= sketch.max_)) return sum_bytes_error("a quantile sketch");
  sketch.count_ = numbers + sketch.nans_;
  bytes = rest;
  return sketch;
}

}  // namespace penstock
