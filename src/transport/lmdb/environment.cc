// SPDX-License-Identifier: MIT
#include "transport/lmdb/environment.h"

#ifdef PENSTOCK_LMDB
#include <fmt/format.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <utility>

#include "platform/file.h"
#include "platform/shared_region.h"
#include "transport/arena.h"

namespace penstock {
namespace {

constexpr unsigned kTableOfReaders = 1024;  // 64 bytes each; every view that is held takes one
constexpr char kKey[] = "latest";

MDB_val key() { return {sizeof kKey - 1, const_cast<char*>(kKey)}; }

std::string data_file(const std::string& folder) { return folder + "/data.mdb"; }

// Databases by device and inode of the folder. LMDB's locks belong to the process: the second of two copies that is
// closed would take the locks of the first away.
using Place = std::pair<std::uint64_t, std::uint64_t>;
struct OpenDatabases {
  std::mutex mutex;
  std::map<Place, LmdbEnvironment*> all;
};
OpenDatabases& open_databases() {
  static auto* const databases = new OpenDatabases;  // never destroyed: endpoints may live in static objects
  return *databases;
}

Error not_ours(const std::string& folder, const char* why) {
  return Error(ErrorCode::kAlreadyExists, fmt::format("{} {}", folder, why))
      .hint("choose a folder that does not exist yet");
}

// A lock file alone is what a writer left that was killed at once.
bool is_empty(const std::string& folder) {
  std::error_code failed;
  for (const auto& each : std::filesystem::directory_iterator(folder, failed)) {
    if (each.path().filename() != "lock.mdb") return false;
  }
  return !failed;
}

// LMDB maps its lock file and writes to it, so it needs all its memory first: a hole where none is left is a SIGBUS.
// Before the database is open here: closing a descriptor of the file would drop LMDB's locks.
Status make_lock_file(const std::string& folder, unsigned mode) {
  const std::string path = folder + "/lock.mdb";
  constexpr std::size_t kHeadBytes = 4096;
  constexpr std::size_t kBytes = kHeadBytes + std::size_t{64} * kTableOfReaders;
  Result<SharedRegion> file = SharedRegion::create_file(path, kBytes, mode);
  if (!file && file.error().code() == ErrorCode::kAlreadyExists) file = SharedRegion::open_file(path);
  if (!file) return std::move(file).error();
  return file->allocate(0, kBytes);
}

bool is_disk_full(const std::string& folder) {
  struct statvfs info;
  constexpr std::uint64_t kNothing = 64 << 10;
  return ::statvfs(folder.c_str(), &info) == 0 && info.f_bavail * info.f_frsize < kNothing;
}

}  // namespace

Error LmdbEnvironment::error(int code, const char* action) const {
  if (code == MDB_MAP_FULL) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("the LMDB database {} is full: it may have {} MiB", folder_, writing_.max_bytes >> 20))
        .hint("readers that hold old views keep their pages: release views sooner, or raise the option max_bytes");
  }
  if (code == MDB_READERS_FULL) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("readers of the LMDB database {} hold {} views already", folder_, kTableOfReaders))
        .hint("release views sooner");
  }
  if (code == MDB_INVALID) return not_ours(folder_, "holds a file data.mdb that LMDB did not make");
  if (code == MDB_VERSION_MISMATCH) {
    return Error(ErrorCode::kUnsupported, fmt::format("{} was made by another version of LMDB", folder_));
  }
  if (code < 0) {
    return Error(ErrorCode::kDataLoss,
                 fmt::format("cannot {} the LMDB database {}: {}", action, folder_, ::mdb_strerror(code)));
  }
  // A write that had room for a part only.
  if (code == EIO && is_disk_full(folder_)) code = ENOSPC;
  return file_error(code, action, data_file(folder_));
}

Result<std::shared_ptr<LmdbEnvironment>> LmdbEnvironment::open(const std::string& folder, bool make, unsigned mode) {
  struct stat info;
  if (::stat(folder.c_str(), &info) != 0) return file_error(errno, "open", folder);
  OpenDatabases& open = open_databases();
  const std::lock_guard lock(open.mutex);
  const auto found = open.all.find({info.st_dev, info.st_ino});
  LmdbEnvironment* database = found == open.all.end() ? nullptr : found->second;
  // What a fork inherited is its parent's: it is neither used nor closed.
  if (database == nullptr || database->generation_ != fork_generation()) {
    auto made = std::unique_ptr<LmdbEnvironment>(new LmdbEnvironment(folder, fork_generation()));
    PENSTOCK_TRY(made->open_files(make, mode));
    database = made.release();
    open.all[{info.st_dev, info.st_ino}] = database;
  }
  ++database->users_;
  return std::shared_ptr<LmdbEnvironment>(database, [](LmdbEnvironment* one) {
    if (one->generation_ != fork_generation()) return;
    OpenDatabases& databases = open_databases();
    const std::lock_guard again(databases.mutex);
    if (--one->users_ != 0) return;
    std::erase_if(databases.all, [&](const auto& each) { return each.second == one; });
    delete one;
  });
}

