// SPDX-License-Identifier: MIT
// What a loop waits at when there is nothing to run: asio, or the clock alone in builds without it.
#pragma once

#include <cstdint>
#include <memory>

namespace penstock::detail {

/// Used by the thread of its loop.
class Reactor {
 public:
  virtual ~Reactor();
  /// Runs what is ready, without waiting; returns whether anything ran.
  virtual bool poll() = 0;
  /// Waits until something is ready, or until this time of the steady clock; it may return earlier.
  virtual void wait(std::int64_t until_ns) = 0;
};

std::unique_ptr<Reactor> make_reactor();

}  // namespace penstock::detail
