// SPDX-License-Identifier: MIT
// Several steps of arithmetic over a column in one pass: each goes over a chunk that stays in the first cache.
#pragma once

#include <penstock/batch.h>

#include <memory>
#include <span>
#include <vector>

#include "data/lanes.h"
#include "operators/etl/moving_window.h"

namespace penstock {

/// What is done to every value of a column.
struct NumericStep {
  enum class Kind : std::uint8_t {
    kMap,      ///< `map` with `a` and `b`
    kCombine,  ///< `combine` with the value of column `other` in the same row
    kMoving,   ///< a MovingWindow of `window` rows
  };
  Kind kind = Kind::kMap;
  LaneKernels::Map LaneKernels::* map = nullptr;
  double a = 0;
  double b = 0;
  LaneKernels::Combine LaneKernels::* combine = nullptr;
  std::size_t other = 0;
  MovingWindow::Kind moving = MovingWindow::Kind::kSum;
  std::size_t window = 0;
};

/// The steps of one column, with what they keep between batches. Used by one worker.
class NumericSteps {
 public:
  /// Rows per chunk. Measured in benchmarks/columns.
  static constexpr std::size_t kChunkRows = 256;

  explicit NumericSteps(std::span<const NumericStep> steps, const LaneKernels& kernels = lane_kernels());

  /// Returns what the steps make of column `column`, an int64 or float64 one, in the next rows of the stream: a column
  /// of float64, null where the column is null or one that a step names.
  Column apply(const RecordBatch& rows, std::size_t column, BufferPool& pool);

  /// What it keeps between batches.
  void save(StateWriter& to) const;
  void restore(StateReader& from);

  /// The same, in bytes.
  std::size_t size_bytes() const noexcept;

 private:
  struct Step {
    NumericStep what;
    std::unique_ptr<MovingWindow> window;
  };
  struct Chunk;

  Buffer validity_of(const RecordBatch& rows, std::size_t column, BufferPool& pool) const;
  const double* floats_of(const Column& column, const Chunk& chunk, double* converted) const;
  void apply_steps(const RecordBatch& rows, const Column& column, const Chunk& chunk);

  const LaneKernels* kernels_;
  std::vector<Step> steps_;
};

/// Which rows have values from `least` to `most`: words of 64 bits, a bit per row. Nulls and NaN have not. Bounds of an
/// int64 column are compared exactly.
void rows_between(const Column& column, double least, double most, std::vector<std::uint64_t>& words);

}  // namespace penstock
