// SPDX-License-Identifier: MIT
// The lock-free heart of shared streams: a pool of buffers in shared memory and a ring of descriptors; one writer, up
// to 64 readers, each of which gets every batch in place.
//
// Invariants; the argument for the memory orders is in docs/design/shared_memory.md:
//  R1  `pending` of a buffer has the bit of each reader that may still read it. Only the writer sets bits; a bit is
//  cleared
//      by its reader when it is done, or by the writer when the reader said that it leaves, or died.
//  R2  The writer writes to a buffer only when `pending` is 0, and puts `pending` before the entry that names the
//  buffer. R3  Entry p % R holds position p while any reader may still have to read it: R is at least the number of
//  buffers, and
//      each position that some reader has not received yet keeps a buffer of its own pending.
//  R4  A reader reads an entry only after its `position` said p + 1, and a buffer only after reading the entry.
//  R5  The state of a line: free -> joining -> active -> closing -> leaving -> free. The reader does free -> joining,
//      active -> closing, -> leaving; the writer alone does joining -> active and leaving -> free. So a line has no new
//      owner before the old one's bits are gone.
#pragma once

#include <penstock/transport.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "transport/arena.h"
#include "transport/patience.h"

namespace penstock {

/// The fixed words of a shared stream; behind them stand the buffers' words and the entries of the ring.
struct RingControl {
  struct alignas(64) BufferWords {
    std::atomic<std::uint64_t> pending{0};
    std::atomic<std::uint64_t> allocated{0};
  };
  struct alignas(64) Entry {
    std::atomic<std::uint64_t> position{0};  ///< p + 1 when the rest describes position p.
    std::uint64_t sequence = 0;
    std::uint64_t size = 0;
    std::uint32_t buffer = 0;
  };
  enum LineState : std::uint32_t { kFree, kJoining, kActive, kClosing, kLeaving };

  std::uint32_t buffers = 0;
  std::uint32_t entries = 0;                       ///< A power of two.
  alignas(64) std::atomic<std::uint64_t> head{0};  ///< Positions sent.
  alignas(64) std::atomic<std::uint32_t> wake{0};  ///< Readers sleep on it.
  alignas(64) std::atomic<std::uint32_t> room{0};  ///< The writer sleeps on it.
  std::atomic<std::uint32_t> writer_waits{0};
  alignas(64) std::atomic<std::uint32_t> roster{0};  ///< Changes when a reader joins or leaves.
  std::atomic<std::uint32_t> closed{0};              ///< 1: the writer closed; 2: it was said to be dead.
  std::atomic<std::uint64_t> last_sequence{0};       ///< When it closed, also of a batch that was dropped.
  ReaderLines readers;

  BufferWords* buffer_words() noexcept { return reinterpret_cast<BufferWords*>(this + 1); }
  Entry* ring() noexcept { return reinterpret_cast<Entry*>(buffer_words() + buffers); }
};

/// What an arena for a stream looks like.
ArenaShape ring_shape(std::size_t window_bytes, std::uint32_t depth, std::uint32_t max_readers);
void set_up_ring(std::byte* control, const ArenaShape& shape);

/// The options of a writer that matter after the arena was made.
struct RingWriterOptions {
  std::size_t capacity_bytes = 0;
  WhenFull when_full = WhenFull::kWait;
  std::uint32_t wait_for_readers = 0;
};

/// Makes the sending end. `arena.header().writer` must be this process, or nobody (an anonymous arena).
Result<std::unique_ptr<StreamWriter>> open_ring_writer(std::shared_ptr<Arena> arena, const RingWriterOptions& options);
/// Makes a receiving end.
Result<std::unique_ptr<StreamReader>> open_ring_reader(std::shared_ptr<Arena> arena);

/// For who learns of a death before the ends do, such as the parent of both: marks what process `pid` held as gone and
/// wakes the other side, which otherwise sees it within 100 ms. Does nothing when that process has no end.
void say_that_peer_died(Arena& arena, std::int64_t pid);

/// A stream without a name, between a process and its children: make it, fork, open one end on each side.
///
/// Thread-compatible. Nothing is left behind when all processes are gone.
class AnonymousStream {
 public:
  static Result<AnonymousStream> create(const TransportOptions& options);
  Result<std::unique_ptr<StreamWriter>> open_writer() const;
  Result<std::unique_ptr<StreamReader>> open_reader() const;
  void peer_died(std::int64_t pid) const { say_that_peer_died(*arena_, pid); }
  Arena& arena() const noexcept { return *arena_; }

 private:
  std::shared_ptr<Arena> arena_;
  RingWriterOptions writer_options_;
};

}  // namespace penstock
