// SPDX-License-Identifier: MIT
// A program that answers lines with lines on its standard streams, and is kept between questions.
#pragma once

#include <penstock/operator.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/process.h"

namespace penstock {

/// Used by one thread, which must live as long as the program runs.
class LineProgram {
 public:
  /// `command`: the program and its words; never a shell unless it is named. `keeps_state`: what it answers depends on
  /// earlier lines, so it cannot be started again. kNotFound when there is no such program.
  static Result<LineProgram> find(std::vector<std::string> command, bool keeps_state);

  /// Starts the program.
  Status start();
  /// Writes `lines` and appends what the program answers to `answers`, until these are `count` whole lines. Starts the
  /// program again when it has ended and keeps no state. Writes and reads at once, so neither side's pipe can stop the
  /// other. Errors: the program ended, answered without being asked, answered a line of more than 64 MiB, cannot be
  /// started, or the run was cancelled; it is ended then.
  Status ask(std::string_view lines, std::size_t count, std::string& answers, const StopSignal* stop);
  /// Says that no line follows, waits for its end, and tells how it was: an error unless it ends with exit code 0 and
  /// without another line. What it started and left behind is ended with it.
  Status finish(const StopSignal* stop);
  /// Ends the program.
  void kill() noexcept;

 private:
  LineProgram(std::string path, std::vector<std::string> command, bool keeps_state);
  Status exchange(std::string_view lines, std::size_t count, std::string& answers, const StopSignal* stop);
  Status check_silence();
  Status read_some(std::string& answers, std::size_t& lines);
  bool wait_for_end(int looks, const StopSignal* stop) const;
  Error ended();
  Error unasked() const;

  std::string path_;
  std::vector<std::string> command_;
  bool keeps_state_;
  bool started_ = false;
  std::size_t line_begin_ = 0;  // of the answer that is not whole yet
  Descriptor to_program_;
  Descriptor from_program_;
  std::optional<ChildProcess> process_;  // ends before its streams are closed
};

}  // namespace penstock
