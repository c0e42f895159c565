// SPDX-License-Identifier: MIT
#include "transport/batch_ring.h"

#include <fmt/format.h>

#include <bit>
#include <new>
#include <thread>
#include <utility>

#include "base/check.h"

namespace penstock {
namespace {

using Line = ReaderLine;
using State = RingControl::LineState;

RingControl& control_of(const Arena& arena) { return *reinterpret_cast<RingControl*>(arena.control()); }

std::size_t control_bytes(std::uint32_t buffers, std::uint32_t entries) {
  return sizeof(RingControl) + buffers * sizeof(RingControl::BufferWords) + entries * sizeof(RingControl::Entry);
}

// R3 wants at least as many entries as buffers.
std::uint32_t entries_for(std::uint32_t buffers) { return std::bit_ceil(buffers); }

void wake_readers(RingControl& control) {
  control.wake.fetch_add(1, std::memory_order_seq_cst);
  futex_wake_all(control.wake);
}

void wake_writer(RingControl& control) {
  if (control.writer_waits.load(std::memory_order_seq_cst) == 0) return;
  control.room.fetch_add(1, std::memory_order_seq_cst);
  futex_wake_all(control.room);
}

std::uint64_t bit(std::uint32_t line) { return std::uint64_t{1} << line; }

Status check_ring(const Arena& arena) {
  PENSTOCK_TRY(arena.expect_control(sizeof(RingControl)));
  const RingControl& control = control_of(arena);
  const bool sound = control.buffers == arena.header().windows && std::has_single_bit(control.entries) &&
                     control.entries >= control.buffers;
  if (!sound) return Error(ErrorCode::kDataLoss, fmt::format("shared memory \"{}\" is damaged", arena.name()));
  return arena.expect_control(control_bytes(control.buffers, control.entries));
}

// ---- The writer ----------------------------------------------------------------------------------------------------

class RingWriter final : public StreamWriter {
 public:
  RingWriter(std::shared_ptr<Arena> arena, const RingWriterOptions& options)
      : arena_(std::move(arena)), control_(control_of(*arena_)), options_(options) {}
  ~RingWriter() override { (void)RingWriter::close(); }

  Result<std::span<std::byte>> begin(std::size_t max_bytes, const WaitLimit& limit) override;
  Result<Version> commit(std::size_t size) override;
  void abandon() noexcept override { room_ = {}; }
  Status close() override;
  TransportStats stats() const override;

 private:
  static constexpr std::uint32_t kNoBuffer = static_cast<std::uint32_t>(-1);

  std::uint32_t free_buffer() noexcept;
  void look_at_readers() noexcept;
  void drop_reader(std::uint32_t line) noexcept;
  void look_at_readers_if_changed() noexcept {
    if (control_.roster.load(std::memory_order_acquire) != roster_) [[unlikely]]
      look_at_readers();
  }
  Status wait_for_readers(const WaitLimit& limit);
  Result<std::uint32_t> take_buffer(const WaitLimit& limit);

