// SPDX-License-Identifier: MIT
#include "transport/arena.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>

#include "base/check.h"
#include "platform/file.h"
#include "platform/machine.h"

namespace penstock {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kLongestName = 100;

static_assert(sizeof(ArenaHeader) <= kPage && std::atomic<std::uint64_t>::is_always_lock_free);

std::size_t whole_pages(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

// Small windows grow by doubling, large ones by 2 MiB, so that growing step by step costs few calls and little memory.
std::size_t window_step(std::size_t bytes) {
  if (bytes > 2 * kMiB) return (bytes + 2 * kMiB - 1) / (2 * kMiB) * (2 * kMiB);
  std::size_t step = kPage;
  while (step < bytes) step *= 2;
  return step;
}

std::uint64_t now_seconds() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

Error taken(const std::string& name, ProcessToken writer) {
  return Error(ErrorCode::kAlreadyExists,
               fmt::format("shared memory \"{}\" has a writer already: process {}", name, pid_of(writer)))
      .hint("choose another name, or end that process");
}

// What stands under the path need not be ours, nor whole.
Status check_header(const SharedRegion& region, const ArenaHeader& header) {
  if (header.magic != ArenaHeader::kMagic) {
    return Error(ErrorCode::kAlreadyExists, region.path() + " was not made by Penstock").hint("choose another name");
  }
  if (header.layout != ArenaHeader::kLayout) {
    return Error(ErrorCode::kUnsupported, fmt::format("{} has layout {}, this Penstock knows layout {}", region.path(),
                                                      header.layout, ArenaHeader::kLayout))
        .hint("use one version of Penstock at both ends");
  }
  const bool sound =
      header.total_bytes == region.size_bytes() && header.control_bytes >= kPage && header.control_bytes % kPage == 0 &&
      header.control_bytes <= header.total_bytes && header.window_bytes % kPage == 0 &&
      header.max_readers <= kMostReaders && header.windows > 0 &&
      header.windows <= (header.total_bytes - header.control_bytes) / std::max<std::size_t>(header.window_bytes, kPage);
  if (!sound) return Error(ErrorCode::kDataLoss, region.path() + " is damaged: its sizes contradict each other");
  if (header.pid_namespace != own_pid_namespace()) {
    return Error(ErrorCode::kUnsupported,
                 region.path() + " was made in another PID namespace, where it cannot be told who lives")
        .hint("run both ends in one namespace (containers: --pid=host or --pid=container:NAME)");
  }
  return {};
}

Status check_owner(const SharedRegion& region, const Arena::Place& place) {
  PENSTOCK_ASSIGN(const SharedRegion::Owner owner, region.owner());
  if (owner.user == ::geteuid() || owner.user == 0 || place.owner == owner.user) return {};
  return Error(ErrorCode::kPermissionDenied, fmt::format("{} belongs to user {}, this process runs as user {}",
                                                         region.path(), owner.user, ::geteuid()))
      .hint(fmt::format("if you trust it, set the option owner = {}", owner.user));
}

}  // namespace

const char* to_string(ArenaKind kind) noexcept {
  switch (kind) {
    case ArenaKind::kDictionary: return "dictionary";
    case ArenaKind::kStream: return "stream";
    case ArenaKind::kNotices: return "notices";
  }
  return "unknown";
}

Status check_arena_name(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (!name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), fits)) return {};
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("\"{}\" is no name for shared memory", name.substr(0, kLongestName)))
      .hint(fmt::format("use 1 to {} of the letters a-z, A-Z, 0-9, \".\", \"_\" and \"-\"", kLongestName));
}

std::uint64_t own_pid_namespace() {
  struct stat info;
  return ::stat("/proc/self/ns/pid", &info) == 0 ? info.st_ino : 0;
}

std::string arena_path(const std::string& folder, const std::string& name) {
  return fmt::format("{}/penstock-{}.shm", folder, name);
}

