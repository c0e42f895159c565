// SPDX-License-Identifier: MIT
#include "operators/io/csv/row_reader.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "operators/io/text_encoding.h"

namespace penstock::csv {

Block::Block(std::size_t capacity)
    : storage_(std::make_unique_for_overwrite<char[]>(capacity + 2 * kSlackBytes)), capacity_(capacity) {
  std::memset(storage_.get(), 0, kSlackBytes);
  std::memset(data() + capacity, 0, kSlackBytes);
}

Block::~Block() {
  if (budget_) budget_->release(capacity_);
}

void Block::charge_to(const MemoryBudget& budget) {
  budget.charge(capacity_);
  if (budget_) budget_->release(capacity_);
  budget_ = std::make_unique<MemoryBudget>(budget);
}

void Block::swap(Block& other) noexcept {
  storage_.swap(other.storage_);
  std::swap(capacity_, other.capacity_);
  budget_.swap(other.budget_);
}

RowReader::RowReader(InputStream stream, const Dialect& dialect, std::size_t block_bytes)
    : stream_(std::move(stream)),
      splitter_(dialect),
      block_bytes_(block_bytes),
      max_row_bytes_(dialect.max_row_bytes),
      block_(block_bytes) {}

Result<RowReader> RowReader::open(const std::string& path, const Dialect& dialect, std::size_t block_bytes) {
  PENSTOCK_ASSIGN(InputStream stream, InputStream::open(path));
  RowReader reader(std::move(stream), dialect, std::max<std::size_t>(block_bytes, 4));
  PENSTOCK_TRY(reader.skip_mark());
  return reader;
}

Result<RowReader> RowReader::open_at(const std::string& path, const Dialect& dialect,
                                     const Splitter::Position& position, std::size_t block_bytes) {
  if (position.offset == 0) return open(path, dialect, block_bytes);
  PENSTOCK_ASSIGN(InputStream stream, InputStream::open(path));
  PENSTOCK_TRY(stream.skip_to(position.offset));
  RowReader reader(std::move(stream), dialect, std::max<std::size_t>(block_bytes, 4));
  reader.splitter_.start_at(position);
  PENSTOCK_TRY(reader.fill());
  return reader;
}

Status RowReader::skip_mark() {
  const auto start = [this] { return std::string_view(block_.data(), end_); };
  do {
    PENSTOCK_TRY(fill());
  } while (!last_ && !shows_encoding(start()));
  PENSTOCK_ASSIGN(begin_, skip_byte_order_mark(start(), path()));
  if (begin_ > 0) splitter_.skip(begin_);
  return {};
}

void RowReader::charge_to(const MemoryBudget& budget) {
  budget_ = std::make_unique<MemoryBudget>(budget);
  block_.charge_to(budget);
}

Block RowReader::new_block(std::size_t capacity) const {
  Block block(capacity);
  if (budget_) block.charge_to(*budget_);
  return block;
}

void RowReader::move_unfinished(Block& to) {
  if (end_ > begin_) std::memcpy(to.data(), block_.data() + begin_, end_ - begin_);
  end_ -= std::exchange(begin_, 0);
}

void RowReader::resize(std::size_t capacity) {
  Block block = new_block(capacity);
  move_unfinished(block);
  block_ = std::move(block);
}

void RowReader::hand_over(RowBlock& rows) {
  const std::size_t capacity = std::max(block_bytes_, end_ - begin_);
  if (rows.block.capacity() != capacity) rows.block = new_block(capacity);
  move_unfinished(rows.block);
  std::swap(block_, rows.block);
  rows.index = index();
  rows.cut_row.reset();
  if (const CutRow* const cut = cut_row()) rows.cut_row = *cut;
  splitter_.exchange(rows.arrays);
}

Result<bool> RowReader::next() {
  for (;;) {
    const std::size_t consumed = splitter_.split(block_.data() + begin_, end_ - begin_, last_);
    begin_ += consumed;
    if (index().num_rows > 0) return true;
    if (last_ && begin_ == end_) return false;
    if (!last_) PENSTOCK_TRY(fill_to_line_end());
  }
}

// An unfinished row can end only behind a line feed, so without a new one it is not looked at again: a pipe gives 64
// KiB at a time, and a long row would be looked at as often.
Status RowReader::fill_to_line_end() {
  const bool has_unfinished_row = begin_ < end_;
  for (;;) {
    const std::size_t seen = end_ - begin_;
    PENSTOCK_TRY(fill());
    const std::string_view row(block_.data() + begin_, end_ - begin_);
    const bool may_end = last_ || row.size() > max_row_bytes_ || row.find('\n', seen) != std::string_view::npos;
    if (may_end || !has_unfinished_row) return {};
  }
}

// Moves what is unfinished to the front and reads behind it. A row that fills the block gets twice the room, so that
// the bytes of a long row are looked at twice on average.
Status RowReader::fill() {
  const std::size_t unfinished = end_ - begin_;
  if (block_.capacity() - unfinished < block_bytes_ / 2) {
    // A row beyond max_row_bytes is given up by the splitter, so no more than one block behind that is of use.
    resize(std::max(unfinished + block_bytes_, std::min(2 * unfinished, max_row_bytes_ + block_bytes_)));
  } else if (block_.capacity() > block_bytes_ && unfinished <= block_bytes_ / 2) {
    resize(block_bytes_);
  } else if (begin_ > 0) {
    std::memmove(block_.data(), block_.data() + begin_, unfinished);
    end_ -= std::exchange(begin_, 0);
  }
  const std::size_t room = block_.capacity() - end_;
  // What comes through a pipe is worked on as it comes.
  const bool live = stream_.bytes_total() == 0;
  PENSTOCK_ASSIGN(const std::size_t count,
                  live ? stream_.read(block_.data() + end_, room) : stream_.read_full(block_.data() + end_, room));
  end_ += count;
  last_ = live ? count == 0 : count < room;
  return {};
}

}  // namespace penstock::csv
