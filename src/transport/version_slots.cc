// SPDX-License-Identifier: MIT
#include "transport/version_slots.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <string>

#include "base/check.h"

namespace penstock {
namespace {

constexpr unsigned kSlotBits = 4;
constexpr std::uint64_t kSlotMask = kVersionSlots - 1;
static_assert(kVersionSlots == 1U << kSlotBits);

std::uint32_t slot_of(std::uint64_t word) noexcept { return static_cast<std::uint32_t>(word & kSlotMask); }
Version version_of(std::uint64_t word) noexcept { return word >> kSlotBits; }

VersionControl& versions_of(const Arena& arena) { return *reinterpret_cast<VersionControl*>(arena.control()); }

}  // namespace

ArenaShape version_shape(std::size_t window_bytes, std::uint32_t max_readers) {
  return {ArenaKind::kDictionary, sizeof(VersionControl), kVersionSlots, window_bytes, max_readers};
}

void set_up_versions(std::byte* control, const ArenaShape&) { new (control) VersionControl; }

void carry_version_over(const Arena& from, Arena& to) {
  const VersionControl& old = versions_of(from);
  VersionControl& fresh = versions_of(to);
  const std::uint64_t word = old.current.load(std::memory_order_acquire);
  if (word == 0) return;
  const std::uint64_t size = old.slots[slot_of(word)].size.load(std::memory_order_relaxed);
  PENSTOCK_CHECK(to.grow_window(0, fresh.slots[0].allocated, size), "carry_version_over: the version does not fit");
  std::memcpy(to.window(0), from.window(slot_of(word)), size);
  fresh.slots[0].size.store(size, std::memory_order_relaxed);
  fresh.current.store(version_of(word) << kSlotBits, std::memory_order_seq_cst);
}

bool VersionReader::has_any(const Arena& arena) noexcept {
  const ReaderLines& lines = versions_of(arena).readers;
  return std::any_of(lines.begin(), lines.end(),
                     [](const ReaderLine& line) { return line.owner.load(std::memory_order_acquire) != 0; });
}

VersionWriter::VersionWriter(std::shared_ptr<Arena> arena, std::size_t capacity_bytes)
    : arena_(std::move(arena)), control_(versions_of(*arena_)), capacity_bytes_(capacity_bytes) {}

Result<std::unique_ptr<VersionWriter>> VersionWriter::open(std::shared_ptr<Arena> arena, std::size_t capacity_bytes) {
  PENSTOCK_TRY(arena->expect_control(sizeof(VersionControl)));
  if (arena->header().windows != kVersionSlots) {
    return Error(ErrorCode::kDataLoss, fmt::format("shared memory \"{}\" is damaged: it has {} slots", arena->name(),
                                                   arena->header().windows));
  }
  auto writer = std::unique_ptr<VersionWriter>(new VersionWriter(std::move(arena), capacity_bytes));
  writer->control_.closed.store(0, std::memory_order_release);
  PENSTOCK_TRY(writer->begin(0));  // shows now whether there is memory for the capacity
  writer->abandon();
  return writer;
}

VersionWriter::~VersionWriter() {
  if (!is_own(arena_->header().writer)) return;
  control_.closed.store(1, std::memory_order_seq_cst);
  control_.wake.fetch_add(1, std::memory_order_seq_cst);
  futex_wake_all(control_.wake);
}

// The slots that some reader marked. Sequentially consistent loads, after the store to `current` in `commit`: I2.
std::uint32_t VersionWriter::pinned() const noexcept {
  std::uint64_t marks = 0;
  for (std::uint32_t i = 0, end = lines(); i < end; ++i) {
    marks |= control_.readers[i].marks.load(std::memory_order_seq_cst);
  }
  return static_cast<std::uint32_t>(marks) & ((1U << kVersionSlots) - 1);
}

// Clears the marks of readers that died and returns their number. Its owner word is changed last, and only when it
// still names the dead one: until then nobody else can claim the line (I4).
std::uint32_t VersionWriter::reclaim() noexcept {
  std::uint32_t found = 0;
  for (std::uint32_t i = 0, end = lines(); i < end; ++i) {
    ReaderLine& line = control_.readers[i];
    ProcessToken owner = line.owner.load(std::memory_order_acquire);
    if (owner == 0 || is_alive(owner)) continue;
    // Claimed under our own name first, so that a new reader that replaces the dead one keeps its marks.
    if (!line.owner.compare_exchange_strong(owner, arena_->header().writer.load(std::memory_order_relaxed),
                                            std::memory_order_acq_rel)) {
      continue;
    }
    line.marks.store(0, std::memory_order_seq_cst);
    line.waiting.store(0, std::memory_order_relaxed);
    line.owner.store(0, std::memory_order_release);
    ++found;
  }
  return found;
}

// The first slot that is large enough already, so that few slots stay hot; else the first.
std::uint32_t VersionWriter::choose(std::uint32_t free, std::size_t bytes) const noexcept {
  for (std::uint32_t rest = free; rest != 0; rest &= rest - 1) {
    const auto slot = static_cast<std::uint32_t>(std::countr_zero(rest));
    if (control_.slots[slot].allocated.load(std::memory_order_relaxed) >= bytes) return slot;
  }
  return static_cast<std::uint32_t>(std::countr_zero(free));
}

Error VersionWriter::all_pinned() const {
  std::string holders;
  for (std::uint32_t i = 0, end = lines(); i < end; ++i) {
    const ReaderLine& line = control_.readers[i];
    if (line.marks.load(std::memory_order_relaxed) == 0) continue;
    holders += (holders.empty() ? "" : ", ") + std::to_string(pid_of(line.owner.load(std::memory_order_relaxed)));
  }
  return Error(ErrorCode::kResourceExhausted,
               fmt::format("readers hold all {} slots of shared memory \"{}\": processes {}", kVersionSlots,
                           arena_->name(), holders))
      .hint("release views sooner; a reader should hold one at a time");
}

Result<std::span<std::byte>> VersionWriter::begin(std::size_t max_bytes) {
  room_ = {};
  const std::size_t bytes = std::max({max_bytes, capacity_bytes_, std::size_t{1}});
  const std::uint64_t word = control_.current.load(std::memory_order_relaxed);
  const std::uint32_t taken = word == 0 ? 0 : 1U << slot_of(word);
  constexpr std::uint32_t kAll = (1U << kVersionSlots) - 1;
  std::uint32_t free = kAll & ~taken & ~pinned();
  if (free == 0) {
    stats_.reclaimed += reclaim();
    free = kAll & ~taken & ~pinned();
    if (free == 0) return all_pinned();
  }
  slot_ = choose(free, bytes);
  PENSTOCK_TRY(arena_->grow_window(slot_, control_.slots[slot_].allocated, bytes));
  room_ = {arena_->window(slot_), std::max(max_bytes, capacity_bytes_)};
  return room_;
}

Result<Version> VersionWriter::commit(std::size_t size) {
  PENSTOCK_CHECK(room_.data() != nullptr && size <= room_.size(), "commit: no begin before it, or more than its room");
  room_ = {};
  const Version version = version_of(control_.current.load(std::memory_order_relaxed)) + 1;
  control_.slots[slot_].size.store(size, std::memory_order_relaxed);
  // Sequentially consistent: before the loads of `waiting` below, and of `marks` in the next `begin`.
  control_.current.store(version << kSlotBits | slot_, std::memory_order_seq_cst);
  ++stats_.blocks;
  stats_.bytes += size;
  bool someone_waits = false;
  for (std::uint32_t i = 0, end = lines(); i < end; ++i) {
    someone_waits = someone_waits || control_.readers[i].waiting.load(std::memory_order_seq_cst) != 0;
  }
  if (someone_waits) {
    control_.wake.fetch_add(1, std::memory_order_seq_cst);
    futex_wake_all(control_.wake);
  }
  return version;
}

TransportStats VersionWriter::stats() const {
  TransportStats stats = stats_;
  for (const ReaderLine& line : control_.readers)
    stats.readers += line.owner.load(std::memory_order_relaxed) != 0 ? 1 : 0;
  stats.reserved_bytes = arena_->allocated_bytes();
  return stats;
}

/// The marks of one reader. Deletes itself with the last of the reader and its views.
class VersionReader::Pins final : public ViewOwner {
 public:
  Pins(std::shared_ptr<Arena> arena, std::uint32_t line)
      : arena_(std::move(arena)), control_(versions_of(*arena_)), line_(control_.readers[line]) {}

