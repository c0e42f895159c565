// SPDX-License-Identifier: MIT
// Waiting by asio: its timer ends at the nanosecond that was asked for, and its sockets end the wait.
#ifdef PENSTOCK_ASYNC
#include <penstock/asio.h>

#include <chrono>

#include "operators/async/async_loop.h"
#include "operators/async/reactor.h"

namespace penstock {
namespace detail {
namespace {

class AsioReactor final : public Reactor {
 public:
  bool poll() override { return used_ && io_.poll() > 0; }

  void wait(std::int64_t until_ns) override {
    if (until_ns < armed_until_ns_) {
      armed_until_ns_ = until_ns;
      alarm_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(until_ns)));
      alarm_.async_wait([this](const asio::error_code& error) {
        if (!error) armed_until_ns_ = TimerQueue::kNever;
      });
    }
    io_.run_one();
  }

  asio::io_context& io() noexcept {
    used_ = true;
    return io_;
  }

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::steady_timer alarm_{io_};
  std::int64_t armed_until_ns_ = TimerQueue::kNever;
  bool used_ = false;  // somebody may wait for more than the alarm
};

}  // namespace

std::unique_ptr<Reactor> make_reactor() { return std::make_unique<AsioReactor>(); }

}  // namespace detail

Error error_of(const asio::error_code& code) {
  const auto is = [&](auto error) { return code == asio::error_code(error); };
  ErrorCode as = ErrorCode::kUnavailable;
  if (is(asio::error::timed_out)) as = ErrorCode::kTimeout;
  if (is(asio::error::operation_aborted)) as = ErrorCode::kCancelled;
  if (is(asio::error::access_denied) || is(asio::error::no_permission)) as = ErrorCode::kPermissionDenied;
  if (is(asio::error::host_not_found)) as = ErrorCode::kNotFound;
  if (is(asio::error::no_descriptors) || is(asio::error::no_memory)) as = ErrorCode::kResourceExhausted;
  return Error(as, code.message());
}

asio::io_context& current_io_context() {
  return static_cast<detail::AsioReactor&>(detail::AsyncLoop::current().reactor()).io();
}

}  // namespace penstock
#endif
