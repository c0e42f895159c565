// SPDX-License-Identifier: MIT
// A writer's side of the transport "zeromq": the bound address, a thread that serves it, and the readers that came.
#pragma once

#include <penstock/buffer.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <thread>

#include "transport/notice_board.h"
#include "transport/zeromq/link.h"

namespace penstock::zeromq {

/// A reader that said hello and has not left.
struct Guest {
  std::string identity;  ///< ZeroMQ's name of its connection.
  std::int64_t pid = 0;  ///< On its own machine.
  // What the service keeps about it.
  std::uint64_t number = 0;
  std::uint64_t open = 0;
};

class Desk;

/// What a writer does with its readers. Everything here is called on the desk's thread.
class Service {
 public:
  /// Fills in what the welcome says.
  virtual void welcome(Guest& guest, Head& words) = 0;
  virtual void heard(Desk& desk, Guest& guest, const Head& head) = 0;
  virtual void woken(Desk& desk) = 0;
  /// It said good-bye, or `died`.
  virtual void left(const Guest& guest, bool died) = 0;
  /// Sends what is to be sent before the address is given up.
  virtual void closing(Desk& desk) = 0;

 protected:
  ~Service() = default;
};

/// Binds an address and serves it on a thread of its own.
class Desk {
 public:
  /// Errors: kAlreadyExists when the address is taken, with whose it is as far as that can be known;
  /// kPermissionDenied, kInvalidArgument.
  static Result<std::unique_ptr<Desk>> open(const TransportOptions& options, Topic topic, Service& service);
  /// Begins to answer.
  void start();
  ~Desk();  ///< Waits until what was sent has left this process, at most ten seconds.
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  /// Has `Service::woken` called. For any thread.
  void wake() noexcept;
  NoticeWriter& board() noexcept { return *board_; }
  std::uint32_t readers() const noexcept { return readers_.load(std::memory_order_relaxed); }
  std::uint64_t reclaimed() const noexcept { return reclaimed_.load(std::memory_order_relaxed); }

  // For the service.
  std::deque<Guest>& guests() noexcept { return guests_; }
  /// Sends a message, with the buffer's bytes as they are in memory when one is given. A guest that is gone is let go
  /// after the service has returned.
  void send(const Guest& guest, Kind kind, std::uint64_t number, const Buffer* bytes = nullptr);

 private:
  using Clock = std::chrono::steady_clock;
  Desk(const TransportOptions& options, Topic topic, Service& service);
  Status bind(const TransportOptions& options);
  Error taken(const TransportOptions& options, Topic topic) const;
  void serve();
  void listen();
  void hear(const std::string& identity, const Incoming& message);
  void admit(const std::string& identity, const Head& hello);
  void refuse(const std::string& identity, const Error& error);
  void begin_to_look();
  long until_next_look() const;
  void look_for_the_gone();
  void let_go();
  bool put(const std::string& identity, const Head& head, bool more);

  const Topic topic_;
  const std::uint32_t max_readers_;
  Service& service_;
  Endpoint endpoint_;
  std::unique_ptr<NoticeWriter> board_;
  std::string path_;  // of the bound ipc address
  int wake_ = -1;
  std::deque<Guest> guests_;
  std::vector<std::string> gone_;  // identities whose connection has ended, until `let_go`
  int looks_left_ = 0;
  Clock::time_point next_look_;
  std::atomic<std::uint32_t> readers_{0};
  std::atomic<std::uint64_t> reclaimed_{0};
  std::atomic<bool> closing_{false};
  std::jthread thread_;
};

}  // namespace penstock::zeromq
