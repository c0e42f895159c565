// SPDX-License-Identifier: MIT
#include "apps/penstock/blocked_signals.h"

#include <algorithm>
#include <cerrno>

namespace penstock::app {

BlockedSignals::BlockedSignals() {
  sigemptyset(&set_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, kWoken}) sigaddset(&set_, signal);
  pthread_sigmask(SIG_BLOCK, &set_, &before_);
  ::signal(SIGXFSZ, SIG_IGN);
}

BlockedSignals::~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

int BlockedSignals::next(const std::optional<Clock::time_point>& deadline) const {
  if (!deadline) {
    int signal = 0;
    return sigwait(&set_, &signal) == 0 ? signal : kWoken;
  }
  const auto left = std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(*deadline - Clock::now()));
  const timespec time = {static_cast<time_t>(left.count() / 1'000'000'000),
                         static_cast<long>(left.count() % 1'000'000'000)};
  const int signal = sigtimedwait(&set_, nullptr, &time);
  if (signal > 0) return signal;
  return errno == EAGAIN ? 0 : kWoken;
}

}  // namespace penstock::app