  const std::shared_ptr<Arena> arena_;
  RingControl& control_;
  const RingWriterOptions options_;
  Patience patience_;
  std::uint32_t roster_ = 0;
  std::uint64_t readers_ = 0;       // bits of the lines that get the next batch
  std::uint32_t most_readers_ = 0;  // that were there at one time
  std::uint32_t buffer_ = kNoBuffer;
  std::span<std::byte> room_;
  std::vector<std::byte> dropped_;  // where a batch is built that will be dropped
  std::uint64_t position_ = 0;
  Version sequence_ = 0;
  bool closed_ = false;
  TransportStats stats_;
};

// Clears what the reader of a line still had pending and frees the line; the reader has left or is dead (R1, R5).
void RingWriter::drop_reader(std::uint32_t line) noexcept {
  readers_ &= ~bit(line);
  for (std::uint32_t i = 0; i < control_.buffers; ++i) {
    control_.buffer_words()[i].pending.fetch_and(~bit(line), std::memory_order_acq_rel);
  }
  control_.readers[line].waiting.store(0, std::memory_order_relaxed);
  control_.readers[line].state.store(State::kFree, std::memory_order_relaxed);
  control_.readers[line].owner.store(0, std::memory_order_release);
}

void RingWriter::look_at_readers() noexcept {
  roster_ = control_.roster.load(std::memory_order_seq_cst);
  for (std::uint32_t i = 0; i < arena_->header().max_readers; ++i) {
    Line& line = control_.readers[i];
    const ProcessToken owner = line.owner.load(std::memory_order_acquire);
    if (owner == 0) continue;
    std::uint32_t state = line.state.load(std::memory_order_acquire);
    if (state == State::kLeaving) {
      drop_reader(i);
    } else if (!is_alive(owner)) {
      drop_reader(i);
      ++stats_.reclaimed;
    } else if (state == State::kJoining) {
      line.marks.store(position_, std::memory_order_relaxed);
      // Not a plain store: it may have changed its mind meanwhile.
      if (line.state.compare_exchange_strong(state, State::kActive, std::memory_order_acq_rel)) readers_ |= bit(i);
    } else if (state == State::kClosing) {
      readers_ &= ~bit(i);
    }
  }
  most_readers_ = std::max(most_readers_, static_cast<std::uint32_t>(std::popcount(readers_)));
}

std::uint32_t RingWriter::free_buffer() noexcept {
  for (std::uint32_t i = 0; i < control_.buffers; ++i) {
    if (control_.buffer_words()[i].pending.load(std::memory_order_seq_cst) == 0) return i;
  }
  return kNoBuffer;
}

Status RingWriter::wait_for_readers(const WaitLimit& limit) {
  const auto ready = [this] {
    look_at_readers_if_changed();
    return static_cast<std::uint32_t>(std::popcount(readers_)) >= options_.wait_for_readers;
  };
  const auto look = [this] {
    look_at_readers();
    return Status();
  };
  return patience_.wait(control_.room, control_.writer_waits, limit, "too few readers came", ready, look);
}

Result<std::uint32_t> RingWriter::take_buffer(const WaitLimit& limit) {
  std::uint32_t found = free_buffer();
  if (found != kNoBuffer) return found;
  ++stats_.waits;
  const auto ready = [&] {
    look_at_readers_if_changed();
    found = free_buffer();
    return found != kNoBuffer;
  };
  const auto look = [this] {
    look_at_readers();  // finds those that died
    return Status();
  };
  PENSTOCK_TRY(patience_.wait(control_.room, control_.writer_waits, limit, "the readers took nothing", ready, look));
  return found;
}

Result<std::span<std::byte>> RingWriter::begin(std::size_t max_bytes, const WaitLimit& limit) {
  PENSTOCK_CHECK(!closed_, "begin: the stream is closed");
  room_ = {};
  look_at_readers_if_changed();
  if (most_readers_ < options_.wait_for_readers) PENSTOCK_TRY(wait_for_readers(limit));
  if (readers_ == 0 && options_.wait_for_readers > 0) {
    return Error(ErrorCode::kUnavailable, fmt::format("all readers of stream \"{}\" have gone", arena_->name()));
  }
  if (options_.when_full == WhenFull::kDrop) {
    buffer_ = free_buffer();
    if (buffer_ == kNoBuffer) {
      dropped_.resize(max_bytes + 64);
      void* at = dropped_.data();
      std::size_t space = dropped_.size();
      room_ = {static_cast<std::byte*>(std::align(64, max_bytes, at, space)), max_bytes};
      return room_;
    }
  } else {
    PENSTOCK_ASSIGN(buffer_, take_buffer(limit));
  }
  const std::size_t bytes = std::max({max_bytes, options_.capacity_bytes, std::size_t{1}});
  PENSTOCK_TRY(arena_->grow_window(buffer_, control_.buffer_words()[buffer_].allocated, bytes));
  room_ = {arena_->window(buffer_), std::max(max_bytes, options_.capacity_bytes)};
  return room_;
}

Result<Version> RingWriter::commit(std::size_t size) {
  PENSTOCK_CHECK(room_.data() != nullptr && size <= room_.size(), "commit: no begin before it, or more than its room");
  room_ = {};
  ++sequence_;
  if (buffer_ == kNoBuffer) {
    ++stats_.dropped;
    return sequence_;
  }
  look_at_readers_if_changed();
  RingControl::Entry& entry = control_.ring()[position_ & (control_.entries - 1)];
  entry.sequence = sequence_;
  entry.size = size;
  entry.buffer = buffer_;
  control_.buffer_words()[buffer_].pending.store(readers_, std::memory_order_relaxed);
  ++position_;
  control_.head.store(position_, std::memory_order_relaxed);
  // Releases the batch, its entry and `pending`; sequentially consistent with the loads of `waiting` below.
  entry.position.store(position_, std::memory_order_seq_cst);
  ++stats_.blocks;
  stats_.bytes += size;
  for (std::uint64_t rest = readers_; rest != 0; rest &= rest - 1) {
    const auto line = static_cast<std::uint32_t>(std::countr_zero(rest));
    if (control_.readers[line].waiting.load(std::memory_order_seq_cst) == 0) continue;
    wake_readers(control_);
    break;
  }
  return sequence_;
}

Status RingWriter::close() {
  if (closed_) return {};
  closed_ = true;
  if (!is_own(arena_->header().writer)) return {};
  control_.last_sequence.store(sequence_, std::memory_order_relaxed);
  control_.closed.store(1, std::memory_order_seq_cst);
  wake_readers(control_);
  arena_->remove_name();
  arena_->header().writer.store(0, std::memory_order_release);
  return {};
}

TransportStats RingWriter::stats() const {
  TransportStats stats = stats_;
  stats.readers = static_cast<std::uint32_t>(std::popcount(readers_));
  stats.reserved_bytes = arena_->allocated_bytes();
  return stats;
}

// ---- The reader ----------------------------------------------------------------------------------------------------

// What a reader and its views share. Views may be released on any thread, also after the reader has gone.
class ReaderShare final : public ViewOwner {
 public:
  ReaderShare(std::shared_ptr<Arena> arena, std::uint32_t line)
      : arena_(std::move(arena)), control_(control_of(*arena_)), line_(control_.readers[line]), bit_(bit(line)) {}

