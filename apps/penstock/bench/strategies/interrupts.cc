// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/interrupts.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace penstock::app::bench {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

volatile sig_atomic_t signal_came = 0;
void note_signal(int) { signal_came = 1; }

}  // namespace

Interrupts::Interrupts() {
  signal_came = 0;
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kSignals) sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, &mask_before_);
  struct sigaction action = {};
  action.sa_handler = note_signal;
  for (std::size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &action, &before_[i]);
}

Interrupts::~Interrupts() { forget(); }

void Interrupts::forget() const {
  for (std::size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
}

Status Interrupts::check() const {
  const timespec now = {};
  ::ppoll(nullptr, 0, &now, &mask_before_);  // lets in what came while signals were blocked
  if (signal_came != 0) return Error(ErrorCode::kCancelled, "interrupted; nothing was written");
  return {};
}

Result<std::string> Interrupts::read_all(int descriptor) const {
  std::string all;
  std::array<char, 4096> block;
  while (true) {
    PENSTOCK_TRY(check());
    pollfd wanted = {descriptor, POLLIN, 0};
    if (::ppoll(&wanted, 1, nullptr, &mask_before_) < 0) continue;
    const ssize_t got = ::read(descriptor, block.data(), block.size());
    if (got == 0) return all;
    if (got < 0 && errno != EINTR)
      return Error(ErrorCode::kInternal, fmt::format("cannot read from a run: {}", std::strerror(errno)));
    if (got > 0) all.append(block.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace penstock::app::bench
