// SPDX-License-Identifier: MIT
#include "transport/notice_board.h"

#include <fmt/format.h>

#include <new>

namespace penstock {
namespace {

constexpr std::size_t kLeastWindow = 4096;  // an arena has at least one window; this one is never given memory

NoticeControl& notices_of(const Arena& arena) { return *reinterpret_cast<NoticeControl*>(arena.control()); }

void set_up(std::byte* control, const ArenaShape&) { new (control) NoticeControl; }

std::uint32_t count(const ReaderLines& lines) noexcept {
  std::uint32_t found = 0;
  for (const ReaderLine& line : lines) found += line.owner.load(std::memory_order_relaxed) != 0 ? 1 : 0;
  return found;
}

}  // namespace

NoticeWriter::NoticeWriter(std::shared_ptr<Arena> arena) noexcept
    : arena_(std::move(arena)), control_(notices_of(*arena_)) {}

Result<std::unique_ptr<NoticeWriter>> NoticeWriter::open(const Arena::Place& place, std::uint32_t max_readers) {
  const ArenaShape shape = {ArenaKind::kNotices, sizeof(NoticeControl), 1, kLeastWindow, max_readers};
  PENSTOCK_ASSIGN(std::shared_ptr<Arena> arena, Arena::create(place, shape, set_up, true));
  PENSTOCK_TRY(arena->expect_control(sizeof(NoticeControl)));
  auto writer = std::unique_ptr<NoticeWriter>(new NoticeWriter(std::move(arena)));
  writer->control_.closed.store(0, std::memory_order_release);
  return writer;
}

NoticeWriter::~NoticeWriter() {
  if (!is_own(arena_->header().writer)) return;
  control_.closed.store(1, std::memory_order_seq_cst);
  control_.wake.fetch_add(1, std::memory_order_seq_cst);
  futex_wake_all(control_.wake);
  // The name goes while we still own it, so that nobody else's is removed.
  arena_->remove_name();
  arena_->header().writer.store(0, std::memory_order_release);
}

void NoticeWriter::announce(Version version) noexcept {
  control_.version.store(version, std::memory_order_seq_cst);  // before the loads of `waiting`
  bool someone_waits = false;
  for (const ReaderLine& line : control_.readers) {
    someone_waits = someone_waits || line.waiting.load(std::memory_order_seq_cst) != 0;
  }
  if (!someone_waits) return;
  control_.wake.fetch_add(1, std::memory_order_seq_cst);
  futex_wake_all(control_.wake);
}

std::uint32_t NoticeWriter::readers() const noexcept { return count(control_.readers); }

NoticeReader::NoticeReader(std::shared_ptr<Arena> arena, std::uint32_t line) noexcept
    : arena_(std::move(arena)), control_(notices_of(*arena_)), line_(control_.readers[line]) {}

Result<std::unique_ptr<NoticeReader>> NoticeReader::open(const Arena::Place& place) {
  PENSTOCK_ASSIGN(std::shared_ptr<Arena> arena, Arena::open(place, ArenaKind::kNotices));
  PENSTOCK_TRY(arena->expect_control(sizeof(NoticeControl)));
  PENSTOCK_ASSIGN(const std::uint32_t line, arena->claim_line(notices_of(*arena).readers, this_process_token(), true));
  notices_of(*arena).readers[line].waiting.store(0, std::memory_order_relaxed);
  return std::unique_ptr<NoticeReader>(new NoticeReader(std::move(arena), line));
}

NoticeReader::~NoticeReader() {
  if (fork_generation() != generation_) return;  // a fork inherited it; the line is its parent's
  line_.waiting.store(0, std::memory_order_relaxed);
  line_.owner.store(0, std::memory_order_release);
}

Result<Version> NoticeReader::wait(Version seen, const WaitLimit& limit) {
  const auto ready = [&] { return announced() > seen || is_closed(); };
  const auto look = [&]() -> Status {
    const ProcessToken writer = arena_->header().writer.load(std::memory_order_acquire);
    if (is_alive(writer)) return {};
    return Error(ErrorCode::kUnavailable, fmt::format("the writer is gone: process {}", pid_of(writer)))
        .hint("start it again: it goes on where the old one ended");
  };
  PENSTOCK_TRY(patience_.wait(control_.wake, line_.waiting, limit, "no newer version came", ready, look));
  if (const Version version = announced(); version > seen) return version;
  return Error(ErrorCode::kUnavailable, "the writer has closed it").hint("wait again when there is a writer again");
}

std::uint32_t NoticeReader::readers() const noexcept { return count(control_.readers); }

}  // namespace penstock
