// SPDX-License-Identifier: MIT
#include "apps/penstock/run_guard.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

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
  // A reader that goes away is an error of the operator that writes to it, not the end of the program.
  ::signal(SIGPIPE, SIG_IGN);
  if (timeout_.count() > 0) deadline_ = Clock::now() + timeout_ + kGrace;
  thread_ = std::thread([this] { guard(); });
}

RunGuard::~RunGuard() {
  end_ = true;
  BlockedSignals::wake(thread_);
  thread_.join();
}

void RunGuard::watch(const RunFolder& folder) {
  const std::lock_guard lock(mutex_);
  folder_ = folder;
}

void RunGuard::guard() {
  while (true) {
    const int signal = blocked_.next(deadline_);
    if (end_) return;
    if (signal == 0) give_up();
    if (signal != BlockedSignals::kWoken) take_signal();
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
