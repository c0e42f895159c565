// SPDX-License-Identifier: MIT
// What stands under Penstock's names in a folder of shared memory, and whether somebody still needs it.
#include <dirent.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "platform/file.h"
#include "transport/arena.h"
#include "transport/batch_ring.h"
#include "transport/notice_board.h"
#include "transport/version_slots.h"

namespace penstock {
namespace {

constexpr std::string_view kPrefix = "penstock-";
constexpr std::string_view kSuffix = ".shm";
constexpr std::size_t kHeaderBytes = 4096;

// "penstock-NAME.shm.PID-N": an arena that was being made. Returns the PID, or 0 for other names.
std::int64_t unfinished_by(std::string_view file) {
  const std::size_t at = file.rfind(".shm.");
  std::int64_t pid = 0;
  if (at == std::string_view::npos) return 0;
  const char* const begin = file.data() + at + kSuffix.size() + 1;
  const auto [end, error] = std::from_chars(begin, file.data() + file.size(), pid);
  return error == std::errc() && end != file.data() + file.size() && *end == '-' ? pid : 0;
}

const ReaderLines* readers_of(const SharedRegion& region, const ArenaHeader& header) {
  const std::byte* const control = region.data() + kHeaderBytes;
  const std::size_t bytes = header.control_bytes - kHeaderBytes;
  if (header.kind == ArenaKind::kDictionary) {
    return bytes >= sizeof(VersionControl) ? &reinterpret_cast<const VersionControl*>(control)->readers : nullptr;
  }
  if (header.kind == ArenaKind::kNotices) {
    return bytes >= sizeof(NoticeControl) ? &reinterpret_cast<const NoticeControl*>(control)->readers : nullptr;
  }
  return bytes >= sizeof(RingControl) ? &reinterpret_cast<const RingControl*>(control)->readers : nullptr;
}

void judge(ArenaListing& listing, const SharedRegion& region) {
  const auto& header = *reinterpret_cast<const ArenaHeader*>(region.data());
  const bool ours = header.magic == ArenaHeader::kMagic && header.layout == ArenaHeader::kLayout &&
                    header.total_bytes == region.size_bytes() && header.control_bytes >= kHeaderBytes &&
                    header.control_bytes <= header.total_bytes;
  if (!ours) {
    listing.note = "not made by this version of Penstock, or damaged";
    return;
  }
  listing.kind = to_string(header.kind);
  listing.name.assign(header.name.data(), strnlen(header.name.data(), header.name.size()));
  listing.created_seconds = header.created_seconds;
  const ProcessToken writer = header.writer.load(std::memory_order_acquire);
  listing.writer_pid = pid_of(writer);
  if (header.pid_namespace != own_pid_namespace()) {
    listing.note = "made in another PID namespace: cannot tell whether its processes live";
    return;
  }
  listing.writer_alive = is_alive(writer);
  const ReaderLines* const readers = readers_of(region, header);
  for (std::size_t i = 0; readers != nullptr && i < kMostReaders; ++i) {
    listing.readers_alive += is_alive((*readers)[i].owner.load(std::memory_order_acquire)) ? 1 : 0;
  }
  listing.abandoned = !listing.writer_alive && listing.readers_alive == 0;
}

ArenaListing look_at(const std::string& folder, const std::string& file) {
  ArenaListing listing;
  listing.path = folder + "/" + file;
  if (const std::int64_t pid = unfinished_by(file); pid != 0) {
    listing.kind = "unfinished";
    listing.writer_pid = pid;
    listing.writer_alive = ::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM;
    listing.abandoned = !listing.writer_alive;
    struct stat info;
    if (::lstat(listing.path.c_str(), &info) == 0)
      listing.allocated_bytes = static_cast<std::uint64_t>(info.st_blocks) * 512;
    return listing;
  }
  Result<SharedRegion> region = SharedRegion::open_file(listing.path);
  if (!region) {
    listing.note = region.error().message();
    return listing;
  }
  if (const Result<SharedRegion::Owner> owner = region->owner()) listing.allocated_bytes = owner->allocated_bytes;
  if (region->size_bytes() < kHeaderBytes) {
    listing.note = "not made by Penstock";
  } else if (const Status mapped = region->map(); !mapped) {
    listing.note = mapped.error().message();
  } else {
    judge(listing, *region);
  }
  return listing;
}

bool is_candidate(std::string_view file) {
  return file.starts_with(kPrefix) && (file.ends_with(kSuffix) || unfinished_by(file) != 0);
}

}  // namespace

Result<std::vector<ArenaListing>> list_arenas(const std::string& folder) {
  DIR* const stream = ::opendir(folder.c_str());
  if (stream == nullptr) return file_error(errno, "list", folder);
  std::vector<ArenaListing> listings;
  while (const dirent* const entry = ::readdir(stream)) {
    if (is_candidate(entry->d_name)) listings.push_back(look_at(folder, entry->d_name));
  }
  ::closedir(stream);
  std::sort(listings.begin(), listings.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return listings;
}

Status remove_arena(const ArenaListing& listing) {
  const std::size_t slash = listing.path.rfind('/');
  const ArenaListing now = look_at(listing.path.substr(0, slash), listing.path.substr(slash + 1));
  if (!now.abandoned) {
    return Error(ErrorCode::kUnavailable, fmt::format("{} is in use again, or cannot be judged", listing.path));
  }
  if (std::string_view(now.kind) != "unfinished") {
    // Owning it keeps a new writer from taking it over while its name goes.
    PENSTOCK_ASSIGN(SharedRegion region, SharedRegion::open_file(listing.path));
    PENSTOCK_TRY(region.map());
    auto& writer = reinterpret_cast<ArenaHeader*>(region.data())->writer;
    ProcessToken gone = writer.load(std::memory_order_acquire);
    if (is_alive(gone) || !writer.compare_exchange_strong(gone, this_process_token(), std::memory_order_acq_rel)) {
      return Error(ErrorCode::kUnavailable, fmt::format("{} has a writer again", listing.path));
    }
  }
  if (::unlink(listing.path.c_str()) != 0 && errno != ENOENT) return file_error(errno, "remove", listing.path);
  return {};
}

}  // namespace penstock
