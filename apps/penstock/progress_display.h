// SPDX-License-Identifier: MIT
// Progress of a run on standard error: a block that is redrawn in place on a terminal, a line every few seconds
// elsewhere.
#pragma once

#include <penstock/run.h>

#include <mutex>
#include <string>
#include <vector>

namespace penstock::app {

/// What `ProgressDisplay` shows, as lines of at most `columns` characters. `rate` is in records per second.
std::vector<std::string> progress_block(const Progress& progress, double rate, std::size_t columns,
                                        std::size_t most_lines);
/// The same in one line.
std::string progress_line(const Progress& progress, double rate);

/// Thread-safe.
class ProgressDisplay final : public ProgressListener {
 public:
  ~ProgressDisplay() override;
  void update(const Progress& progress) override;
  void alert(const AlertEvent& event) override;
  /// Names the stage that runs, when there are several.
  void set_stage(std::string name);

 private:
  std::mutex mutex_;  // guards all below
  std::string stage_;
  double rate_ = 0;
  double last_seconds_ = 0;
  double last_printed_ = 0;
  std::uint64_t last_records_ = 0;
};

}  // namespace penstock::app
