// SPDX-License-Identifier: MIT
// The output side of sinks that write text: collects bytes, writes them in large pieces, appears whole or not at all.
#pragma once

#include <penstock/operator.h>

#include "platform/file.h"

namespace penstock {

/// A file that a sink writes. Used by one worker.
class OutputWriter {
 public:
  static constexpr std::size_t kFlushBytes = std::size_t{128} << 10;

  explicit OutputWriter(std::string path) : path_(std::move(path)) {}

  /// Creates the temporary beside the target, and missing folders.
  Status open();
  /// What was not written yet; append to it, then call `flush_if_full`.
  std::string& text() noexcept { return text_; }
  /// Appends what was formatted elsewhere; much of it is written without a copy.
  Status append(std::string_view text);
  Status flush_if_full() { return text_.size() < kFlushBytes ? Status() : flush(); }
  void count_records(std::uint64_t more) noexcept { records_ += more; }
  std::uint64_t records() const noexcept { return records_; }
  /// False when what was written cannot be gone on with: to a pipe, a device.
  bool saves() const noexcept { return AtomicFile::replaces(path_); }
  Status save(StateWriter& to);
  Status restore(StateReader& from);

  /// Writes the rest, so that a full disk is met before anything is committed.
  Status finish() { return flush(); }
  Status commit() { return file_.commit(); }
  void abort() noexcept { file_.abort(); }
  std::vector<OutputFile> outputs() const { return {{path_, "data", records_, file_.bytes_written()}}; }

 private:
  Status flush();

  std::string path_;
  AtomicFile file_;
  std::string text_;
  std::uint64_t records_ = 0;
};

/// The option `path` of sinks, required.
OptionInfo output_path_option();

}  // namespace penstock
