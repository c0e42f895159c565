// SPDX-License-Identifier: MIT
// For coroutines of async operators that wait for sockets and whatever else asio offers. The only public header that
// includes a third-party library: standalone asio (Debian: libasio-dev), from 1.22 on.
#pragma once

#include <penstock/task.h>

#if !__has_include(<asio.hpp>)
#error "penstock/asio.h needs asio without Boost: install libasio-dev"
#endif
#include <asio.hpp>
#include <memory>
#include <tuple>

namespace penstock {

/// The io_context of the operator whose coroutine runs in this thread: for sockets and timers of its own, made in the
/// coroutine. It is gone when the operator is. A broken contract outside of such a coroutine.
asio::io_context& current_io_context();

/// An error of asio as one of Penstock: kTimeout, kUnavailable, kCancelled, or kUnavailable for what has no such name.
Error error_of(const asio::error_code& code);

/// A completion token: `co_await asio::async_read(socket, buffer, ps::use_task)` gives a Result of what the operation
/// gives beside its error code. When the coroutine is destroyed while it waits, the operation is cancelled first.
struct use_task_t {};
inline constexpr use_task_t use_task{};

namespace detail {

/// What an operation of asio and the coroutine that waits for it share; whoever is left destroys it.
template <class... Values>
struct AsioWait {
  std::coroutine_handle<> waiting;  // null: nobody waits any more
  asio::error_code error;
  std::optional<std::tuple<Values...>> values;
  asio::cancellation_signal cancel;
};

template <class... Values>
class AsioHandler {
 public:
  using cancellation_slot_type = asio::cancellation_slot;
  explicit AsioHandler(std::shared_ptr<AsioWait<Values...>> wait) noexcept : wait_(std::move(wait)) {}
  cancellation_slot_type get_cancellation_slot() const noexcept { return wait_->cancel.slot(); }

  void operator()(const asio::error_code& error, Values... values) {
    wait_->error = error;
    wait_->values.emplace(std::move(values)...);
    const std::shared_ptr<AsioWait<Values...>> wait = std::move(wait_);
    if (wait->waiting) std::exchange(wait->waiting, nullptr).resume();
  }

 private:
  std::shared_ptr<AsioWait<Values...>> wait_;
};

template <class Initiation, class Arguments, class... Values>
class AsioAwaiter {
 public:
  AsioAwaiter(Initiation initiation, Arguments arguments)
      : initiation_(std::move(initiation)), arguments_(std::move(arguments)) {}
  AsioAwaiter(const AsioAwaiter&) = delete;
  AsioAwaiter& operator=(const AsioAwaiter&) = delete;
  ~AsioAwaiter() {
    if (!wait_ || !wait_->waiting) return;
    wait_->waiting = nullptr;
    wait_->cancel.emit(asio::cancellation_type::terminal);
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    wait_ = std::make_shared<AsioWait<Values...>>();
    wait_->waiting = waiting;
    std::apply(
        [this](auto&... arguments) { std::move(initiation_)(AsioHandler<Values...>(wait_), std::move(arguments)...); },
        arguments_);
  }
  auto await_resume() {
    if constexpr (sizeof...(Values) == 0) {
      return wait_->error ? Status(error_of(wait_->error)) : Status();
    } else {
      using Value = std::conditional_t<sizeof...(Values) == 1, std::tuple_element_t<0, std::tuple<Values...>>,
                                       std::tuple<Values...>>;
      if (wait_->error) return Result<Value>(error_of(wait_->error));
      if constexpr (sizeof...(Values) == 1) {
        return Result<Value>(std::get<0>(std::move(*wait_->values)));
      } else {
        return Result<Value>(std::move(*wait_->values));
      }
    }
  }

 private:
  Initiation initiation_;
  Arguments arguments_;
  std::shared_ptr<AsioWait<Values...>> wait_;
};

}  // namespace detail
}  // namespace penstock

template <class... Values>
class asio::async_result<penstock::use_task_t, void(asio::error_code, Values...)> {
 public:
  template <class Initiation, class... Arguments>
  static auto initiate(Initiation&& initiation, const penstock::use_task_t&, Arguments&&... arguments) {
    using Tuple = std::tuple<std::decay_t<Arguments>...>;
    return penstock::detail::AsioAwaiter<std::decay_t<Initiation>, Tuple, std::decay_t<Values>...>(
        std::forward<Initiation>(initiation), Tuple(std::forward<Arguments>(arguments)...));
  }
};
