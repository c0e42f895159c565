// SPDX-License-Identifier: MIT
#include "operators/etl/moving_window.h"

#include <penstock/batch.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace penstock {

MovingWindow::Level::Level(std::size_t kept, std::size_t chunk, double neutral)
    : kept_(kept), end_(kept), values_(kept + std::max(kept, 4 * chunk), neutral) {}

// What is moved to the front is never more than what was added since the last time.
double* MovingWindow::Level::room(std::size_t count) {
  if (end_ + count > values_.size()) {
    std::memmove(values_.data(), values_.data() + end_ - kept_, kept_ * sizeof(double));
    end_ = kept_;
  }
  return values_.data() + end_;
}

MovingWindow::MovingWindow(Kind kind, std::size_t size, std::size_t chunk, const LaneKernels& kernels)
    : kind_(kind), size_(size), kernels_(&kernels) {
  switch (kind) {
    case Kind::kSum:
    case Kind::kMean: join_ = kernels.add; break;
    case Kind::kLeast: join_ = kernels.smaller; break;
    case Kind::kGreatest: join_ = kernels.greater; break;
  }
  // the next level reaches 2^k rows back, and the pieces of a window in front of this one are shorter together
  for (std::size_t k = 0; size >> k != 0; ++k) levels_.emplace_back(std::size_t{1} << k, chunk, neutral());
  if (kind == Kind::kMean) counts_.resize(chunk);
}

// -0 rather than 0: a sum of nothing but -0 is -0.
double MovingWindow::neutral() const noexcept {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (kind_ == Kind::kLeast) return kInfinity;
  return kind_ == Kind::kGreatest ? -kInfinity : -0.0;
}

void MovingWindow::apply(double* values, std::size_t count, const std::uint8_t* validity, std::size_t first) {
  double* const own = levels_[0].room(count);
  std::memcpy(own, values, count * sizeof(double));
  for (std::size_t i = 0; validity != nullptr && i < count; ++i) {
    if (!get_bit(validity, first + i)) own[i] = neutral();
  }
  reduce(values, count);
  if (kind_ == Kind::kMean) divide_by_counts(values, count, validity, first);
  row_ += count;
}

void MovingWindow::reduce(double* values, std::size_t count) {
  std::size_t behind = 0;  // rows of the window that are in `values` already
  for (std::size_t k = 0; k < levels_.size(); ++k) {
    const std::size_t rows = std::size_t{1} << k;
    double* const level = levels_[k].room(count);
    if ((size_ & rows) != 0) {
      if (behind == 0) {
        std::memcpy(values, level, count * sizeof(double));
      } else {
        join_(values, level - behind, values, count);
      }
      behind += rows;
    }
    if (k + 1 < levels_.size()) join_(level, level - rows, levels_[k + 1].room(count), count);
    levels_[k].advance(count);
  }
}

void MovingWindow::divide_by_counts(double* values, std::size_t count, const std::uint8_t* validity,
                                    std::size_t first) {
  if (validity == nullptr && null_rows_.empty() && row_ + 1 >= size_) {
    return kernels_->standardize(values, values, count, 0, static_cast<double>(size_));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t row = row_ + i;
    if (validity != nullptr && !get_bit(validity, first + i)) null_rows_.push_back(row);
    while (!null_rows_.empty() && null_rows_.front() + size_ <= row) null_rows_.pop_front();
    counts_[i] = static_cast<double>(std::min<std::uint64_t>(row + 1, size_) - null_rows_.size());
  }
  kernels_->divide(values, counts_.data(), values, count);
}

void MovingWindow::save(StateWriter& to) const {
  to.integer(row_);
  to.integer(null_rows_.size());
  for (const std::uint64_t row : null_rows_) to.integer(row);
  for (const Level& level : levels_) {
    for (const double value : level.kept()) to.number(value);
  }
}

void MovingWindow::restore(StateReader& from) {
  row_ = from.integer();
  null_rows_.clear();
  for (std::uint64_t left = from.integer(); left > 0; --left) null_rows_.push_back(from.integer());
  for (Level& level : levels_) {
    for (double& value : level.kept()) value = from.number();
  }
}

std::size_t MovingWindow::size_bytes() const noexcept {
  std::size_t bytes = counts_.size() * sizeof(double) + null_rows_.size() * sizeof(std::uint64_t);
  for (const Level& level : levels_) bytes += level.size_bytes();
  return bytes;
}

}  // namespace penstock
