// SPDX-License-Identifier: MIT
#include "operators/async/reactor.h"

#ifndef PENSTOCK_ASYNC
#include <time.h>
#endif

namespace penstock::detail {

Reactor::~Reactor() = default;

#ifndef PENSTOCK_ASYNC
namespace {

class ClockReactor final : public Reactor {
 public:
  bool poll() override { return false; }
  void wait(std::int64_t until_ns) override {
    const timespec until{until_ns / 1'000'000'000, until_ns % 1'000'000'000};
    (void)::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
  }
};

}  // namespace

std::unique_ptr<Reactor> make_reactor() { return std::make_unique<ClockReactor>(); }
#endif

}  // namespace penstock::detail
