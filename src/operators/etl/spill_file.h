// SPDX-License-Identifier: MIT
// Record batches that wait on the disk because memory is too small for them.
#pragma once

#include <penstock/batch.h>

#include <string>
#include <vector>

#include "platform/file.h"

namespace penstock {

/// A queue of record batches of one schema in a temporary file: all are appended, then all are read in order.
///
/// The file has no name while it is in use, so nothing is left behind however the program ends. Used by one worker. The
/// layout is that of memory and never leaves the machine: per column null count, validity, values, bytes.
class SpillFile {
 public:
  SpillFile() = default;

  /// Creates the file in `folder`, by default $TMPDIR or /tmp.
  static Result<SpillFile> create(const std::string& folder);

  bool is_open() const noexcept { return writer_.is_open(); }
  /// kResourceExhausted when the disk is full. Cost: linear; the bytes are collected up to 1 MiB.
  Status append(const RecordBatch& batch);
  /// Ends appending.
  Status rewind();
  /// True when all was read.
  bool at_end() const noexcept { return next_ == sizes_.size(); }
  /// Returns the next batch. Requires `rewind`, not `at_end`.
  Result<RecordBatch> read(const SchemaPtr& schema, BufferPool& pool);

  std::uint64_t size_bytes() const noexcept { return size_bytes_; }

 private:
  Status flush();
  Status read_exactly(void* to, std::size_t size);
  Result<Buffer> read_buffer(BufferPool& pool);
  void put(const void* bytes, std::size_t size);
  void put_block(const void* bytes, std::size_t size);

  File writer_;
  File reader_;
  std::string pending_;
  std::vector<std::size_t> sizes_;  // rows of each batch
  std::size_t next_ = 0;
  std::uint64_t read_at_ = 0;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace penstock