Result<std::shared_ptr<Arena>> Arena::fresh(SharedRegion region, const std::string& name, const ArenaShape& shape,
                                            Setup setup, ProcessToken writer) {
  const std::size_t control_bytes = kHeaderBytes + whole_pages(shape.control_bytes);
  PENSTOCK_TRY(region.allocate(0, control_bytes));
  PENSTOCK_TRY(region.map());
  auto arena = std::make_shared<Arena>();
  arena->region_ = std::move(region);
  auto* const header = new (arena->region_.data()) ArenaHeader;
  header->kind = shape.kind;
  header->total_bytes = arena->region_.size_bytes();
  header->control_bytes = control_bytes;
  header->window_bytes = shape.window_bytes;
  header->windows = shape.windows;
  header->max_readers = shape.max_readers;
  header->pid_namespace = own_pid_namespace();
  this_process().boot.copy(header->boot.data(), header->boot.size() - 1);
  name.copy(header->name.data(), header->name.size() - 1);
  header->created_seconds = now_seconds();
  header->writer.store(writer, std::memory_order_relaxed);
  setup(arena->control(), shape);
  return arena;
}

std::size_t Arena::bytes_for(const ArenaShape& shape) noexcept {
  return kHeaderBytes + whole_pages(shape.control_bytes) + shape.windows * shape.window_bytes;
}

Result<std::shared_ptr<Arena>> Arena::create_anonymous(const ArenaShape& shape, Setup setup) {
  PENSTOCK_ASSIGN(SharedRegion region, SharedRegion::create_anonymous("penstock", bytes_for(shape)));
  return fresh(std::move(region), "anonymous", shape, setup, 0);
}

Result<std::shared_ptr<Arena>> Arena::create_in(std::span<std::byte> memory, const std::string& name,
                                                const ArenaShape& shape, Setup setup) {
  PENSTOCK_CHECK(memory.size() >= bytes_for(shape), "create_in: less memory than the shape needs");
  return fresh(SharedRegion::borrow(memory.first(bytes_for(shape)), name), name, shape, setup, this_process_token());
}

Result<std::shared_ptr<Arena>> Arena::open_in(std::span<std::byte> memory, const std::string& name) {
  auto arena = std::make_shared<Arena>();
  arena->region_ = SharedRegion::borrow(memory, name);
  PENSTOCK_TRY(check_header(arena->region_, arena->header()));
  return arena;
}

Result<std::shared_ptr<Arena>> Arena::existing(const Place& place) {
  PENSTOCK_ASSIGN(SharedRegion region, SharedRegion::open_file(arena_path(place.folder, place.name)));
  PENSTOCK_TRY(check_owner(region, place));
  if (region.size_bytes() < kHeaderBytes) {
    return Error(ErrorCode::kAlreadyExists, region.path() + " was not made by Penstock").hint("choose another name");
  }
  PENSTOCK_TRY(region.map());
  auto arena = std::make_shared<Arena>();
  arena->region_ = std::move(region);
  PENSTOCK_TRY(check_header(arena->region_, arena->header()));
  return arena;
}

// Made under another name and then linked, so that nobody ever finds half an arena. Null when the name was taken
// meanwhile.
Result<std::shared_ptr<Arena>> Arena::link_new(const Place& place, const ArenaShape& shape, Setup setup,
                                               ProcessToken self) {
  static std::atomic<std::uint32_t> counter{0};
  const std::string path = arena_path(place.folder, place.name);
  const std::string unfinished =
      fmt::format("{}.{}-{}", path, ::getpid(), counter.fetch_add(1, std::memory_order_relaxed));
  PENSTOCK_ASSIGN(SharedRegion region, SharedRegion::create_file(unfinished, bytes_for(shape), place.mode));
  Result<std::shared_ptr<Arena>> made = fresh(std::move(region), place.name, shape, setup, self);
  const bool linked = made && ::link(unfinished.c_str(), path.c_str()) == 0;
  const int why = errno;
  ::unlink(unfinished.c_str());
  if (!made) return made;
  if (linked) {
    (*made)->region_.renamed(path);
    return made;
  }
  if (why != EEXIST) return file_error(why, "create", path);
  return std::shared_ptr<Arena>();
}

