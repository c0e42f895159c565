// SPDX-License-Identifier: MIT
// Lines of one or many files, cut out of large blocks without a copy, a lock or an allocation per line.
#pragma once

#include <penstock/result.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "operators/io/input_stream.h"

namespace penstock {

/// One line as `LineReader` sees it.
struct Line {
  std::string_view text;         ///< Without its line end; of a line that is too long the first `kKeptBytes`.
  std::uint64_t number = 0;      ///< In its file, from 1.
  std::uint64_t size_bytes = 0;  ///< Of the whole line, without its line feed.
  bool too_long = false;         ///< Longer than `max_line_bytes`.
  bool valid_utf8 = true;        ///< Always true when UTF-8 is not checked, and for lines that are too long.

  static constexpr std::size_t kKeptBytes = 1024;
};

/// Reads files line by line, in the order given.
///
/// Used by one worker; `bytes_done` and `bytes_total` may be called from others. A line feed ends a line, and one CR
/// directly before it is dropped; the last line needs no line feed. Line numbers start anew in each file. A UTF-8 byte
/// order mark at the start of a file is skipped; UTF-16 and UTF-32 are errors. What is a line, and whether it is too
/// long, depends on the bytes and on `max_line_bytes` only, never on blocks. Memory: one block, or the longest line up
/// to twice `max_line_bytes`.
class LineReader {
 public:
  struct Options {
    std::size_t max_line_bytes = std::size_t{16} << 20;
    std::size_t block_bytes = InputStream::kBlockBytes;
    bool check_utf8 = true;  ///< Costs one pass per block, not per line.
  };
  /// Readable bytes behind each line's text, for parsers that read in steps.
  static constexpr std::size_t kPaddingBytes = 64;

  LineReader(std::vector<std::string> files, Options options);

  /// As `InputStream::stop_with`, for all files.
  void stop_with(const StopSignal* stop) noexcept;
  /// False when `next` would have to wait for somebody who writes into a pipe.
  bool ready() const noexcept { return at_ != whole_end_ || stream_ == nullptr || stream_->ready(); }
  /// Opens the first file, so that a missing one is reported before any record moves.
  Status open();
  /// Puts the next line to `line`; false at the end of the last file. The text stays valid until the next call.
  Result<bool> next(Line& line) {
    if (at_ == whole_end_) [[unlikely]] {
      PENSTOCK_ASSIGN(const bool more, fill());
      if (!more) return false;
      if (skipped_line_) return take_skipped(line);
    }
    const auto* end = static_cast<const char*>(std::memchr(at_, '\n', static_cast<std::size_t>(whole_end_ - at_)));
    const char* const after = end == nullptr ? whole_end_ : end + 1;
    if (end == nullptr) end = whole_end_;
    cut(line, end);
    at_ = after;
    return true;
  }
  /// Returns what lies ahead in the present file without taking it: at least `bytes` bytes, or what is left of the
  /// file; grown up to `max_line_bytes` when there is no whole line in it. Skips files that are empty. Requires that no
  /// line was taken.
  Result<std::string_view> peek(std::size_t bytes);

  /// Where a reader of the same files goes on.
  struct Position {
    std::uint64_t file = 0;  ///< Files that were begun.
    std::uint64_t offset = 0;
    std::uint64_t line = 0;
    std::uint64_t bytes_before = 0;

    void save(StateWriter& to) const;
    static Position restored(StateReader& from) noexcept;
  };
  /// Before the line that `next` would return.
  Position position() const noexcept {
    return {file_index_, read_in_file_ - static_cast<std::uint64_t>(end_ - at_), line_number_, bytes_before_};
  }
  Status go_to(const Position& position);
  /// False when one of the files cannot be gone on with: a pipe.
  bool is_seekable() const noexcept { return seekable_; }

  /// The file of the line that was returned last.
  const std::string& file() const noexcept { return files_[file_index_ == 0 ? 0 : file_index_ - 1]; }
  /// After `peek`: whether it showed all of the file.
  bool at_file_end() const noexcept { return at_file_end_; }
  std::uint64_t bytes_done() const noexcept { return bytes_done_.load(std::memory_order_relaxed); }
  /// 0 when a file is a pipe or cannot be looked at.
  std::uint64_t bytes_total() const noexcept { return bytes_total_; }

 private:
  void cut(Line& line, const char* end) noexcept;
  Result<bool> fill();
  Result<bool> next_file();
  Status start_file();
  Result<std::size_t> read_more();
  Status skip_long_line();
  bool take_skipped(Line& line) noexcept;
  void set_whole_end(const char* end) noexcept;
  void make_room();

  std::vector<std::string> files_;
  Options options_;
  const StopSignal* stop_ = nullptr;
  std::unique_ptr<InputStream> stream_;
  std::size_t file_index_ = 0;  // of the file after the present one
  bool at_file_start_ = false;  // no byte of the present file was looked at
  bool at_file_end_ = true;

  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  const char* at_ = nullptr;         // next byte to hand out
  const char* whole_end_ = nullptr;  // behind the last whole line in the buffer
  const char* end_ = nullptr;        // behind the last byte in the buffer
  bool block_valid_ = true;          // [at_, whole_end_) is UTF-8
  std::uint64_t line_number_ = 0;
  std::uint64_t read_in_file_ = 0;  // bytes, up to end_
  bool skipped_line_ = false;
  std::uint64_t skipped_bytes_ = 0;

  std::uint64_t bytes_before_ = 0;  // of the files before the present one
  std::uint64_t bytes_total_ = 0;
  bool seekable_ = true;
  std::atomic<std::uint64_t> bytes_done_{0};
};

}  // namespace penstock
