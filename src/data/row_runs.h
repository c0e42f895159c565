// SPDX-License-Identifier: MIT
// Rows picked out of a column as runs of neighbours, so that what is kept is copied in pieces and not one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace penstock {

/// `size` rows from `begin` on.
struct RowRun {
  std::uint32_t begin;
  std::uint32_t size;
};

/// A list of rows and, where copying by runs pays, its runs. Thread-compatible; the list must stay.
class RowRuns {
 public:
  /// Cost: linear in the list, a fraction of a nanosecond per row of a long run.
  explicit RowRuns(std::span<const std::uint32_t> rows);

  std::span<const std::uint32_t> rows() const noexcept { return rows_; }
  std::size_t size() const noexcept { return rows_.size(); }
  /// True when the runs are so short that `runs` is empty and `rows` has to be walked through.
  bool scattered() const noexcept { return scattered_; }
  std::span<const RowRun> runs() const noexcept { return runs_; }
  /// True when these are the rows from 0 to `num_rows` - 1.
  bool all_of(std::size_t num_rows) const noexcept;

 private:
  std::span<const std::uint32_t> rows_;
  std::vector<RowRun> runs_;
  bool scattered_ = false;
};

class BufferPool;
class Column;

/// Returns the rows of `runs` in their order.
Column take_rows(const Column& column, const RowRuns& runs, BufferPool& pool);

}  // namespace penstock