Status LmdbEnvironment::open_files(bool make, unsigned mode) {
  const std::string file = data_file(folder_);
  const bool there = ::access(file.c_str(), F_OK) == 0;
  if (!there && !make) {
    return Error(ErrorCode::kNotFound, fmt::format("there is no LMDB database in {}", folder_))
        .hint("start its writer first");
  }
  if (!there && !is_empty(folder_)) return not_ours(folder_, "holds other files, and no LMDB database");
  PENSTOCK_TRY(make_lock_file(folder_, mode));
  if (const int code = ::mdb_env_create(&environment_); code != 0) return error(code, "open");
  ::mdb_env_set_maxreaders(environment_, kTableOfReaders);
  // Not MDB_WRITEMAP: a full disk would be a SIGBUS, and whoever opens the file would set its size. MDB_NOTLS: a
  // transaction belongs to a view, not to a thread.
  if (const int code = ::mdb_env_open(environment_, folder_.c_str(), MDB_NOTLS, mode); code != 0) {
    return error(code, "open");
  }
  if (!there) {
    for (const char* name : {"/data.mdb", "/lock.mdb"}) {
      if (::chmod((folder_ + name).c_str(), mode) != 0) return file_error(errno, "open", folder_ + name);
    }
  }
  PENSTOCK_ASSIGN(MDB_txn* const reading, begin_read(nullptr));
  MDB_stat shape = {};
  int code = ::mdb_dbi_open(reading, nullptr, 0, &table_);
  if (code == 0) code = ::mdb_stat(reading, table_, &shape);
  const Result<LmdbEntry> entry = look(reading);
  end_read(reading);
  forget(reading);
  if (code != 0) return error(code, "open");
  page_bytes_ = shape.ms_psize;
  if (entry) return {};
  if (entry.error().code() != ErrorCode::kNotFound) return entry.error();
  if (shape.ms_entries != 0) return not_ours(folder_, "holds the LMDB database of another program");
  if (!make) return entry.error();
  return {};
}

LmdbEnvironment::~LmdbEnvironment() {
  if (environment_ != nullptr) ::mdb_env_close(environment_);
}

// A map may only be changed while no transaction of this process runs, so beginning one excludes it.
Result<MDB_txn*> LmdbEnvironment::begin(unsigned flags, MDB_txn* idle) {
  const std::lock_guard lock(mutex_);
  MDB_txn* begun = idle;
  const auto attempt = [&] {
    return idle != nullptr ? ::mdb_txn_renew(idle) : ::mdb_txn_begin(environment_, nullptr, flags, &begun);
  };
  int code = attempt();
  if (code == MDB_READERS_FULL) {
    int dead = 0;
    ::mdb_reader_check(environment_, &dead);
    if (dead > 0) code = attempt();
  }
  if (code == MDB_MAP_RESIZED) {
    if (active_ != 0) {
      return Error(
                 ErrorCode::kResourceExhausted,
                 fmt::format("another process made the LMDB database {} grow, and this one holds views of the smaller",
                             folder_))
          .hint("release all views once, or raise the writer's map_bytes");
    }
    code = ::mdb_env_set_mapsize(environment_, 0);  // takes the size from the file
    if (code == 0) code = attempt();
  }
  if (code != 0) return error(code, "read");
  ++active_;
  return begun;
}

Result<MDB_txn*> LmdbEnvironment::begin_read(MDB_txn* idle) { return begin(MDB_RDONLY, idle); }

Result<LmdbEntry> LmdbEnvironment::look(MDB_txn* reading) const {
  MDB_val wanted = key();
  MDB_val found = {};
  const int code = ::mdb_get(reading, table_, &wanted, &found);
  if (code == MDB_NOTFOUND) {
    return Error(ErrorCode::kNotFound, fmt::format("there is no dictionary in the LMDB database {}", folder_))
        .hint("start its writer first");
  }
  if (code != 0) return error(code, "read");
  const auto* const data = static_cast<const std::byte*>(found.mv_data);
  LmdbHeader header;
  if (found.mv_size < sizeof header) return not_ours(folder_, "holds the LMDB database of another program");
  std::memcpy(&header, data, sizeof header);
  if (header.magic != LmdbHeader::kMagic) return not_ours(folder_, "holds the LMDB database of another program");
  if (header.layout != LmdbHeader::kLayout) {
    return Error(ErrorCode::kUnsupported, fmt::format("{} has layout {}, this Penstock knows layout {}", folder_,
                                                      header.layout, LmdbHeader::kLayout))
        .hint("use one version of Penstock at both ends");
  }
  if (header.size > found.mv_size - sizeof header || reinterpret_cast<std::uintptr_t>(data + sizeof header) % 64 != 0) {
    return Error(ErrorCode::kDataLoss,
                 fmt::format("the LMDB database {} is damaged: its entry has {} bytes, and says {}", folder_,
                             found.mv_size, header.size));
  }
  return LmdbEntry{header.version, {data + sizeof header, header.size}};
}

