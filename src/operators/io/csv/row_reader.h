// SPDX-License-Identifier: MIT
// The rows of one CSV file: reads blocks, keeps what is unfinished, asks the splitter.
#pragma once

#include <penstock/buffer.h>

#include <memory>
#include <optional>
#include <string>

#include "operators/io/csv/splitter.h"
#include "operators/io/input_stream.h"

namespace penstock::csv {

/// Memory for bytes of a file. How many bytes before and behind them may be read, though they mean nothing:
/// `kSlackBytes`.
class Block {
 public:
  static constexpr std::size_t kSlackBytes = 64;

  Block() noexcept = default;
  explicit Block(std::size_t capacity);
  ~Block();
  Block(Block&& other) noexcept { swap(other); }
  Block& operator=(Block&& other) noexcept {
    swap(other);
    return *this;
  }

  /// Counts the memory against `budget` from now on.
  void charge_to(const MemoryBudget& budget);

  char* data() noexcept { return storage_.get() + kSlackBytes; }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  void swap(Block& other) noexcept;

  std::unique_ptr<char[]> storage_;  // the block between two times `kSlackBytes`
  std::size_t capacity_ = 0;
  std::unique_ptr<MemoryBudget> budget_;
};

/// Rows with their bytes, apart from the reader that found them.
struct RowBlock {
  Block block = {};
  IndexArrays arrays = {};
  Index index = {};
  std::optional<CutRow> cut_row = {};  ///< When the first row is the rest of one that was too long.
};

/// Reads one file, block by block.
///
/// Used by one worker. Memory: one block, growing while a row is longer, to less than twice `max_row_bytes`; it is
/// charged to the budget and shrinks when the long row is done. The splitter expects no number of columns: callers
/// compare `Row::columns`.
class RowReader {
 public:
  /// Opens `path`, skips a UTF-8 byte order mark; UTF-16 and UTF-32 are kInvalidArgument.
  static Result<RowReader> open(const std::string& path, const Dialect& dialect,
                                std::size_t block_bytes = InputStream::kBlockBytes);

  /// The same from where a row begins; nothing before is looked at.
  static Result<RowReader> open_at(const std::string& path, const Dialect& dialect, const Splitter::Position& position,
                                   std::size_t block_bytes);

  RowReader(RowReader&& other) noexcept = default;
  RowReader& operator=(RowReader&& other) = delete;

  /// As `InputStream::stop_with`.
  void stop_with(const StopSignal* stop) noexcept { stream_.stop_with(stop); }
  /// Counts the block against `budget` from now on.
  void charge_to(const MemoryBudget& budget);

  /// Goes to the next rows; false at the end of the file. `index()` then holds at least one row, until the next call.
  Result<bool> next();
  const Index& index() const noexcept { return splitter_.index(); }
  /// The first row of the index, when it was longer than `max_row_bytes` and began before the block, or null.
  const CutRow* cut_row() const noexcept { return splitter_.first_row_is_cut() ? &splitter_.cut_row() : nullptr; }
  /// Gives away the rows of `index()`, to be read while this reader goes on. The memory that `rows` had serves again.
  void hand_over(RowBlock& rows);

  /// Behind the rows of `index()`, also when these were given away.
  Splitter::Position position() const noexcept { return splitter_.position(); }

  const std::string& path() const noexcept { return stream_.path(); }
  std::uint64_t bytes_read() const noexcept { return stream_.bytes_read(); }
  std::uint64_t bytes_total() const noexcept { return stream_.bytes_total(); }
  std::size_t block_capacity() const noexcept { return block_.capacity(); }

 private:
  RowReader(InputStream stream, const Dialect& dialect, std::size_t block_bytes);
  Status skip_mark();
  Status fill();
  Status fill_to_line_end();
  void resize(std::size_t capacity);
  Block new_block(std::size_t capacity) const;
  void move_unfinished(Block& to);

  InputStream stream_;
  Splitter splitter_;
  std::size_t block_bytes_;
  std::size_t max_row_bytes_;
  std::unique_ptr<MemoryBudget> budget_;
  Block block_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool last_ = false;
};

}  // namespace penstock::csv
