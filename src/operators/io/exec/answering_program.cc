// SPDX-License-Identifier: MIT
#include "operators/io/exec/answering_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "platform/file.h"

namespace penstock::exec {
namespace {

constexpr int kLookMs = 20;  // how often a waiting operator looks whether the run was cancelled
constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr int kLooksAtTheEnd = 10;  // of a program that has closed its output: mostly it ends at once

// Programs in Python keep their output back when it goes into a pipe, unless they are told not to.
std::vector<std::string> environment_of_program() {
  std::vector<std::string> all = environment();
  if (std::getenv("PYTHONUNBUFFERED") == nullptr) all.emplace_back("PYTHONUNBUFFERED=1");
  return all;
}

Status cancelled() { return Error(ErrorCode::kCancelled, "the run was cancelled"); }

}  // namespace

Result<AnsweringProgram> AnsweringProgram::find(std::vector<std::string> command, bool keeps_state,
                                                std::unique_ptr<AnswerEnds> ends) {
  PENSTOCK_ASSIGN(std::string path, find_program(command.front()));
  return AnsweringProgram(std::move(path), std::move(command), keeps_state, std::move(ends));
}

AnsweringProgram::AnsweringProgram(std::string path, std::vector<std::string> command, bool keeps_state,
                                   std::unique_ptr<AnswerEnds> ends)
    : path_(std::move(path)), command_(std::move(command)), keeps_state_(keeps_state), ends_(std::move(ends)) {}

void AnsweringProgram::kill() noexcept {
  to_program_.close();
  from_program_.close();
  process_.reset();
}

Status AnsweringProgram::start() {
  PENSTOCK_ASSIGN(Pipe in, make_pipe("to " + path_));
  PENSTOCK_ASSIGN(Pipe out, make_pipe("from " + path_));
  SpawnOptions options;
  options.program = path_;
  options.words = command_;
  options.env = environment_of_program();
  options.stdin_fd = in.reading.get();
  options.stdout_fd = out.writing.get();
  options.stderr_fd = STDERR_FILENO;
  // Its last words are heard by another thread than this one where there are several workers. In a process of its own
  // the thread is the process.
  options.outlives_thread = !keeps_state_ && ::gettid() != ::getpid();
  PENSTOCK_ASSIGN(ChildProcess process, ChildProcess::spawn(options));
  process_.emplace(std::move(process));
  greeted_ = false;
  to_program_ = std::move(in.writing);
  from_program_ = std::move(out.reading);
  started_ = true;
  ::fcntl(to_program_.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(from_program_.get(), F_SETFL, O_NONBLOCK);
  return {};
}

// Says whether it has ended after so many looks.
bool AnsweringProgram::wait_for_end(int looks, const StopSignal* stop) const {
  for (; !process_->has_ended(); --looks) {
    if (looks == 0 || (stop != nullptr && stop->cancelled())) return false;
    pollfd end{process_->exit_descriptor(), POLLIN, 0};
    (void)::poll(&end, 1, kLookMs);
  }
  return true;
}

// After its standard output has come to its end, or it took no more input.
Error AnsweringProgram::ended() {
  to_program_.close();
  const std::string how = wait_for_end(kLooksAtTheEnd, nullptr) ? process_->reap().to_text() : "it closed its streams";
  kill();
  return Error(ErrorCode::kUserCode,
               fmt::format("the program {} ended before it had answered: {}", command_.front(), how))
      .hint(fmt::format("it must read to the end of its input, and answer each {0} with one {0}", ends_->name()));
}

Error AnsweringProgram::unasked() const {
  return Error(ErrorCode::kUserCode,
               fmt::format("the program {} wrote a {} without being asked", command_.front(), ends_->name()))
      .hint(fmt::format("each {0} needs one {0} as its answer; messages belong onto standard error", ends_->name()));
}

// Nothing may be on its way before it is asked, or every answer would be taken for the next one.
Status AnsweringProgram::check_silence() {
  char byte = 0;
  const ssize_t got = ::read(from_program_.get(), &byte, 1);
  if (got > 0) return unasked();
  if (got == 0) return ended();
  return {};
}

Status AnsweringProgram::read_some(std::string& answers, std::size_t& answered) {
  std::array<char, kReadBytes> block;
  const ssize_t got = ::read(from_program_.get(), block.data(), block.size());
  if (got == 0) return ended();
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Status() : file_error(errno, "read from", path_);
  const std::string_view more(block.data(), static_cast<std::size_t>(got));
  const Result<std::size_t> ends_in_it = ends_->look(more);
  if (!ends_in_it) {
    return Error(ends_in_it.error().code(),
                 fmt::format("the program {} answers with {}", command_.front(), ends_in_it.error().message()));
  }
  answered += *ends_in_it;
  answers += more;
  return {};
}

Status AnsweringProgram::ask(std::string_view questions, std::size_t count, std::string& answers,
                             const StopSignal* stop) {
  if (!process_ && started_ && keeps_state_) {
    return Error(ErrorCode::kUserCode, fmt::format("the program {} has ended", command_.front()))
        .hint(
            "it is not started again, since it may keep something from question to question; stateless = true says it "
            "does not");
  }
  if (!process_) PENSTOCK_TRY(start());
  greeted_now_ = !greeting_.empty() && !std::exchange(greeted_, true);
  Status status = greeted_now_ ? exchange(greeting_ + std::string(questions), count + 1, answers, stop)
                               : exchange(questions, count, answers, stop);
  if (!status) kill();
  return status;
}

Status AnsweringProgram::exchange(std::string_view questions, std::size_t count, std::string& answers,
                                  const StopSignal* stop) {
  PENSTOCK_TRY(check_silence());
  std::size_t answered = 0;
  ends_->begin();
  while (answered < count || !questions.empty()) {
    std::array<pollfd, 2> ends{
        {{from_program_.get(), POLLIN, 0}, {questions.empty() ? -1 : to_program_.get(), POLLOUT, 0}}};
    (void)::poll(ends.data(), ends.size(), kLookMs);
    if (stop != nullptr && stop->cancelled()) return cancelled();
    if (ends[0].revents != 0) PENSTOCK_TRY(read_some(answers, answered));
    if (answered > count) return unasked();
    if (ends[1].revents == 0) continue;
    const ssize_t written = ::write(to_program_.get(), questions.data(), questions.size());
    if (written > 0) questions.remove_prefix(static_cast<std::size_t>(written));
    if (written < 0 && errno != EAGAIN && errno != EINTR) return ended();
  }
  if (answered == count && ends_->is_between()) return {};
  return unasked();
}

Status AnsweringProgram::finish(const StopSignal* stop) {
  if (!process_) return {};
  to_program_.close();
  Status status;
  bool over = false;
  while (status && !over) {
    if (stop != nullptr && stop->cancelled()) return kill(), cancelled();
    over = wait_for_end(1, stop);  // what it wrote before is in the pipe, whoever else holds the other end
    char byte = 0;
    if (::read(from_program_.get(), &byte, 1) > 0) status = unasked();
  }
  if (over) {
    const ExitStatus end = process_->reap();
    if (status && !end.ok()) {
      status =
          Error(ErrorCode::kUserCode, fmt::format("the program {} ended with {}", command_.front(), end.to_text()));
    }
  }
  kill();
  return status;
}

}  // namespace penstock::exec
