// SPDX-License-Identifier: MIT
// The lock-free heart of shared dictionaries: one writer publishes whole versions in slots, readers pin the slot that
// they look at.
//
// Invariants; the argument for the memory orders is in docs/design/shared_memory.md:
//  I1  `current` names (version, slot) of the latest whole version; versions only grow; only the writer stores it.
//  I2  The writer writes to a slot only when, after its latest store to `current`, that named another slot, and every
//      reader's marks, read after that store, lacked the slot.
//  I3  A reader reads a slot only while its mark is set and after `current`, read again after setting it, still named
//  the
//      same version: so no write to the slot can begin before the mark goes (I2).
//      `lines` covers a reader's line before its first mark, and the writer reads it before the marks.
//  I4  A line's marks are stored by its owner only; they are cleared by another process only when the owner is dead.
//  I5  `size` of a slot is stored before the `current` that names it and stays while anybody may read it.
#pragma once

#include <penstock/transport.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "transport/arena.h"
#include "transport/patience.h"

namespace penstock {

inline constexpr std::uint32_t kVersionSlots = 16;

/// The words of a shared dictionary, behind the arena's header.
struct VersionControl {
  struct alignas(64) Slot {
    std::atomic<std::uint64_t> size{0};
    std::atomic<std::uint64_t> allocated{0};
  };
  alignas(64) std::atomic<std::uint64_t> current{0};  ///< version << 4 | slot; 0: nothing published.
  std::atomic<std::uint32_t> lines{0};                ///< So many lines were ever claimed; the writer looks at no more.
  alignas(64) std::atomic<std::uint32_t> wake{0};     ///< Readers sleep on it.
  std::atomic<std::uint32_t> closed{0};
  std::array<Slot, kVersionSlots> slots;
  ReaderLines readers;
};

/// What an arena for a dictionary looks like; `window_bytes` is the most that a version may have.
ArenaShape version_shape(std::size_t window_bytes, std::uint32_t max_readers);
void set_up_versions(std::byte* control, const ArenaShape& shape);
/// For a writer that moves to a larger arena: the latest version of `from` becomes that of the fresh `to`, number and
/// all. Requires that it fits.
void carry_version_over(const Arena& from, Arena& to);

/// The end that publishes. Used by one worker.
class VersionWriter {
 public:
  /// `arena.header().writer` must be this process. Takes over what is there.
  static Result<std::unique_ptr<VersionWriter>> open(std::shared_ptr<Arena> arena, std::size_t capacity_bytes);
  ~VersionWriter();
  VersionWriter(const VersionWriter&) = delete;
  VersionWriter& operator=(const VersionWriter&) = delete;

  Result<std::span<std::byte>> begin(std::size_t max_bytes);
  Result<Version> commit(std::size_t size);
  void abandon() noexcept { room_ = {}; }
  TransportStats stats() const;

 private:
  VersionWriter(std::shared_ptr<Arena> arena, std::size_t capacity_bytes);
  std::uint32_t lines() const noexcept {
    return static_cast<std::uint32_t>(control_.lines.load(std::memory_order_seq_cst) % (kMostReaders + 1));
  }
  std::uint32_t pinned() const noexcept;
  std::uint32_t reclaim() noexcept;
  std::uint32_t choose(std::uint32_t free, std::size_t bytes) const noexcept;
  Error all_pinned() const;

  const std::shared_ptr<Arena> arena_;
  VersionControl& control_;
  const std::size_t capacity_bytes_;
  std::uint32_t slot_ = 0;
  std::span<std::byte> room_;
  TransportStats stats_;
};

/// The end that looks. Used by one worker.
class VersionReader {
 public:
  static Result<std::unique_ptr<VersionReader>> open(std::shared_ptr<Arena> arena);
  /// Says whether there are readers or views of them, of whatever process.
  static bool has_any(const Arena& arena) noexcept;
  ~VersionReader();
  VersionReader(const VersionReader&) = delete;
  VersionReader& operator=(const VersionReader&) = delete;

  Result<View> view();
  Result<Version> wait(Version seen, const WaitLimit& limit);
  TransportStats stats() const;

 private:
  class Pins;  // outlives the reader while views do
  explicit VersionReader(Pins* pins) noexcept : pins_(pins) {}

  Pins* pins_;
  Patience patience_;
  std::uint64_t waits_ = 0;
};

}  // namespace penstock
