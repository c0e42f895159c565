// SPDX-License-Identifier: MIT
// An LMDB database with one entry: the latest version of a block. What LMDB asks of a process is kept here: a database
// is opened once per process, its map grows only while no transaction runs, and a fork leaves what it inherited alone.
#pragma once

#include <penstock/transport.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

struct MDB_env;
struct MDB_txn;

namespace penstock {

/// What stands in front of a block. LMDB puts large values 16 bytes behind a page's beginning; with these 48 the block
/// is aligned to 64.
struct LmdbHeader {
  static constexpr std::uint64_t kMagic = 0x6b636f74736e6570;  // "penstock"
  static constexpr std::uint32_t kLayout = 1;

  std::uint64_t magic = kMagic;
  std::uint32_t layout = kLayout;
  std::uint32_t reserved = 0;
  std::uint64_t version = 0;  ///< 0: nothing published yet.
  std::uint64_t size = 0;     ///< Of the block, in bytes.
  std::uint64_t more[2] = {};
};
static_assert(sizeof(LmdbHeader) == 48);

/// What a read transaction sees.
struct LmdbEntry {
  Version version = 0;
  std::span<const std::byte> bytes;
};

/// The database of a folder in this process. Thread-safe, but `put` is for one thread at a time.
class LmdbEnvironment {
 public:
  /// Opens the folder's database, the same object for everybody in this process. `make`: makes one in an empty folder.
  /// Errors: kNotFound without a database (unless `make`); kAlreadyExists when it is none or another program's.
  static Result<std::shared_ptr<LmdbEnvironment>> open(const std::string& folder, bool make, unsigned mode);
  ~LmdbEnvironment();
  LmdbEnvironment(const LmdbEnvironment&) = delete;
  LmdbEnvironment& operator=(const LmdbEnvironment&) = delete;

  /// How a writer wants it.
  struct WriterOptions {
    std::size_t map_bytes = 0;  ///< Addresses to begin with.
    std::size_t max_bytes = 0;  ///< The map, and so the file, grows to this at most.
    bool durable = true;        ///< A version is on the disk when `put` returns.
  };
  /// Prepares for `put`: a new database gets its first entry, stale readers go. Returns the latest version.
  Result<Version> prepare_writing(const WriterOptions& options);
  /// Writes a version in one transaction. Errors: kResourceExhausted when disk or map are full.
  Status put(Version version, std::span<const std::byte> bytes);

  /// Begins a read transaction; `idle` is one that `end_read` reset, or null. Errors: kResourceExhausted when the map
  /// of this process had to grow while views are held, or the table of readers is full.
  Result<MDB_txn*> begin_read(MDB_txn* idle);
  /// The entry as the transaction sees it. Errors: kNotFound without one; kAlreadyExists, kUnsupported, kDataLoss.
  Result<LmdbEntry> look(MDB_txn* reading) const;
  void end_read(MDB_txn* reading) noexcept;
  /// Frees an idle transaction.
  void forget(MDB_txn* idle) noexcept;

  std::uint64_t reclaimed() const noexcept { return reclaimed_; }  ///< Stale readers removed; the writer's to ask.
  std::uint64_t file_bytes() const noexcept;                       ///< That the database takes on the disk.
  std::uint32_t generation() const noexcept { return generation_; }

 private:
  LmdbEnvironment(std::string folder, std::uint32_t generation) noexcept
      : folder_(std::move(folder)), generation_(generation) {}
  Status open_files(bool make, unsigned mode);
  Result<MDB_txn*> begin(unsigned flags, MDB_txn* idle);
  int try_put(Version version, std::span<const std::byte> bytes, Error& error);
  Status grow();
  bool remove_stale_readers() noexcept;  ///< Says whether there were any.
  Error error(int code, const char* action) const;

  const std::string folder_;
  const std::uint32_t generation_;  // of forks
  MDB_env* environment_ = nullptr;
  unsigned table_ = 0;
  std::size_t page_bytes_ = 0;
  std::mutex mutex_;           // guards `active_` and changes of the map
  std::uint32_t active_ = 0;   // transactions of this process that run
  WriterOptions writing_;      // from here on: the writer's
  std::size_t last_page_ = 0;  // of the file, when stale readers were last looked for
  std::uint64_t reclaimed_ = 0;
  std::uint32_t users_ = 0;  // guarded by the mutex of the list of open databases
};

}  // namespace penstock
