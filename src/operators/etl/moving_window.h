// SPDX-License-Identifier: MIT
// A reduction over the last rows, kept up over the batches of a stream.
#pragma once

#include <penstock/operator.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "data/lanes.h"

namespace penstock {

/// The sum, mean, least or greatest of the last `size` rows, of fewer at the start. Rows that are null take a place in
/// the window and count for nothing. Used by one worker.
///
/// A window is put together from pieces of 2^k rows, one for each bit of `size`, and a piece from its two halves: that
/// tree depends on `size` and on the row alone, so cutting the stream differently changes no bit of a sum; a value that
/// left the window leaves no trace, not even a NaN. Cost: about log2(size) additions of vectors per row.
class MovingWindow {
 public:
  enum class Kind : std::uint8_t { kSum, kMean, kLeast, kGreatest };
  static constexpr std::size_t kMostRows = 1'000'000;

  /// Requires 1 <= size <= kMostRows. `chunk` is the most rows of one call.
  MovingWindow(Kind kind, std::size_t size, std::size_t chunk, const LaneKernels& kernels);

  /// Replaces the next `count` values by the results. `validity` has a bit per row, from bit `first` on; null: no row
  /// is null. Results of rows that are null mean nothing.
  void apply(double* values, std::size_t count, const std::uint8_t* validity, std::size_t first);

  void save(StateWriter& to) const;
  /// Goes on where another window of the same kind and size was.
  void restore(StateReader& from);

  /// What it keeps, in bytes.
  std::size_t size_bytes() const noexcept;

 private:
  // The last values of one level, in one piece, with room for the next ones behind them.
  class Level {
   public:
    Level(std::size_t kept, std::size_t chunk, double neutral);
    /// Returns where the next `count` values belong; those before it stay readable as far back as was asked to be kept.
    double* room(std::size_t count);
    void advance(std::size_t count) noexcept { end_ += count; }
    /// Those that must stay readable.
    std::span<double> kept() noexcept { return std::span(values_).subspan(end_ - kept_, kept_); }
    std::span<const double> kept() const noexcept { return std::span(values_).subspan(end_ - kept_, kept_); }
    std::size_t size_bytes() const noexcept { return values_.size() * sizeof(double); }

   private:
    std::size_t kept_;
    std::size_t end_;
    std::vector<double> values_;
  };

  double neutral() const noexcept;
  void reduce(double* values, std::size_t count);
  void divide_by_counts(double* values, std::size_t count, const std::uint8_t* validity, std::size_t first);

  const Kind kind_;
  const std::size_t size_;
  const LaneKernels* kernels_;
  LaneKernels::Combine join_;
  std::vector<Level> levels_;            // number k: reductions of the last 2^k rows
  std::uint64_t row_ = 0;                // of the stream: the next one
  std::deque<std::uint64_t> null_rows_;  // those in the window, of kMean only
  std::vector<double> counts_;
};

}  // namespace penstock
