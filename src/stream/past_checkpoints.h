// SPDX-License-Identifier: MIT
// The checkpoints of earlier runs that a run may go on from.
#pragma once

#include <penstock/run.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stream/checkpoint_file.h"

namespace penstock {

/// Hands out the checkpoints of some folders, the best first, and remembers why others were of no use.
class PastCheckpoints {
 public:
  explicit PastCheckpoints(const std::vector<std::string>& folders);

  /// Returns the next one that is whole and of the same identity; nothing when there is none.
  std::optional<Checkpoint> next(const std::vector<std::pair<std::string, std::string>>& identity);
  /// The one that was handed out last could not be gone on from.
  void refuse(const Checkpoint& checkpoint, const std::string& why);
  /// Says in a report that the run went on from one.
  static void tell_of(const Checkpoint& checkpoint, Report::Checkpoints& report);
  /// Says in a report why others were not used.
  void add_notes_to(Report::Checkpoints& report) const;

 private:
  std::vector<std::string> paths_;
  std::size_t next_ = 0;
  std::string notes_;
};

}  // namespace penstock
