// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/ipc/interrupt.h"

#include <unistd.h>

#include <utility>

#include "apps/penstock/command_line.h"

namespace penstock::app {

void Interrupt::watch(std::function<void()> hear) {
  thread_ = std::thread([this, hear = std::move(hear)] {
    while (true) {
      const int signal = blocked_.next();
      if (end_) return;
      if (signal == BlockedSignals::kWoken) continue;
      if (came_.exchange(true)) ::_exit(kInterrupted);
      hear();
    }
  });
}

void Interrupt::stop() noexcept {
  if (!thread_.joinable()) return;
  end_ = true;
  BlockedSignals::wake(thread_);
  thread_.join();
}

}  // namespace penstock::app
