// SPDX-License-Identifier: MIT
#include "stream/past_checkpoints.h"

#include <fmt/format.h>

#include "stream/checkpoints.h"

namespace penstock {

PastCheckpoints::PastCheckpoints(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    const std::vector<std::string> found = list_checkpoints(folder);
    paths_.insert(paths_.end(), found.begin(), found.end());
  }
}

std::optional<Checkpoint> PastCheckpoints::next(const std::vector<std::pair<std::string, std::string>>& identity) {
  while (next_ < paths_.size()) {
    const std::string& path = paths_[next_++];
    Result<Checkpoint> checkpoint = read_checkpoint(path);
    if (!checkpoint) {
      notes_ += checkpoint.error().to_text() + "; ";
      continue;
    }
    const std::string difference = first_difference(checkpoint->identity, identity);
    if (difference.empty()) return std::move(*checkpoint);
    notes_ += fmt::format("the checkpoint {} is of another job: {}; ", path, difference);
  }
  return {};
}

void PastCheckpoints::refuse(const Checkpoint& checkpoint, const std::string& why) {
  notes_ += fmt::format("the run could not go on from {}: {}; ", checkpoint.path, why);
}

void PastCheckpoints::tell_of(const Checkpoint& checkpoint, Report::Checkpoints& report) {
  report.resumed_from = checkpoint.path;
  report.records_not_read = checkpoint.records_read;
  report.not_read = checkpoint.source;
}

void PastCheckpoints::add_notes_to(Report::Checkpoints& report) const {
  if (notes_.empty()) return;
  const std::string began = report.resumed_from.empty() ? "; the run began anew" : "; an earlier one was used";
  const std::string notes = notes_.substr(0, notes_.size() - 2) + began;
  report.note = report.note.empty() ? notes : notes + "; " + report.note;
}

}  // namespace penstock
