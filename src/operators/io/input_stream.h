// SPDX-License-Identifier: MIT
// The bytes of one input file, decompressed on the way.
#pragma once

#include <penstock/operator.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace penstock {

/// How a file is stored, by its first bytes; names do not matter.
enum class Compression : std::uint8_t { kNone, kGzip, kZstd };

/// Reads one file from front to end with read(2).
///
/// Used by one worker. Gzip (any number of members) and zstd (any number of frames) are recognised by their first bytes
/// and decompressed. At the end it looks at the file again: a regular file that was changed, replaced or cut while it
/// was read is kDataLoss, as are compressed files that are corrupt or end too early. Memory: none beyond the caller's
/// for plain files; about 300 KiB for gzip and the frame's window, at most 128 MiB, for zstd.
class InputStream {
 public:
  /// How much callers should ask for at a time: a system call per 256 KiB costs nothing, and the block stays in the
  /// cache.
  static constexpr std::size_t kBlockBytes = std::size_t{256} << 10;

  /// Opens `path`; "/dev/stdin" and other pipes work too, and "tcp://HOST:PORT", which is connected to and ends when
  /// the other side closes.
  static Result<InputStream> open(const std::string& path);
  /// From now on a read that waits for a pipe ends with kCancelled soon after the run was stopped; null: it waits on.
  void stop_with(const StopSignal* stop) noexcept;

  InputStream(InputStream&&) noexcept;
  InputStream& operator=(InputStream&&) noexcept;
  ~InputStream();

  /// Goes to the byte `offset` of the decompressed file, before anything was read. A plain file is not read up to
  /// there, a compressed one is. kDataLoss when it is shorter.
  Status skip_to(std::uint64_t offset);

  /// Puts up to `size` decompressed bytes to `to`; 0 means that the end was reached and all is well.
  Result<std::size_t> read(char* to, std::size_t size);
  /// As `read`, but less than `size` only at the end.
  Result<std::size_t> read_full(char* to, std::size_t size);

  /// False when `read` would have to wait for somebody who writes into a pipe.
  bool ready() const noexcept;

  /// Of what is no file only known when some of it was read.
  Compression compression() const noexcept;
  const std::string& path() const noexcept;
  /// Bytes of the file, compressed as they are, taken so far; for progress.
  std::uint64_t bytes_read() const noexcept;
  /// Size of the file, compressed as it is; 0 for pipes, whose size nobody knows.
  std::uint64_t bytes_total() const noexcept;

 private:
  class RawBytes;
  struct State;
  explicit InputStream(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace penstock
