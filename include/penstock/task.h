// SPDX-License-Identifier: MIT
// Coroutines for operators that wait: Task<T>, and waiting for a time. docs/guide/async.md shows how they are written,
// and which expressions GCC 12 gets wrong.
#pragma once

#include <penstock/result.h>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>

namespace penstock {

template <class T>
class Task;

namespace detail {

// Memory of coroutine frames: freed ones are kept for the next of their size, by thread.
void* allocate_frame(std::size_t bytes);
void release_frame(void* frame, std::size_t bytes) noexcept;

/// What a coroutine calls when it has ended. A pointer to a function and its argument.
struct Continuation {
  void (*call)(void*) = nullptr;
  void* argument = nullptr;
};

class TaskPromiseBase {
 public:
  static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { release_frame(frame, bytes); }

  struct Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      TaskPromiseBase& promise = ended.promise();
      // Nothing of the coroutine may be touched behind this call.
      if (!promise.starting_) promise.continuation_.call(promise.continuation_.argument);
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { exception_ = std::current_exception(); }

 protected:
  void rethrow() {
    if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
  }

 private:
  template <class T>
  friend class penstock::Task;
  Continuation continuation_;
  bool starting_ = false;  // it ends before its starter goes on: nobody has to be called
  std::exception_ptr exception_;
};

template <class T>
class TaskPromise final : public TaskPromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> final : public TaskPromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() { rethrow(); }
};

class TimerQueue;

/// A place in a queue of times. Belongs to the loop of one operator while it waits.
class Timer {
 public:
  Timer() noexcept = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void (*fire)(Timer&) = nullptr;

 private:
  friend class TimerQueue;
  friend void stop_timer(Timer& timer) noexcept;
  TimerQueue* queue_ = nullptr;  // null: in none
  std::uint32_t list_ = 0;
  std::uint64_t place_ = 0;
};

/// Adds it to the loop of the operator at work in this thread; a broken contract outside of one.
void start_timer(Timer& timer, std::chrono::nanoseconds time);
void stop_timer(Timer& timer) noexcept;

}  // namespace detail

/// A coroutine that gives a `T`, or throws. It does nothing until somebody awaits it; whoever owns it destroys it, also
/// while it waits: then its variables are destroyed as at the end of their scope, and what it waited for is given up.
/// Move-only. Used by one thread. Its frame comes from a pool of the thread: making and destroying one costs some 10
/// ns.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;
  using value_type = T;

  Task() noexcept = default;
  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this == &other) return *this;
    reset();
    coroutine_ = std::exchange(other.coroutine_, nullptr);
    return *this;
  }
  ~Task() { reset(); }

  /// Ends it wherever it is.
  void reset() noexcept {
    if (coroutine_) std::exchange(coroutine_, nullptr).destroy();
  }

  /// Runs it up to where it waits. Returns true when it has ended; otherwise `then` is called, once, when it ends.
  bool start(detail::Continuation then) {
    detail::TaskPromiseBase& promise = coroutine_.promise();
    promise.continuation_ = then;
    promise.starting_ = true;
    coroutine_.resume();
    promise.starting_ = false;
    return coroutine_.done();
  }
  /// What it gave; throws what it threw. Requires that it has ended; once.
  T take() { return coroutine_.promise().take(); }

  /// co_await runs it, and gives its value.
  auto operator co_await() && noexcept { return Awaiter(coroutine_); }

 private:
  friend class detail::TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  class Awaiter {
   public:
    explicit Awaiter(Handle coroutine) noexcept : coroutine_(coroutine) {}
    bool await_ready() const noexcept { return false; }
    // Not by symmetric transfer: without optimisation GCC would nest the calls.
    bool await_suspend(std::coroutine_handle<> waiting) const {
      detail::TaskPromiseBase& promise = coroutine_.promise();
      promise.continuation_ = {[](void* frame) { std::coroutine_handle<>::from_address(frame).resume(); },
                               waiting.address()};
      promise.starting_ = true;
      coroutine_.resume();
      promise.starting_ = false;
      return !coroutine_.done();
    }
    T await_resume() const { return coroutine_.promise().take(); }

   private:
    Handle coroutine_;
  };

  explicit Task(Handle coroutine) noexcept : coroutine_(coroutine) {}
  Handle coroutine_;
};

namespace detail {

template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace detail

/// Awaited: waits at least `time`, usually some ten microseconds more. Costs no system call of its own.
class [[nodiscard]] Sleep final : private detail::Timer {
 public:
  explicit Sleep(std::chrono::nanoseconds time) noexcept : time_(time) {}
  ~Sleep() {
    if (waiting_) detail::stop_timer(*this);
  }
  bool await_ready() const noexcept { return time_.count() <= 0; }
  void await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    fire = [](Timer& timer) { std::exchange(static_cast<Sleep&>(timer).waiting_, nullptr).resume(); };
    detail::start_timer(*this, time_);
  }
  void await_resume() const noexcept {}

 private:
  std::chrono::nanoseconds time_;
  std::coroutine_handle<> waiting_;
};

/// `co_await sleep_for(10ms)`, in a coroutine of an operator.
inline Sleep sleep_for(std::chrono::nanoseconds time) noexcept { return Sleep(time); }

}  // namespace penstock