  void release(std::uint64_t buffer) noexcept override {
    if (is_own_process()) give_back(static_cast<std::uint32_t>(buffer));
    leave();
  }
  void give_back(std::uint32_t buffer) noexcept {
    // Sequentially consistent with `writer_waits`; releases our reads of the buffer.
    const std::uint64_t before = control_.buffer_words()[buffer].pending.fetch_and(~bit_, std::memory_order_seq_cst);
    if (before == bit_) wake_writer(control_);
  }
  void enter() noexcept { users_.fetch_add(1, std::memory_order_relaxed); }
  void leave() noexcept {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (is_own_process()) change_state(State::kLeaving);
    delete this;
  }
  void change_state(State state) noexcept {
    line_.state.store(state, std::memory_order_release);
    control_.roster.fetch_add(1, std::memory_order_seq_cst);
    wake_writer(control_);
  }

  // A fork inherits ends and views; what it does with them must not concern its parent's.
  bool is_own_process() const noexcept { return fork_generation() == generation_; }

  const std::shared_ptr<Arena>& arena() const noexcept { return arena_; }
  RingControl& control() const noexcept { return control_; }
  Line& line() const noexcept { return line_; }

 private:
  const std::shared_ptr<Arena> arena_;
  RingControl& control_;
  Line& line_;
  const std::uint64_t bit_;
  const std::uint32_t generation_ = fork_generation();
  std::atomic<std::uint64_t> users_{1};  // the reader and its views
};

class RingReader final : public StreamReader {
 public:
  explicit RingReader(ReaderShare* share) : share_(share), control_(share->control()) {}
  ~RingReader() override;