  Result<View> view() {
    std::uint64_t word = control_.current.load(std::memory_order_acquire);
    if (word == 0) [[unlikely]]
      return nothing_yet();
    std::uint32_t slot = slot_of(word);
    while (held_[slot] == 0) {
      line_.marks.store(marks_ | std::uint64_t{1} << slot, std::memory_order_seq_cst);
      const std::uint64_t again = control_.current.load(std::memory_order_seq_cst);
      if (again == word) [[likely]] {
        marks_ |= std::uint64_t{1} << slot;
        break;
      }
      line_.marks.store(marks_, std::memory_order_release);
      word = again;
      slot = slot_of(word);
    }
    // A slot that we hold already cannot have been written again, so `word` names what it holds (I2).
    ++held_[slot];
    ++users_;
    const std::uint64_t size = control_.slots[slot].size.load(std::memory_order_relaxed);
    stats_.bytes += size;
    ++stats_.blocks;
    return View({arena_->window(slot), size}, version_of(word), this, slot);
  }

  void release(std::uint64_t slot) noexcept override {
    if (--held_[slot] == 0 && is_own_process()) {
      marks_ &= ~(std::uint64_t{1} << slot);
      line_.marks.store(marks_, std::memory_order_release);  // after our reads, before the writer's next writes
    }
    leave();
  }

