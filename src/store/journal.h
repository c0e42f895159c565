// SPDX-License-Identifier: MIT
// journal.jsonl of a run: what happened, line by line, as it happens. It is what is known of a run that was killed, and
// the first place in which a result of a function stands: the files of its stage are written from it later.
#pragma once

#include <penstock/result.h>

#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/file.h"

namespace penstock {

/// A stage that ended well and has no folder yet.
struct RecordedStage {
  std::string name;
  std::vector<std::pair<std::string, std::string>> documents;  ///< Name below the stage's folder, and JSON.
  std::vector<std::pair<std::string, std::string>> artifacts;  ///< Name below its artifacts, and bytes.

  std::size_t size_bytes() const noexcept;
};

/// Thread-safe. Every line is written by one call of the system, so that it is whole or, after a kill, the last one is
/// cut. It ends with a check of what stands before, so that a damaged line passes for none.
class Journal {
 public:
  using Facts = std::vector<std::pair<std::string, std::string>>;

  /// With `durable` every line is on the disk before `add` returns.
  static Result<Journal> create(const std::string& path, bool durable);
  Journal(Journal&& other) noexcept : file_(std::move(other.file_)), durable_(other.durable_) {}

  /// Appends {"at": TIME, "event": EVENT, FACTS…, "check": …}; with the files of a stage when it has no folder yet.
  Status add(std::string_view event, const Facts& facts = {}, const RecordedStage* stage = nullptr);

  /// Returns the stages that the lines of a journal hold; lines that are cut or damaged are left out. A later line of
  /// the same stage takes the place of an earlier one.
  static std::vector<RecordedStage> stages_in(std::string_view text);

 private:
  Journal(File file, bool durable) : file_(std::move(file)), durable_(durable) {}
  File file_;
  bool durable_ = false;
  std::mutex mutex_;
};

}  // namespace penstock
