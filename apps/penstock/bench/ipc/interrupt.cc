// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/ipc/interrupt.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

#include "apps/penstock/command_line.h"

namespace penstock::app {

Interrupt::Interrupt() {
  sigemptyset(&set_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR2}) sigaddset(&set_, signal);
  pthread_sigmask(SIG_BLOCK, &set_, &before_);
  ::signal(SIGXFSZ, SIG_IGN);
}

void Interrupt::watch(std::function<void()> hear) {
  thread_ = std::thread([this, hear = std::move(hear)] {
    while (true) {
      int signal = 0;
      if (sigwait(&set_, &signal) != 0 || end_) return;
      if (signal == SIGUSR2) continue;
      if (came_.exchange(true)) ::_exit(kInterrupted);
      hear();
    }
  });
}

void Interrupt::stop() noexcept {
  if (!thread_.joinable()) return;
  end_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR2);  // wakes the thread
  thread_.join();
}

Interrupt::~Interrupt() {
  stop();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace penstock::app
