// SPDX-License-Identifier: MIT
#include "operators/io/line_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "platform/file.h"

extern char** environ;

namespace penstock {
namespace {

constexpr int kLookMs = 20;  // how often a waiting operator looks whether the run was cancelled
constexpr std::size_t kReadBytes = std::size_t{64} << 10;

void close_if_open(int& descriptor) noexcept {
  if (descriptor >= 0) ::close(std::exchange(descriptor, -1));
}

// Programs in Python keep their output back when it goes into a pipe, unless they are told not to.
std::vector<std::string> environment() {
  std::vector<std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) all.emplace_back(*entry);
  if (std::getenv("PYTHONUNBUFFERED") == nullptr) all.emplace_back("PYTHONUNBUFFERED=1");
  return all;
}

Status cancelled() { return Error(ErrorCode::kCancelled, "the run was cancelled"); }

}  // namespace

Result<LineProgram> LineProgram::find(std::vector<std::string> command) {
  const char* const search = std::getenv("PATH");
  PENSTOCK_ASSIGN(std::string path, find_program(command.front(), search == nullptr ? "/usr/bin:/bin" : search));
  return LineProgram(std::move(path), std::move(command));
}

LineProgram::LineProgram(std::string path, std::vector<std::string> command)
    : path_(std::move(path)), command_(std::move(command)) {}

LineProgram::LineProgram(LineProgram&& other) noexcept
    : path_(std::move(other.path_)),
      command_(std::move(other.command_)),
      process_(std::move(other.process_)),
      to_program_(std::exchange(other.to_program_, -1)),
      from_program_(std::exchange(other.from_program_, -1)) {}

LineProgram::~LineProgram() { kill(); }

void LineProgram::kill() noexcept {
  close_if_open(to_program_);
  close_if_open(from_program_);
  process_.reset();
}

Status LineProgram::start() {
  std::array<int, 2> in{-1, -1};
  std::array<int, 2> out{-1, -1};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) {
    const int why = errno;
    for (int& descriptor : in) close_if_open(descriptor);
    return file_error(why, "make a pipe to", path_);
  }
  SpawnOptions options;
  options.program = path_;
  options.words = command_;
  options.env = environment();
  options.stdin_fd = in[0];
  options.stdout_fd = out[1];
  options.stderr_fd = STDERR_FILENO;
  Result<ChildProcess> process = ChildProcess::spawn(options);
  ::close(in[0]);
  ::close(out[1]);
  to_program_ = in[1];
  from_program_ = out[0];
  if (!process) {
    kill();
    return std::move(process).error();
  }
  process_.emplace(std::move(*process));
  ::fcntl(to_program_, F_SETFL, O_NONBLOCK);
  ::fcntl(from_program_, F_SETFL, O_NONBLOCK);
  return {};
}

// After its standard output has come to its end, or its input was closed.
Error LineProgram::ended() {
  close_if_open(to_program_);
  const ExitStatus status = process_->reap();
  kill();
  return Error(ErrorCode::kUserCode,
               fmt::format("the program {} ended before it had answered: {}", command_.front(), status.to_text()))
      .hint("it must read lines to the end of its input, and answer each with one line");
}

Status LineProgram::read_some(std::string& answers, std::size_t& lines) {
  const std::size_t before = answers.size();
  answers.resize(before + kReadBytes);
  const ssize_t got = ::read(from_program_, answers.data() + before, kReadBytes);
  const int why = errno;
  answers.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got == 0) return ended();
  if (got < 0 && why != EAGAIN && why != EINTR) return file_error(why, "read from", path_);
  lines +=
      static_cast<std::size_t>(std::count(answers.begin() + static_cast<std::ptrdiff_t>(before), answers.end(), '\n'));
  return {};
}

Status LineProgram::ask(std::string_view lines, std::size_t count, std::string& answers, const StopSignal* stop) {
  if (!process_) PENSTOCK_TRY(start());
  std::size_t answered = 0;
  while (answered < count || !lines.empty()) {
    std::array<pollfd, 2> ends{{{from_program_, POLLIN, 0}, {lines.empty() ? -1 : to_program_, POLLOUT, 0}}};
    (void)::poll(ends.data(), ends.size(), kLookMs);
    if (stop != nullptr && stop->cancelled()) return kill(), cancelled();
    if (ends[0].revents != 0) {
      Status read = read_some(answers, answered);
      if (!read) return kill(), std::move(read);
    }
    if (ends[1].revents == 0) continue;
    const ssize_t written = ::write(to_program_, lines.data(), lines.size());
    if (written > 0) lines.remove_prefix(static_cast<std::size_t>(written));
    if (written < 0 && errno != EAGAIN && errno != EINTR) return ended();
  }
  if (answered == count && (answers.empty() || answers.back() == '\n')) return {};
  kill();
  return Error(ErrorCode::kUserCode,
               fmt::format("the program {} answered {} lines with more than {} lines", command_.front(), count, count))
      .hint("each record is one line, and needs one line as its answer");
}

Status LineProgram::finish(const StopSignal* stop) {
  if (!process_) return {};
  close_if_open(to_program_);
  std::string rest;
  for (;;) {
    pollfd end{from_program_, POLLIN, 0};
    (void)::poll(&end, 1, kLookMs);
    if (stop != nullptr && stop->cancelled()) return kill(), cancelled();
    if (end.revents == 0) continue;
    rest.resize(kReadBytes);
    const ssize_t got = ::read(from_program_, rest.data(), rest.size());
    if (got == 0) break;
    if (got < 0) continue;
    kill();
    return Error(ErrorCode::kUserCode,
                 fmt::format("the program {} answered more lines than it was asked", command_.front()))
        .hint("each record is one line, and needs one line as its answer");
  }
  const ExitStatus status = process_->reap();
  kill();
  if (status.ok()) return {};
  return Error(ErrorCode::kUserCode, fmt::format("the program {} ended with {}", command_.front(), status.to_text()));
}

}  // namespace penstock
