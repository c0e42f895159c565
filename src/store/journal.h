// SPDX-License-Identifier: MIT
// journal.jsonl of a run: what happened, line by line, as it happens. It is what is known of a run that was killed.
#pragma once

#include <penstock/result.h>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "platform/file.h"

namespace penstock {

/// Thread-safe. Every line is written by one call of the system, so that it is whole or, after a kill, the last one is
/// cut.
class Journal {
 public:
  using Facts = std::vector<std::pair<std::string, std::string>>;

  /// With `durable` every line is on the disk before `add` returns.
  static Result<Journal> create(const std::string& path, bool durable);
  Journal(Journal&& other) noexcept : file_(std::move(other.file_)), durable_(other.durable_) {}

  /// Appends {"at": TIME, "event": EVENT, FACTS…}.
  Status add(std::string_view event, const Facts& facts = {});

 private:
  Journal(File file, bool durable) : file_(std::move(file)), durable_(durable) {}
  File file_;
  bool durable_ = false;
  std::mutex mutex_;
};

}  // namespace penstock
