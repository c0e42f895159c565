// SPDX-License-Identifier: MIT
#include "operators/io/line_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "operators/io/text_encoding.h"
#include "platform/file.h"

namespace penstock {

LineReader::LineReader(std::vector<std::string> files, Options options) : files_(std::move(files)), options_(options) {
  for (const std::string& file : files_) {
    const Result<FileStamp> stamp = stamp_of(file);
    if (!stamp || !stamp->regular) {
      bytes_total_ = 0;
      seekable_ = false;
      return;
    }
    bytes_total_ += static_cast<std::uint64_t>(stamp->size_bytes);
  }
}

Status LineReader::open() {
  PENSTOCK_ASSIGN(const bool more, next_file());
  (void)more;
  return {};
}

void LineReader::stop_with(const StopSignal* stop) noexcept {
  stop_ = stop;
  if (stream_ != nullptr) stream_->stop_with(stop);
}

Result<bool> LineReader::next_file() {
  if (stream_ != nullptr) bytes_before_ += stream_->bytes_read();
  stream_.reset();
  if (file_index_ == files_.size()) return false;
  PENSTOCK_ASSIGN(InputStream stream, InputStream::open(files_[file_index_]));
  stream_ = std::make_unique<InputStream>(std::move(stream));
  stream_->stop_with(stop_);
  ++file_index_;
  at_file_start_ = true;
  at_file_end_ = false;
  line_number_ = 0;
  read_in_file_ = 0;
  at_ = whole_end_ = end_ = buffer_.get();
  return true;
}

void LineReader::Position::save(StateWriter& to) const {
  for (const std::uint64_t value : {file, offset, line, bytes_before}) to.integer(value);
}

LineReader::Position LineReader::Position::restored(StateReader& from) noexcept {
  Position position;
  for (std::uint64_t* const value : {&position.file, &position.offset, &position.line, &position.bytes_before})
    *value = from.integer();
  return position;
}

Status LineReader::go_to(const Position& position) {
  if (position.file == 0 || position.file > files_.size())
    return Error(ErrorCode::kDataLoss, "there are fewer files than when the checkpoint was written");
  file_index_ = static_cast<std::size_t>(position.file) - 1;
  stream_.reset();
  PENSTOCK_TRY(next_file());
  bytes_before_ = position.bytes_before;
  if (position.offset == 0) return {};
  PENSTOCK_TRY(stream_->skip_to(position.offset));
  at_file_start_ = false;
  line_number_ = position.line;
  read_in_file_ = position.offset;
  bytes_done_.store(bytes_before_ + stream_->bytes_read(), std::memory_order_relaxed);
  return {};
}

// Moves what is left to the front and makes sure that a block fits behind it.
void LineReader::make_room() {
  const auto left = static_cast<std::size_t>(end_ - at_);
  const std::size_t wanted = left + options_.block_bytes;
  if (wanted > capacity_) {
    const std::size_t capacity =
        std::max(wanted, std::min(2 * capacity_, options_.max_line_bytes + options_.block_bytes));
    auto bigger = std::make_unique<char[]>(capacity + kPaddingBytes);
    if (left > 0) std::memcpy(bigger.get(), at_, left);
    buffer_ = std::move(bigger);
    capacity_ = capacity;
  } else if (at_ != buffer_.get() && left > 0) {
    std::memmove(buffer_.get(), at_, left);
  }
  at_ = whole_end_ = buffer_.get();
  end_ = at_ + left;
}

// Appends bytes of the present file behind those that are left; 0 at its end.
Result<std::size_t> LineReader::read_more() {
  make_room();
  PENSTOCK_ASSIGN(const std::size_t got, stream_->read(buffer_.get() + (end_ - at_), options_.block_bytes));
  end_ += got;
  read_in_file_ += got;
  at_file_end_ = got == 0;
  bytes_done_.store(bytes_before_ + stream_->bytes_read(), std::memory_order_relaxed);
  return got;
}

// Reads until the encoding can be told, and steps over the byte order mark of UTF-8.
Status LineReader::start_file() {
  const auto start = [this] { return std::string_view(at_, static_cast<std::size_t>(end_ - at_)); };
  while (!at_file_end_ && !shows_encoding(start())) PENSTOCK_TRY(read_more());
  PENSTOCK_ASSIGN(const std::size_t mark, skip_byte_order_mark(start(), file()));
  at_ += mark;
  at_file_start_ = false;
  return {};
}

void LineReader::set_whole_end(const char* end) noexcept {
  whole_end_ = end;
  block_valid_ = !options_.check_utf8 || simdjson::validate_utf8(at_, static_cast<std::size_t>(end - at_));
}

// Makes at least one whole line available, or says that there is none. Called when all whole lines were handed out.
Result<bool> LineReader::fill() {
  std::size_t searched = 0;  // bytes from at_ that hold no line feed
  for (;;) {
    if (at_file_end_) {
      if (at_ != end_) {  // the last line, which has no line feed
        set_whole_end(end_);
        return true;
      }
      PENSTOCK_ASSIGN(const bool more, next_file());
      if (!more) return false;
    }
    if (at_file_start_) PENSTOCK_TRY(start_file());
    const auto left = static_cast<std::size_t>(end_ - at_);
    const void* const last = left == searched ? nullptr : memrchr(at_ + searched, '\n', left - searched);
    if (last == nullptr && left > options_.max_line_bytes) {
      PENSTOCK_TRY(skip_long_line());
      return true;
    }
    if (last != nullptr) {
      set_whole_end(static_cast<const char*>(last) + 1);
      return true;
    }
    searched = left;
    PENSTOCK_TRY(read_more());
  }
}

// Drops the rest of a line that is too long, keeping its first bytes at the front of the buffer.
Status LineReader::skip_long_line() {
  const std::size_t kept = std::min(Line::kKeptBytes, options_.max_line_bytes);
  std::memmove(buffer_.get(), at_, kept);
  skipped_line_ = true;
  skipped_bytes_ = static_cast<std::uint64_t>(end_ - at_);
  for (;;) {
    char* const from = buffer_.get() + kept;
    PENSTOCK_ASSIGN(const std::size_t got, stream_->read(from, capacity_ - kept));
    bytes_done_.store(bytes_before_ + stream_->bytes_read(), std::memory_order_relaxed);
    end_ = from + got;
    read_in_file_ += got;
    const void* const feed = got == 0 ? nullptr : std::memchr(from, '\n', got);
    at_file_end_ = got == 0;
    if (feed == nullptr && got > 0) {
      skipped_bytes_ += got;
      continue;
    }
    at_ = whole_end_ = feed == nullptr ? end_ : static_cast<const char*>(feed) + 1;
    if (feed != nullptr) skipped_bytes_ += static_cast<std::uint64_t>(static_cast<const char*>(feed) - from);
    return {};
  }
}

bool LineReader::take_skipped(Line& line) noexcept {
  skipped_line_ = false;
  line.text = std::string_view(buffer_.get(), std::min(Line::kKeptBytes, options_.max_line_bytes));
  line.number = ++line_number_;
  line.size_bytes = skipped_bytes_;
  line.too_long = true;
  line.valid_utf8 = true;
  return true;
}

void LineReader::cut(Line& line, const char* end) noexcept {
  const auto size = static_cast<std::size_t>(end - at_);
  line.number = ++line_number_;
  line.size_bytes = size;
  line.too_long = size > options_.max_line_bytes;
  line.text = std::string_view(at_, line.too_long ? std::min(Line::kKeptBytes, options_.max_line_bytes) : size);
  if (!line.too_long && !line.text.empty() && line.text.back() == '\r') line.text.remove_suffix(1);
  line.valid_utf8 = block_valid_ || line.too_long || simdjson::validate_utf8(line.text.data(), line.text.size());
}

Result<std::string_view> LineReader::peek(std::size_t bytes) {
  for (;;) {
    if (stream_ == nullptr || (at_file_end_ && at_ == end_)) {
      PENSTOCK_ASSIGN(const bool more, next_file());
      if (!more) return std::string_view();
    }
    if (at_file_start_) PENSTOCK_TRY(start_file());
    const auto ahead = [&] { return std::string_view(at_, static_cast<std::size_t>(end_ - at_)); };
    while (!at_file_end_ && (ahead().size() < bytes || (ahead().find('\n') == std::string_view::npos &&
                                                        ahead().size() <= options_.max_line_bytes))) {
      PENSTOCK_TRY(read_more());
    }
    if (!ahead().empty()) return ahead();
  }
}

}  // namespace penstock
