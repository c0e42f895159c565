// SPDX-License-Identifier: MIT
// A program that answers what it is asked on its standard streams, and is kept between questions.
#pragma once

#include <penstock/operator.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operators/io/exec/answer_ends.h"
#include "platform/process.h"

namespace penstock::exec {

/// Used by one thread, which must live as long as the program runs.
class AnsweringProgram {
 public:
  /// `command`: the program and its words; never a shell unless it is named. `keeps_state`: what it answers depends on
  /// earlier questions, so it cannot be started again. `ends` tells its answers apart. kNotFound when there is no such
  /// program.
  static Result<AnsweringProgram> find(std::vector<std::string> command, bool keeps_state,
                                       std::unique_ptr<AnswerEnds> ends);
  /// What each program that is started gets in front of its first question, and answers by one answer more: the names
  /// of columns. Before `start`.
  void greet_with(std::string greeting) { greeting_ = std::move(greeting); }

  /// Starts the program.
  Status start();
  /// Writes `questions` and appends what the program answers to `answers`, until these are `count` whole ones. Starts
  /// the program again when it has ended and keeps no state. Writes and reads at once, so neither side's pipe can stop
  /// the other. Errors: the program ended, answered without being asked, gave an answer that is too long, cannot be
  /// started, or the run was cancelled; it is ended then.
  Status ask(std::string_view questions, std::size_t count, std::string& answers, const StopSignal* stop);
  /// Whether the answers of the last `ask` begin with that to the greeting.
  bool answered_greeting() const noexcept { return greeted_now_; }
  /// Says that no question follows, waits for its end, and tells how it was: an error unless it ends with exit code 0
  /// and without another answer. What it started and left behind is ended with it.
  Status finish(const StopSignal* stop);
  /// Ends the program.
  void kill() noexcept;

 private:
  AnsweringProgram(std::string path, std::vector<std::string> command, bool keeps_state,
                   std::unique_ptr<AnswerEnds> ends);
  Status exchange(std::string_view questions, std::size_t count, std::string& answers, const StopSignal* stop);
  Status check_silence();
  Status read_some(std::string& answers, std::size_t& answered);
  bool wait_for_end(int looks, const StopSignal* stop) const;
  Error ended();
  Error unasked() const;

  std::string path_;
  std::vector<std::string> command_;
  bool keeps_state_;
  std::unique_ptr<AnswerEnds> ends_;
  std::string greeting_;
  bool greeted_ = false;      // the program that runs
  bool greeted_now_ = false;  // by the last `ask`
  bool started_ = false;
  Descriptor to_program_;
  Descriptor from_program_;
  std::optional<ChildProcess> process_;  // ends before its streams are closed
};

}  // namespace penstock::exec
