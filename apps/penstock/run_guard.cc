// SPDX-License-Identifier: MIT
#include "apps/penstock/run_guard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "apps/penstock/command_line.h"
#include "apps/penstock/console.h"
#include "stream/table.h"
#include "workflow/file_run.h"

namespace penstock::app {
namespace {

// The engine itself leaves behind an operator that ignores a cancel, and reports which one; this is for what it cannot
// leave, such as an operator that waits for input before the run began.
constexpr std::chrono::seconds kGrace{3};

}  // namespace

RunGuard::RunGuard(StopSignal& stop, std::chrono::milliseconds timeout) : stop_(stop), timeout_(timeout) {
  sigemptyset(&set_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR2}) sigaddset(&set_, signal);
  pthread_sigmask(SIG_BLOCK, &set_, &before_);
  // A reader that goes away is an error of the operator that writes to it, not the end of the program.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a file that is larger than allowed (ulimit -f) is an error that names it
  if (timeout_.count() > 0) deadline_ = Clock::now() + timeout_ + kGrace;
  thread_ = std::thread([this] { guard(); });
}

RunGuard::~RunGuard() {
  end_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR2);  // wakes the thread
  thread_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void RunGuard::watch(const RunFolder& folder) {
  const std::lock_guard lock(mutex_);
  folder_ = folder;
}

int RunGuard::next_signal() const {
  if (!deadline_) {
    int signal = 0;
    return sigwait(&set_, &signal) == 0 ? signal : SIGUSR2;
  }
  const auto left = std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(*deadline_ - Clock::now()));
  const timespec time = {static_cast<time_t>(left.count() / 1'000'000'000),
                         static_cast<long>(left.count() % 1'000'000'000)};
  const int signal = sigtimedwait(&set_, nullptr, &time);
  if (signal > 0) return signal;
  return errno == EAGAIN ? 0 : SIGUSR2;
}

void RunGuard::guard() {
  while (true) {
    const int signal = next_signal();
    if (end_) return;
    if (signal == 0) give_up();
    if (signal != SIGUSR2) take_signal();
  }
}

void RunGuard::take_signal() {
  switch (++signals_) {
    case 1:
      stop_.request(StopSignal::State::kDrain);
      print_behind_typing(
          "penstock: stopping: no more input is read, what was read is finished and kept; a second signal drops it\n");
      break;
    case 2:
      stop_.request(StopSignal::State::kCancel);
      deadline_ = Clock::now() + kGrace;
      print_behind_typing(
          "penstock: cancelled: what was not finished is dropped; a third signal ends the program at once\n");
      break;
    default: remove_block(); ::_exit(kInterrupted);
  }
}

void RunGuard::give_up() {
  const bool cancelled = signals_ > 1;
  Error error =
      cancelled
          ? Error(ErrorCode::kCancelled, "the run was cancelled, but an operator did not return")
          : Error(ErrorCode::kTimeout, fmt::format("the run did not end within its timeout of {}, and an operator "
                                                   "did not return when it was told to stop",
                                                   duration_text(static_cast<double>(timeout_.count()) / 1e3)))
                .hint("look for an operator that waits for something outside, such as a pipe or a device");
  print_error(error);
  {
    const std::lock_guard lock(mutex_);
    if (folder_) {
      const Status closed = close_given_up_run(*folder_, cancelled ? "cancelled" : "failed", error);
      if (!closed) print_error(closed.error());
    }
  }
  // Without destructors: the operator still uses what they would destroy.
  std::_Exit(cancelled ? kInterrupted : kFailed);
}

}  // namespace penstock::app