  void leave() noexcept {
    if (--users_ != 0) return;
    if (is_own_process()) {
      line_.marks.store(0, std::memory_order_release);
      line_.waiting.store(0, std::memory_order_relaxed);
      line_.owner.store(0, std::memory_order_release);
    }
    delete this;
  }

  const std::shared_ptr<Arena>& arena() const noexcept { return arena_; }
  VersionControl& control() const noexcept { return control_; }
  ReaderLine& line() const noexcept { return line_; }
  const TransportStats& stats() const noexcept { return stats_; }

 private:
  Error nothing_yet() const {
    return Error(ErrorCode::kNotFound, fmt::format("nothing was published yet in shared memory \"{}\"", arena_->name()))
        .hint("wait for a version newer than 0");
  }

  // A fork inherits readers and views; what it does with them must not touch its parent's marks.
  bool is_own_process() const noexcept { return fork_generation() == generation_; }

  const std::shared_ptr<Arena> arena_;
  VersionControl& control_;
  ReaderLine& line_;
  const std::uint32_t generation_ = fork_generation();
  std::uint64_t marks_ = 0;  // what `line_.marks` holds
  std::array<std::uint32_t, kVersionSlots> held_ = {};
  std::uint64_t users_ = 1;  // the reader and its views
  TransportStats stats_;
};

Result<std::unique_ptr<VersionReader>> VersionReader::open(std::shared_ptr<Arena> arena) {
  PENSTOCK_TRY(arena->expect_control(sizeof(VersionControl)));
  VersionControl& control = versions_of(*arena);
  PENSTOCK_ASSIGN(const std::uint32_t line, arena->claim_line(control.readers, this_process_token(), true));
  std::uint32_t lines = control.lines.load(std::memory_order_relaxed);
  while (lines <= line && !control.lines.compare_exchange_weak(lines, line + 1, std::memory_order_seq_cst)) {
  }
  // A predecessor that died may have left marks; the writer then sees too many for a moment, never too few.
  control.readers[line].marks.store(0, std::memory_order_seq_cst);
  control.readers[line].waiting.store(0, std::memory_order_relaxed);
  return std::unique_ptr<VersionReader>(new VersionReader(new Pins(std::move(arena), line)));
}

VersionReader::~VersionReader() { pins_->leave(); }

Result<View> VersionReader::view() { return pins_->view(); }

Result<Version> VersionReader::wait(Version seen, const WaitLimit& limit) {
  VersionControl& control = pins_->control();
  const auto newer = [&] { return version_of(control.current.load(std::memory_order_seq_cst)) > seen; };
  const auto ready = [&] { return newer() || control.closed.load(std::memory_order_seq_cst) != 0; };
  const auto look = [&]() -> Status {
    const ProcessToken writer = pins_->arena()->header().writer.load(std::memory_order_acquire);
    if (is_alive(writer)) return {};
    return Error(ErrorCode::kUnavailable, fmt::format("the writer of shared memory \"{}\" is gone: process {}",
                                                      pins_->arena()->name(), pid_of(writer)))
        .hint("start it again: it goes on where the old one ended");
  };
  if (!ready()) ++waits_;
  PENSTOCK_TRY(patience_.wait(control.wake, pins_->line().waiting, limit, "no newer version came", ready, look));
  if (newer()) return version_of(control.current.load(std::memory_order_acquire));
  return Error(ErrorCode::kUnavailable,
               fmt::format("the writer of shared memory \"{}\" has closed it", pins_->arena()->name()))
      .hint("open it anew when there is a writer again");
}

TransportStats VersionReader::stats() const {
  TransportStats stats = pins_->stats();
  stats.waits = waits_;
  stats.reserved_bytes = pins_->arena()->allocated_bytes();
  for (const ReaderLine& line : pins_->control().readers)
    stats.readers += line.owner.load(std::memory_order_relaxed) != 0 ? 1 : 0;
  return stats;
}

}  // namespace penstock