Result<std::shared_ptr<Arena>> Arena::create(const Place& place, const ArenaShape& shape, Setup setup,
                                             bool may_take_over) {
  PENSTOCK_TRY(check_arena_name(place.name));
  const ProcessToken self = this_process_token();
  constexpr int kAttempts = 100;  // another process that makes and removes the same name can win as often at most
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Result<std::shared_ptr<Arena>> found = existing(place);
    if (found) {
      ArenaHeader& header = (*found)->header();
      ProcessToken writer = header.writer.load(std::memory_order_acquire);
      if (is_alive(writer)) return taken(place.name, writer);
      if (!header.writer.compare_exchange_strong(writer, self, std::memory_order_acq_rel)) continue;
      // Whoever owns the word may use the name; but its last owner may have removed it before we became the owner.
      if (!(*found)->has_its_name()) continue;
      if (may_take_over && header.kind == shape.kind) return found;
      (*found)->remove_name();
    } else if (found.error().code() != ErrorCode::kNotFound) {
      return found;
    }
    Result<std::shared_ptr<Arena>> made = link_new(place, shape, setup, self);
    if (!made || *made != nullptr) return made;
  }
  return Error(ErrorCode::kUnavailable,
               fmt::format("shared memory \"{}\" is made and removed all the time", place.name));
}

Result<std::shared_ptr<Arena>> Arena::open(const Place& place, ArenaKind kind) {
  PENSTOCK_TRY(check_arena_name(place.name));
  Result<std::shared_ptr<Arena>> arena = existing(place);
  if (!arena && arena.error().code() == ErrorCode::kNotFound) {
    return Error(ErrorCode::kNotFound, fmt::format("there is no shared memory \"{}\"", place.name))
        .hint("start its writer first, or see \"penstock shm list\"");
  }
  if (arena && (*arena)->header().kind != kind) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("shared memory \"{}\" holds a {}, not a {}", place.name,
                                                          to_string((*arena)->header().kind), to_string(kind)));
  }
  if (arena) (*arena)->protect_windows();
  return arena;
}

Status Arena::grow_window(std::uint32_t index, std::atomic<std::uint64_t>& allocated, std::size_t bytes) {
  const std::uint64_t have = allocated.load(std::memory_order_relaxed);
  if (bytes > header().window_bytes) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("{} bytes are more than the {} that fit into a block of \"{}\"", bytes,
                             header().window_bytes, name()))
        .hint("raise the option max_bytes");
  }
  const std::uint64_t begin = header().control_bytes + index * header().window_bytes;
  const std::size_t step = std::min<std::size_t>(window_step(bytes), header().window_bytes);
  if (bytes <= have) {
    // One large block must not take memory for ever.
    if (have > 4 * step + kMiB) {
      region_.discard(begin + step, have - step);
      allocated.store(step, std::memory_order_relaxed);
    }
    return {};
  }
  PENSTOCK_TRY(region_.allocate(begin + have, step - have));
  allocated.store(step, std::memory_order_relaxed);
  return {};
}

std::uint64_t Arena::allocated_bytes() const {
  const Result<SharedRegion::Owner> owner = region_.owner();
  return owner ? owner->allocated_bytes : 0;
}

Status Arena::expect_control(std::size_t bytes) const {
  if (header().control_bytes - kHeaderBytes >= bytes) return {};
  return Error(ErrorCode::kDataLoss, region_.path() + " is damaged: it has no room for its control words");
}

Result<std::uint32_t> Arena::claim_line(ReaderLines& lines, ProcessToken self, bool may_replace_dead) const {
  const std::uint32_t count = header().max_readers;
  for (const bool replace : {false, true}) {
    if (replace && !may_replace_dead) break;
    for (std::uint32_t i = 0; i < count; ++i) {
      ProcessToken owner = lines[i].owner.load(std::memory_order_acquire);
      if (owner != 0 && (!replace || is_alive(owner))) continue;
      if (lines[i].owner.compare_exchange_strong(owner, self, std::memory_order_acq_rel)) return i;
    }
  }
  return Error(ErrorCode::kResourceExhausted,
               fmt::format("shared memory \"{}\" has its {} readers already", name(), count))
      .hint("raise max_readers at the writer");
}

bool Arena::has_its_name() const noexcept {
  const Result<SharedRegion::Owner> mine = region_.owner();
  struct stat info;
  return mine && ::lstat(region_.path().c_str(), &info) == 0 && info.st_ino == mine->inode;
}

void Arena::remove_name() noexcept {
  if (has_its_name()) ::unlink(region_.path().c_str());
}

}  // namespace penstock
