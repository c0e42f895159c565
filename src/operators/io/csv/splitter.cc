// SPDX-License-Identifier: MIT
#include "operators/io/csv/splitter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "operators/io/csv/scan.h"

namespace penstock::csv {
namespace {

// Enough for the rows of a block of 256 KiB and small enough for the second-level cache.
constexpr std::size_t kEndsCapacity = 32'768 + 64;
constexpr std::size_t kRowsCapacity = 4'096 + 64;
constexpr std::size_t kExcerptBytes = 1'024;
constexpr std::size_t kNowhere = ~std::size_t{0};

std::size_t find(const char* data, std::size_t begin, std::size_t end, char byte) {
  if (begin >= end) return kNowhere;
  const void* const found = std::memchr(data + begin, byte, end - begin);
  return found ? static_cast<std::size_t>(static_cast<const char*>(found) - data) : kNowhere;
}

IndexArrays new_arrays() {
  return {std::make_unique_for_overwrite<std::uint32_t[]>(kEndsCapacity + 1), kEndsCapacity,
          std::make_unique_for_overwrite<Row[]>(kRowsCapacity)};
}

std::uint32_t count_feeds(const char* data, std::size_t begin, std::size_t end) {
  return static_cast<std::uint32_t>(std::count(data + begin, data + end, '\n'));
}

}  // namespace

Status check(const Dialect& dialect) {
  const auto special = [](char byte) { return byte == '\n' || byte == '\r'; };
  if (special(dialect.delimiter)) {
    return Error(ErrorCode::kInvalidArgument, "the delimiter cannot be a line end").hint("use ',', ';', '|' or a tab");
  }
  if (dialect.quoting && special(dialect.quote)) {
    return Error(ErrorCode::kInvalidArgument, "the quote cannot be a line end").hint("use '\"'");
  }
  if (dialect.quoting && dialect.quote == dialect.delimiter) {
    return Error(ErrorCode::kInvalidArgument, std::string("delimiter and quote cannot both be ") + dialect.quote);
  }
  if (dialect.max_row_bytes == 0 || dialect.max_row_bytes > kMostRowBytes) {
    return Error(ErrorCode::kInvalidArgument, "max_row_bytes must be from 1 to " + std::to_string(kMostRowBytes) +
                                                  ", it is " + std::to_string(dialect.max_row_bytes));
  }
  return {};
}

Splitter::Splitter(const Dialect& dialect, Scan scan)
    : dialect_(dialect), scan_(scan_function(scan)), arrays_(new_arrays()), ends_(arrays_.ends.get() + 1) {
  const Status fine = check(dialect);
  PENSTOCK_CHECK(fine, "csv::Splitter needs a dialect that csv::check accepts");
  index_.quote = dialect.quote;
  index_.quoting = dialect.quoting;
}

std::size_t Splitter::split(const char* data, std::size_t size, bool last) {
  PENSTOCK_CHECK(size < 0xFFFF'FF00, "csv::Splitter::split takes less than 4 GiB at once");
  start(data, size);
  if (skipping_ && !resume_skipping(last)) return finish_split(size);
  while (next_begin() < size && kRowsCapacity - num_rows_ >= 64) {
    bool go_on = false;
    if (scan_ && scan_fast(last, go_on)) {
      if (go_on) continue;
      break;
    }
    const RowScan found = scan_row(last);
    if (found == RowScan::kSkipping) return finish_split(size);
    if (found == RowScan::kNeedMore) break;
    if (num_ends_ + 64 > kEndsCapacity) break;
  }
  return finish_split(std::min(next_begin(), size));
}

void Splitter::exchange(IndexArrays& arrays) {
  if (arrays.rows == nullptr) arrays = new_arrays();
  std::swap(arrays_, arrays);
  ends_ = arrays_.ends.get() + 1;
}

void Splitter::start(const char* data, std::size_t size) {
  data_ = data;
  size_ = size;
  ends_[-1] = ~std::uint32_t{0};
  num_ends_ = 0;
  num_rows_ = 0;
  lines_ = 0;
  first_row_is_cut_ = false;
}

std::size_t Splitter::finish_split(std::size_t consumed) {
  index_.data = data_;
  index_.ends = ends_;
  index_.rows = arrays_.rows.get();
  index_.num_rows = num_rows_;
  index_.offset = next_offset_;
  index_.line = next_line_;
  next_offset_ += consumed;
  next_line_ += lines_;
  return consumed;
}

bool Splitter::resume_skipping(bool last) {
  std::size_t end = find(data_, 0, size_, '\n');
  if (end == kNowhere && !last) {
    cut_row_.size_bytes += size_;
    return false;
  }
  end = std::min(end, size_);
  cut_row_.size_bytes += end;
  skipping_ = false;
  first_row_is_cut_ = true;
  push_end(end);
  finish_row(0, end, kTooLong);
  return true;
}

// Returns true when the fast path did all there is to do for now; `go_on` then says to come again. False: the row at
// `next_begin()` needs a closer look.
bool Splitter::scan_fast(bool last, bool& go_on) {
  ScanState state{data_,
                  next_begin(),
                  size_,
                  dialect_.delimiter,
                  dialect_.quote,
                  dialect_.quoting,
                  ends_,
                  num_ends_,
                  arrays_.ends_capacity,
                  arrays_.rows.get(),
                  num_rows_,
                  kRowsCapacity,
                  lines_,
                  0};
  const ScanStop stop = scan_(state);
  const std::size_t from = std::exchange(num_rows_, state.num_rows);
  num_ends_ = state.first_end;
  lines_ = state.lines;
  if (!mark_rows(from) || stop == ScanStop::kMisplaced) return false;
  if (stop == ScanStop::kFull) {
    // A row of more cells than there is room for gets more room; otherwise the next call goes on behind the last row.
    go_on = num_rows_ == 0;
    if (go_on) grow_ends();
    return true;
  }
  const std::size_t unfinished = size_ - std::min(next_begin(), size_);
  return unfinished == 0 || (!last && unfinished <= dialect_.max_row_bytes);
}

// Sets the flags of the rows from `from` on. At a row that is too long it forgets this and later rows, and returns
// false.
bool Splitter::mark_rows(std::size_t from) {
  for (std::size_t i = from; i < num_rows_; ++i) {
    Row& row = arrays_.rows[i];
    const std::uint32_t begin = ends_[static_cast<std::ptrdiff_t>(row.first) - 1] + 1;
    const std::uint32_t end = ends_[row.first + row.columns - 1];
    if (end - begin > dialect_.max_row_bytes) [[unlikely]] {
      num_ends_ = row.first;
      lines_ = row.line;
      num_rows_ = i;
      return false;
    }
    row.flags = shape_of(begin, end, row.columns);
  }
  return true;
}

std::uint32_t Splitter::shape_of(std::size_t begin, std::size_t end, std::uint32_t columns) const noexcept {
  if (columns == 1 && end - begin <= 1 && (end == begin || data_[begin] == '\r')) return kBlankRow;
  if (columns == expected_columns_ || expected_columns_ == 0) return 0;
  return columns < expected_columns_ ? kTooFewCells : kTooManyCells;
}

// Scans the row at `next_begin()` byte by byte. What it decides depends only on the first `max_row_bytes` + 1 bytes of
// the row and on where the stream ends.
Splitter::RowScan Splitter::scan_row(bool last) {
  const std::size_t begin = next_begin();
  const std::size_t end = std::min(size_, begin + dialect_.max_row_bytes + 1);
  const bool limited = end == begin + dialect_.max_row_bytes + 1;
  const char quote = dialect_.quote;
  std::uint32_t flags = 0;
  const auto at_end = [&]() -> RowScan {
    if (limited) return reject_too_long(begin, last);
    if (!last) {
      num_ends_ = num_rows_ == 0 ? 0 : arrays_.rows[num_rows_ - 1].first + arrays_.rows[num_rows_ - 1].columns;
      return RowScan::kNeedMore;
    }
    push_end(end);
    return finish_row(begin, end, flags);
  };
  for (std::size_t at = begin;;) {
    if (dialect_.quoting && at < end && data_[at] == quote) {
      const std::size_t open = at++;
      std::size_t close = find(data_, at, end, quote);
      while (close != kNowhere && close + 1 < end && data_[close + 1] == quote)
        close = find(data_, close + 2, end, quote);
      if (close == kNowhere) {
        if (limited || last) return reject_line(begin, open, kUnclosedQuote, last);
        return at_end();
      }
      at = close + 1;
      if (at < end && data_[at] == '\r') {
        ++at;
        if (at < end && data_[at] != '\n') return reject_line(begin, open, kTextAfterQuote, last);
      }
      if (at == end) return at_end();
      if (data_[at] != dialect_.delimiter && data_[at] != '\n') return reject_line(begin, open, kTextAfterQuote, last);
    } else {
      for (; at < end && data_[at] != dialect_.delimiter && data_[at] != '\n'; ++at) {
        if (dialect_.quoting && data_[at] == quote) flags |= kStrayQuote;
      }
      if (at == end) return at_end();
    }
    push_end(at);
    if (data_[at] == '\n') return finish_row(begin, at, flags);
    ++at;
  }
}

// Appends the row whose ends were pushed last.
Splitter::RowScan Splitter::finish_row(std::size_t begin, std::size_t end, std::uint32_t flags) {
  const std::uint32_t first =
      num_rows_ == 0 ? 0 : arrays_.rows[num_rows_ - 1].first + arrays_.rows[num_rows_ - 1].columns;
  const auto columns = static_cast<std::uint32_t>(num_ends_) - first;
  if ((flags & kMalformedRow) == 0) flags |= shape_of(begin, end, columns);
  arrays_.rows[num_rows_++] = Row{first, columns, lines_, flags};
  lines_ += count_feeds(data_, begin, std::min(end + 1, size_));
  return RowScan::kRow;
}

// Rejects the row up to the end of the line on which the quote at `open` stands.
Splitter::RowScan Splitter::reject_line(std::size_t begin, std::size_t open, std::uint32_t flag, bool last) {
  const std::size_t end = std::min(size_, begin + dialect_.max_row_bytes + 1);
  const bool limited = end == begin + dialect_.max_row_bytes + 1;
  std::size_t feed = find(data_, open, end, '\n');
  num_ends_ = num_rows_ == 0 ? 0 : arrays_.rows[num_rows_ - 1].first + arrays_.rows[num_rows_ - 1].columns;
  if (feed == kNowhere) {
    if (limited) return reject_too_long(begin, last);
    if (!last) return RowScan::kNeedMore;
    feed = size_;
  }
  push_end(feed);
  return finish_row(begin, feed, flag);
}

Splitter::RowScan Splitter::reject_too_long(std::size_t begin, bool last) {
  num_ends_ = num_rows_ == 0 ? 0 : arrays_.rows[num_rows_ - 1].first + arrays_.rows[num_rows_ - 1].columns;
  std::size_t feed = find(data_, begin + dialect_.max_row_bytes + 1, size_, '\n');
  if (feed == kNowhere && !last) {
    // There is one cut row per call; the next one waits for the next call.
    if (first_row_is_cut_) return RowScan::kNeedMore;
    skipping_ = true;
    cut_row_.offset = next_offset_ + begin;
    cut_row_.line = next_line_ + lines_;
    cut_row_.size_bytes = size_ - begin;
    cut_row_.excerpt.assign(data_ + begin, std::min(kExcerptBytes, size_ - begin));
    lines_ += count_feeds(data_, begin, size_);
    return RowScan::kSkipping;
  }
  feed = std::min(feed, size_);
  push_end(feed);
  return finish_row(begin, feed, kTooLong);
}

void Splitter::push_end(std::size_t position) {
  if (num_ends_ == arrays_.ends_capacity) grow_ends();
  ends_[num_ends_++] = static_cast<std::uint32_t>(position);
}

void Splitter::grow_ends() {
  const std::size_t capacity = arrays_.ends_capacity * 2;
  auto storage = std::make_unique_for_overwrite<std::uint32_t[]>(capacity + 1);
  std::memcpy(storage.get(), arrays_.ends.get(), (num_ends_ + 1) * sizeof(std::uint32_t));
  arrays_.ends = std::move(storage);
  ends_ = arrays_.ends.get() + 1;
  arrays_.ends_capacity = capacity;
}

std::size_t unquote(std::string_view raw, char quote, char* to) noexcept {
  const char* from = raw.data() + 1;
  const char* const end = raw.data() + raw.size() - 1;
  char* out = to;
  while (from < end) {
    const auto left = static_cast<std::size_t>(end - from);
    const auto* const found = static_cast<const char*>(std::memchr(from, quote, left));
    const std::size_t size = found ? static_cast<std::size_t>(found - from) + 1 : left;
    std::memcpy(out, from, size);
    out += size;
    from += size + (found ? 1 : 0);
  }
  return static_cast<std::size_t>(out - to);
}

}  // namespace penstock::csv
