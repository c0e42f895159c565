// SPDX-License-Identifier: MIT
// Cuts a CSV file into blocks of whole rows of about 256 KiB, with read(2). Quotes must stand where RFC 4180 allows
// them.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>

#include "byte_masks.h"
#include "ring.h"

namespace penstock::benchmark::csv_job {

inline constexpr std::size_t kBlockBytes = 256 * 1024;
inline constexpr std::size_t kPadding = 64;  // may be read behind a block's end, never used

/// Whole rows, each with its line feed.
struct Block {
  std::unique_ptr<char[]> data = std::make_unique_for_overwrite<char[]>(2 * kBlockBytes + kPadding);
  std::size_t size = 0;
  std::uint64_t number = 0;  ///< Counts blocks from 0.
  std::uint64_t offset = 0;  ///< Of the first byte in the file.
  std::uint64_t line = 0;    ///< Of the first byte, counted from 1.
};

/// Thread-safe: each call of `next` cuts one block. A row longer than a block ends the reading with `failed`.
class BlockReader {
 public:
  explicit BlockReader(const char* path) : file_(open(path, O_RDONLY | O_CLOEXEC)) {
    failed_ = file_ < 0;
    if (failed_) std::perror(path);
  }
  ~BlockReader() {
    if (file_ >= 0) close(file_);
  }
  BlockReader(const BlockReader&) = delete;
  BlockReader& operator=(const BlockReader&) = delete;

  bool failed() const noexcept { return failed_; }

  /// False at the end of the file and on failure.
  bool next(Block& block) {
    std::unique_lock lock(mutex_, std::try_to_lock);
    for (Patience patience; !lock.owns_lock(); lock.try_lock()) patience.wait();
    if (failed_) return false;
    char* const data = block.data.get();
    std::memcpy(data, carry_.get(), carried_);
    std::size_t size = carried_ + fill(data + carried_);
    if (failed_ || size == 0) return false;
    const bool last = size < carried_ + kBlockBytes;
    if (last && data[size - 1] != '\n') data[size++] = '\n';
    std::uint64_t lines = 0;
    block.size = cut(data, size, lines);
    if (block.size == 0 || (last && block.size != size))
      return fail(last ? "unclosed quote" : "row longer than a block");
    carried_ = size - block.size;
    if (carried_ > kBlockBytes - 1) return fail("row longer than a block");
    std::memcpy(carry_.get(), data + block.size, carried_);
    block.number = blocks_++;
    block.offset = offset_;
    block.line = line_;
    offset_ += block.size;
    line_ += lines;
    return true;
  }

 private:
  bool fail(const char* why) {
    std::fprintf(stderr, "%s at byte %llu\n", why, static_cast<unsigned long long>(offset_));
    failed_ = true;
    return false;
  }

  std::size_t fill(char* to) {
    std::size_t size = 0;
    while (size < kBlockBytes) {
      const ssize_t got = read(file_, to + size, kBlockBytes - size);
      if (got < 0) return fail(std::strerror(errno)), 0;
      if (got == 0) break;
      size += static_cast<std::size_t>(got);
    }
    return size;
  }

  /// Returns how many bytes are whole rows, and counts the line feeds in them.
  static std::size_t cut(char* data, std::size_t size, std::uint64_t& lines) {
    std::memset(data + size, 0, kPadding);
    std::uint64_t inside = 0;  // all ones: the last 64 bytes ended inside quotes
    std::size_t end = 0;
    std::uint64_t seen = 0;
    for (std::size_t at = 0; at < size; at += 64) {
      const std::uint64_t feeds = mask_of(data + at, '\n');
      const std::uint64_t quoted = prefix_xor(mask_of(data + at, '"')) ^ inside;
      inside = static_cast<std::uint64_t>(static_cast<std::int64_t>(quoted) >> 63);
      if (const std::uint64_t ends = feeds & ~quoted; ends != 0) {
        const int bit = 63 - std::countl_zero(ends);
        end = at + static_cast<std::size_t>(bit) + 1;
        lines = seen + static_cast<std::uint64_t>(std::popcount(feeds << (63 - bit)));
      }
      seen += static_cast<std::uint64_t>(std::popcount(feeds));
    }
    return end;
  }

  std::mutex mutex_;
  int file_;
  bool failed_ = false;
  std::unique_ptr<char[]> carry_ = std::make_unique_for_overwrite<char[]>(kBlockBytes);
  std::size_t carried_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t line_ = 1;
};

}  // namespace penstock::benchmark::csv_job