void LmdbEnvironment::end_read(MDB_txn* reading) noexcept {
  const std::lock_guard lock(mutex_);
  ::mdb_txn_reset(reading);
  --active_;
}

void LmdbEnvironment::forget(MDB_txn* idle) noexcept {
  const std::lock_guard lock(mutex_);
  ::mdb_txn_abort(idle);
}

Result<Version> LmdbEnvironment::prepare_writing(const WriterOptions& options) {
  writing_ = options;
  last_page_ = 0;
  ::mdb_env_set_flags(environment_, MDB_NOSYNC, options.durable ? 0 : 1);
  {
    const std::lock_guard lock(mutex_);
    MDB_envinfo info = {};
    ::mdb_env_info(environment_, &info);
    if (active_ == 0 && info.me_mapsize < options.map_bytes) {
      const int code = ::mdb_env_set_mapsize(environment_, options.map_bytes);
      if (code != 0) return error(code, "map");
    }
  }
  remove_stale_readers();
  PENSTOCK_ASSIGN(MDB_txn* const reading, begin_read(nullptr));
  const Result<LmdbEntry> entry = look(reading);
  end_read(reading);
  forget(reading);
  if (entry) return entry->version;
  if (entry.error().code() != ErrorCode::kNotFound) return Error(entry.error());
  PENSTOCK_TRY(put(0, {}));
  return Version{0};
}

bool LmdbEnvironment::remove_stale_readers() noexcept {
  int dead = 0;
  if (::mdb_reader_check(environment_, &dead) != 0 || dead <= 0) return false;
  reclaimed_ += static_cast<std::uint64_t>(dead);
  return true;
}

Status LmdbEnvironment::put(Version version, std::span<const std::byte> bytes) {
  if (bytes.size() > writing_.max_bytes) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("a block of {} bytes is longer than the {} that the LMDB database {} may have",
                             bytes.size(), writing_.max_bytes, folder_))
        .hint("raise the option max_bytes to several times the largest block");
  }
  // A killed reader's transaction keeps all pages that became free since from being used again, and the file grows.
  MDB_envinfo info = {};
  ::mdb_env_info(environment_, &info);
  if (info.me_last_pgno > last_page_) {
    remove_stale_readers();
    last_page_ = info.me_last_pgno;
  }
  while (true) {
    Error failure(ErrorCode::kInternal, "");
    const int code = try_put(version, bytes, failure);
    if (code == 0) return {};
    if (code != MDB_MAP_FULL) return failure;
    if (!remove_stale_readers()) PENSTOCK_TRY(grow());
  }
}

// The value is at least a page long: smaller ones would stand in a page with others, aligned to 2.
int LmdbEnvironment::try_put(Version version, std::span<const std::byte> bytes, Error& failure) {
  Result<MDB_txn*> begun = begin(0, nullptr);
  if (!begun) {
    failure = std::move(begun).error();
    return -1;
  }
  LmdbHeader header;
  header.version = version;
  header.size = bytes.size();
  MDB_val name = key();
  MDB_val value = {std::max(sizeof header + bytes.size(), page_bytes_), nullptr};
  int code = ::mdb_put(*begun, table_, &name, &value, MDB_RESERVE);
  if (code == 0) {
    auto* const data = static_cast<std::byte*>(value.mv_data);
    std::memcpy(data, &header, sizeof header);
    if (!bytes.empty()) std::memcpy(data + sizeof header, bytes.data(), bytes.size());
    std::memset(data + sizeof header + bytes.size(), 0, value.mv_size - sizeof header - bytes.size());
    code = ::mdb_txn_commit(*begun);
  } else {
    ::mdb_txn_abort(*begun);
  }
  {
    const std::lock_guard lock(mutex_);
    --active_;
  }
  if (code != 0) failure = error(code, "write");
  return code;
}

Status LmdbEnvironment::grow() {
  const std::lock_guard lock(mutex_);
  MDB_envinfo info = {};
  ::mdb_env_info(environment_, &info);
  if (info.me_mapsize >= writing_.max_bytes) return error(MDB_MAP_FULL, "write");
  if (active_ != 0) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("the LMDB database {} must grow beyond {} MiB, and this process holds views of it",
                             folder_, info.me_mapsize >> 20))
        .hint("release the views, or raise the option map_bytes");
  }
  const int code = ::mdb_env_set_mapsize(environment_, std::min(2 * info.me_mapsize, writing_.max_bytes));
  return code == 0 ? Status() : error(code, "map");
}

std::uint64_t LmdbEnvironment::file_bytes() const noexcept {
  struct stat info;
  return ::stat(data_file(folder_).c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_blocks) * 512 : 0;
}

}  // namespace penstock
#endif
