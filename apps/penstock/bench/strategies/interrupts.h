// SPDX-License-Identifier: MIT
// Ctrl-C while child processes measure: they are ended, nothing is written, and the program says so.
#pragma once

#include <penstock/result.h>
#include <signal.h>
#include <sys/types.h>

#include <string>

namespace penstock::app::bench {

/// While it lives, SIGINT, SIGTERM and SIGHUP are noted instead of ending the program, and are let in only while it
/// waits in `read_all`. One at a time.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// kCancelled when a signal came; asked between two pieces of work.
  Status check() const;
  /// Everything that comes out of `descriptor` until it is closed on the other side; kCancelled when a signal comes.
  Result<std::string> read_all(int descriptor) const;
  /// In a child process: signals are as they were before.
  void forget() const;

 private:
  struct sigaction before_[3];
  sigset_t mask_before_;
};

}  // namespace penstock::app::bench
