// SPDX-License-Identifier: MIT
// A page of shared memory that says who writes an address and which version is the latest, for backends whose own store
// cannot wake anybody. It lives as long as its writer and is made anew by the next one.
#pragma once

#include <penstock/transport.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "transport/arena.h"
#include "transport/patience.h"

namespace penstock {

/// The words of a notice board, behind the arena's header.
struct NoticeControl {
  alignas(64) std::atomic<std::uint64_t> version{0};  ///< Stored by the writer only, after its store has the version.
  alignas(64) std::atomic<std::uint32_t> wake{0};     ///< Readers sleep on it.
  std::atomic<std::uint32_t> closed{0};
  ReaderLines readers;
};

/// The one that announces. Used by one worker.
class NoticeWriter {
 public:
  /// Makes the board of that name or takes over a dead writer's. Errors: those of `Arena::create`; kAlreadyExists when
  /// a writer lives.
  static Result<std::unique_ptr<NoticeWriter>> open(const Arena::Place& place, std::uint32_t max_readers);
  ~NoticeWriter();  ///< Closes: wakes who waits and removes the name.
  NoticeWriter(const NoticeWriter&) = delete;
  NoticeWriter& operator=(const NoticeWriter&) = delete;

  /// Says that `version` is the latest, and wakes who waits. Cost: 64 loads, and about 0.2 us when somebody sleeps.
  void announce(Version version) noexcept;
  /// What was announced last, by whoever wrote before too; 0: nothing.
  Version announced() const noexcept { return control_.version.load(std::memory_order_seq_cst); }
  std::uint32_t readers() const noexcept;

 private:
  explicit NoticeWriter(std::shared_ptr<Arena> arena) noexcept;

  const std::shared_ptr<Arena> arena_;
  NoticeControl& control_;
};

/// One that waits. Used by one worker.
class NoticeReader {
 public:
  /// Errors: kNotFound when nobody writes; those of `Arena::open`.
  static Result<std::unique_ptr<NoticeReader>> open(const Arena::Place& place);
  ~NoticeReader();
  NoticeReader(const NoticeReader&) = delete;
  NoticeReader& operator=(const NoticeReader&) = delete;

  Version announced() const noexcept { return control_.version.load(std::memory_order_seq_cst); }
  /// Once closed it stays so; the next writer makes another board.
  bool is_closed() const noexcept { return control_.closed.load(std::memory_order_seq_cst) != 0; }
  /// Waits for a version newer than `seen`. Errors: kTimeout, kCancelled; kUnavailable when the writer closed or died.
  Result<Version> wait(Version seen, const WaitLimit& limit);
  std::uint32_t readers() const noexcept;

 private:
  NoticeReader(std::shared_ptr<Arena> arena, std::uint32_t line) noexcept;

  const std::shared_ptr<Arena> arena_;
  NoticeControl& control_;
  ReaderLine& line_;
  const std::uint32_t generation_ = fork_generation();
  Patience patience_;
};

}  // namespace penstock
