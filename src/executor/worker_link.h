// SPDX-License-Identifier: MIT
// What connects a worker process with the process it works for: a socket for short messages, two regions of memory for
// what is long.
#pragma once

#include <penstock/result.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "executor/shared_blocks.h"
#include "platform/descriptor.h"
#include "platform/shared_region.h"

namespace penstock {

/// The first page of the region to the parent: what the worker does, for the parent to look at whenever it likes.
struct WorkerStatus {
  std::atomic<std::uint64_t> what{0};  ///< As in WorkerClock.
  std::atomic<std::int64_t> since_ns{0};
};

/// What the parent asks for.
struct WorkRequest {
  std::uint32_t kind = 0;  ///< For the two ends to agree on.
  std::uint64_t size = 0;  ///< Bytes at the start of the region to the worker.
};

/// The worker's end. Used by one thread.
class WorkerLink {
 public:
  /// `socket`, `to_worker` and `to_parent` are descriptors that it takes over.
  static Result<std::unique_ptr<WorkerLink>> adopt(Descriptor socket, int to_worker, int to_parent);

  /// Waits for the next request; kUnavailable when the parent has gone, or has no more.
  Result<WorkRequest> receive();
  /// What came with the request; stays as it is until `reply`.
  std::span<const std::byte> request_bytes(const WorkRequest& request) const noexcept;
  /// Room for an answer, aligned to 64. The parent gives it back when it does not need it any more.
  Result<std::span<std::byte>> room(std::size_t size_bytes);
  /// Sends what was written into the last `room`. `kept` holds what it refers to in `memory`; it is let go with the
  /// answer.
  Status reply(std::shared_ptr<const void> kept);
  /// The parent reads it in place.
  const std::shared_ptr<SharedBlocks>& memory() const noexcept { return blocks_; }
  WorkerStatus& status() noexcept { return *reinterpret_cast<WorkerStatus*>(blocks_->data()); }

 private:
  WorkerLink(Descriptor socket, SharedRegion to_worker, std::shared_ptr<SharedBlocks> blocks);

  Descriptor socket_;
  SharedRegion to_worker_;
  std::shared_ptr<SharedBlocks> blocks_;  // in the region to the parent
  BlockPlace answer_;
  std::map<std::uint64_t, std::shared_ptr<const void>> kept_;  // by the offset of the answer that refers to it
};

/// The parent's end. `request`, `wait` and `take` by one thread; what it gave out may be let go anywhere.
class ParentLink : public std::enable_shared_from_this<ParentLink> {
 public:
  /// Makes both regions and a pair of sockets.
  static Result<std::shared_ptr<ParentLink>> create();

  /// What the worker adopts, for a message with descriptors: socket, to_worker, to_parent. Valid until `let_go`.
  std::array<int, 3> for_worker() const noexcept;
  /// Closes this process's copy of the worker's socket, so that the end of the worker can be seen.
  void let_go() noexcept { workers_socket_.close(); }

  /// Room for a request. Valid until the next one; not while the worker works.
  Result<std::span<std::byte>> room(std::size_t size_bytes);
  /// Sends what was written into `room`. kUnavailable when the worker has gone.
  Status send(const WorkRequest& request);
  /// Waits for an answer, for the end of the worker, or for `timeout_ms` (-1: for ever).
  enum class Event : std::uint8_t { kAnswer, kGone, kTimeout };
  Event wait(int timeout_ms, int process_descriptor);
  /// The answer, and who keeps it; the worker reuses the bytes when the keeper is gone. kDataLoss when the worker says
  /// what cannot be.
  struct Answer {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> keeper;
  };
  Result<Answer> take();
  /// What an answer refers to in the worker's `memory`; null when the worker has no such memory. It stays while the
  /// answer is kept, as far as the worker keeps to it.
  const std::byte* lent(const BlockPlace& place);
  const WorkerStatus& status() const noexcept { return *reinterpret_cast<const WorkerStatus*>(to_parent_.data()); }

 private:
  ParentLink(Descriptor socket, Descriptor workers_socket, SharedRegion to_worker, SharedRegion to_parent);

  Descriptor socket_;
  Descriptor workers_socket_;
  SharedRegion to_worker_;
  SharedRegion to_parent_;
  std::uint64_t backed_ = 0;       // bytes of to_worker_ that have memory
  std::uint64_t answers_end_ = 0;  // as far as to_parent_ was seen to have some
  std::mutex mutex_;
  std::vector<std::uint64_t> released_;  // guarded by mutex_; offsets that the worker may reuse
};

}  // namespace penstock