  Result<View> receive(const WaitLimit& limit) override;
  TransportStats stats() const override;

 private:
  bool admitted() noexcept {
    if (admitted_) return true;
    if (share_->line().state.load(std::memory_order_acquire) != State::kActive) return false;
    position_ = share_->line().marks.load(std::memory_order_relaxed);
    return admitted_ = true;
  }
  RingControl::Entry& entry() const noexcept { return control_.ring()[position_ & (control_.entries - 1)]; }
  bool has_batch() noexcept { return admitted() && entry().position.load(std::memory_order_seq_cst) == position_ + 1; }
  Status writer_lives() const;
  Result<View> end_of_stream();
  View take();

  ReaderShare* const share_;
  RingControl& control_;
  Patience patience_;
  bool admitted_ = false;
  std::uint64_t position_ = 0;
  Version last_ = 0;
  TransportStats stats_;
};

RingReader::~RingReader() {
  // "No more, please", then give back what came already; what comes until the writer sees it is cleared when we leave.
  if (share_->is_own_process()) {
    share_->change_state(State::kClosing);
    for (; has_batch(); ++position_) share_->give_back(entry().buffer);
  }
  share_->leave();
}

Status RingReader::writer_lives() const {
  const Arena& arena = *share_->arena();
  const ProcessToken writer = arena.header().writer.load(std::memory_order_acquire);
  // An anonymous stream's writer may not have opened its end yet.
  if (writer == 0 || is_alive(writer)) return {};
  return Error(ErrorCode::kUnavailable, fmt::format("the writer of stream \"{}\" died without closing it: process {}",
                                                    arena.name(), pid_of(writer)));
}

Result<View> RingReader::end_of_stream() {
  if (control_.closed.load(std::memory_order_acquire) == 1) {
    const Version end = control_.last_sequence.load(std::memory_order_relaxed);
    if (last_ != 0 && end > last_) stats_.dropped += end - std::exchange(last_, end);
    return View();
  }
  return Error(ErrorCode::kUnavailable,
               fmt::format("the writer of stream \"{}\" died without closing it", share_->arena()->name()));
}

View RingReader::take() {
  const RingControl::Entry& found = entry();
  ++position_;
  if (last_ != 0) stats_.dropped += found.sequence - last_ - 1;
  last_ = found.sequence;
  ++stats_.blocks;
  stats_.bytes += found.size;
  share_->enter();
  return View({share_->arena()->window(found.buffer), found.size}, found.sequence, share_, found.buffer);
}

Result<View> RingReader::receive(const WaitLimit& limit) {
  if (has_batch()) return take();
  const auto ready = [this] { return has_batch() || control_.closed.load(std::memory_order_seq_cst) != 0; };
  ++stats_.waits;
  PENSTOCK_TRY(patience_.wait(control_.wake, share_->line().waiting, limit, "no batch came", ready,
                              [this] { return writer_lives(); }));
  // Closed or not: what was sent before it is there by now.
  if (has_batch()) return take();
  return end_of_stream();
}

TransportStats RingReader::stats() const {
  TransportStats stats = stats_;
  for (const Line& line : control_.readers) stats.readers += line.owner.load(std::memory_order_relaxed) != 0 ? 1 : 0;
  stats.reserved_bytes = share_->arena()->allocated_bytes();
  return stats;
}

}  // namespace

ArenaShape ring_shape(std::size_t window_bytes, std::uint32_t depth, std::uint32_t max_readers) {
  const std::uint32_t buffers = std::bit_ceil(depth);
  return {ArenaKind::kStream, control_bytes(buffers, entries_for(buffers)), buffers, window_bytes, max_readers};
}

void set_up_ring(std::byte* control, const ArenaShape& shape) {
  auto* const ring = new (control) RingControl;
  ring->buffers = shape.windows;
  ring->entries = entries_for(shape.windows);
  for (std::uint32_t i = 0; i < ring->buffers; ++i) new (ring->buffer_words() + i) RingControl::BufferWords;
  for (std::uint32_t i = 0; i < ring->entries; ++i) new (ring->ring() + i) RingControl::Entry;
}

Result<std::unique_ptr<StreamWriter>> open_ring_writer(std::shared_ptr<Arena> arena, const RingWriterOptions& options) {
  PENSTOCK_TRY(check_ring(*arena));
  const ProcessToken self = this_process_token();
  ProcessToken nobody = 0;
  if (!arena->header().writer.compare_exchange_strong(nobody, self, std::memory_order_acq_rel) && nobody != self) {
    return Error(ErrorCode::kAlreadyExists,
                 fmt::format("stream \"{}\" has a writer already: process {}", arena->name(), pid_of(nobody)));
  }
  RingControl& control = control_of(*arena);
  if (control.head.load(std::memory_order_relaxed) != 0 || control.closed.load(std::memory_order_relaxed) != 0) {
    return Error(ErrorCode::kAlreadyExists, fmt::format("stream \"{}\" had a writer already", arena->name()))
        .hint("make a new stream");
  }
  // Memory for two batches now, so that want of it shows at once; the others when they are needed.
  const std::size_t bytes = std::max(options.capacity_bytes, std::size_t{1});
  for (std::uint32_t i = 0; i < std::min(control.buffers, 2U); ++i) {
    PENSTOCK_TRY(arena->grow_window(i, control.buffer_words()[i].allocated, bytes));
  }
  return std::unique_ptr<StreamWriter>(new RingWriter(std::move(arena), options));
}

Result<std::unique_ptr<StreamReader>> open_ring_reader(std::shared_ptr<Arena> arena) {
  PENSTOCK_TRY(check_ring(*arena));
  RingControl& control = control_of(*arena);
  // Only the writer frees lines; where all are taken, it is asked to look and given a moment.
  constexpr int kAttempts = 200;
  constexpr auto kPause = std::chrono::milliseconds(1);
  Result<std::uint32_t> line = arena->claim_line(control.readers, this_process_token(), false);
  for (int i = 0; i < kAttempts && !line; ++i) {
    control.roster.fetch_add(1, std::memory_order_seq_cst);
    wake_writer(control);
    std::this_thread::sleep_for(kPause);
    line = arena->claim_line(control.readers, this_process_token(), false);
  }
  if (!line) return Error(line.error());
  auto* const share = new ReaderShare(std::move(arena), *line);
  share->change_state(State::kJoining);
  return std::unique_ptr<StreamReader>(new RingReader(share));
}

void say_that_peer_died(Arena& arena, std::int64_t pid) {
  RingControl& control = control_of(arena);
  for (Line& line : control.readers) {
    if (pid_of(line.owner.load(std::memory_order_acquire)) != pid) continue;
    line.state.store(State::kLeaving, std::memory_order_release);
    control.roster.fetch_add(1, std::memory_order_seq_cst);
    wake_writer(control);
  }
  if (pid_of(arena.header().writer.load(std::memory_order_acquire)) != pid) return;
  std::uint32_t open = 0;
  control.closed.compare_exchange_strong(open, 2, std::memory_order_seq_cst);
  wake_readers(control);
}

Result<AnonymousStream> AnonymousStream::create(const TransportOptions& options) {
  constexpr std::size_t kMostAddresses = std::size_t{64} << 30;
  const std::size_t window = std::min(std::size_t{4} << 30, kMostAddresses / std::bit_ceil(options.depth));
  const ArenaShape shape = ring_shape(window, options.depth, options.max_readers);
  AnonymousStream stream;
  PENSTOCK_ASSIGN(stream.arena_, Arena::create_anonymous(shape, set_up_ring));
  stream.writer_options_ = {options.capacity_bytes, options.when_full, options.wait_for_readers};
  return stream;
}

Result<std::unique_ptr<StreamWriter>> AnonymousStream::open_writer() const {
  return open_ring_writer(arena_, writer_options_);
}
Result<std::unique_ptr<StreamReader>> AnonymousStream::open_reader() const { return open_ring_reader(arena_); }

}  // namespace penstock
