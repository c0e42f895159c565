// SPDX-License-Identifier: MIT
// The backend "lmdb": a folder with a database that keeps the latest version, and a notice board in shared memory that
// wakes readers and knows the writer, since LMDB does neither.
#include <fmt/format.h>

#include "transport/builtin.h"

#ifdef PENSTOCK_LMDB
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <vector>

#include "base/check.h"
#include "platform/file.h"
#include "transport/lmdb/environment.h"
#include "transport/notice_board.h"

namespace penstock {
namespace {

constexpr std::size_t kMapBytes = std::size_t{1} << 30;
constexpr std::size_t kMostBytes = std::size_t{16} << 30;
constexpr std::size_t kLargestBlock = 0xFFFF'FFFFU - sizeof(LmdbHeader);  // LMDB's lengths have 32 bits
constexpr std::size_t kAlignment = 64;

std::vector<OptionInfo> lmdb_options() {
  return {
      {.name = "durable",
       .kind = OptionKind::kBool,
       .doc =
           "A version is on the disk when publishing returns. false: it survives the end of the program, but a power "
           "failure may lose the latest versions or, on some file systems, the database.",
       .default_value = true},
      {.name = "map_bytes",
       .kind = OptionKind::kBytes,
       .doc = "Addresses that the writer maps to begin with; it grows by doubling while this process holds no views.",
       .default_value = static_cast<std::int64_t>(kMapBytes)},
      {.name = "max_bytes",
       .kind = OptionKind::kBytes,
       .doc = "The file grows to this at most; readers that hold old views make it grow.",
       .default_value = static_cast<std::int64_t>(kMostBytes)},
      {.name = "owner",
       .kind = OptionKind::kInteger,
       .doc = "User id whose database is trusted besides one's own and root's."},
  };
}

// The board's name follows from the folder itself, so that every way to write its path leads to the same board.
Result<Arena::Place> board_of(const TransportOptions& options) {
  struct stat info;
  if (::stat(options.address.c_str(), &info) != 0) return file_error(errno, "open", options.address);
  if (!S_ISDIR(info.st_mode)) {
    return Error(ErrorCode::kAlreadyExists, fmt::format("{} is a file, not the folder of a database", options.address))
        .hint("choose a folder that does not exist yet");
  }
  Arena::Place place;
  place.name = fmt::format("lmdb-{:x}-{:x}", info.st_dev, info.st_ino);
  place.mode = options.mode;
  if (options.more.has("owner")) place.owner = static_cast<std::uint32_t>(options.more.integer("owner"));
  if (info.st_uid == ::geteuid() || info.st_uid == 0 || place.owner == info.st_uid) return place;
  return Error(ErrorCode::kPermissionDenied, fmt::format("{} belongs to user {}, this process runs as user {}",
                                                         options.address, info.st_uid, ::geteuid()))
      .hint(fmt::format("if you trust it, set the option owner = {}", info.st_uid));
}

// Who may read may also enter.
Status make_folder(const TransportOptions& options) {
  if (options.address.empty())
    return Error(ErrorCode::kInvalidArgument, "the address of lmdb is a folder, but is empty");
  if (::mkdir(options.address.c_str(), options.mode | (options.mode & 0444U) >> 2) == 0 || errno == EEXIST) return {};
  return file_error(errno, "make", options.address);
}

Result<LmdbEnvironment::WriterOptions> writer_options(const TransportOptions& options) {
  constexpr std::int64_t kLeast = 1 << 20;
  constexpr std::int64_t kMost = std::int64_t{1} << 44;
  const std::int64_t map = options.more.integer("map_bytes");
  const std::int64_t most = options.more.integer("max_bytes");
  if (map < kLeast || map > most || most > kMost) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("map_bytes must be in [{}, max_bytes] and max_bytes at most {}, but they are {} and {}",
                             kLeast, kMost, map, most));
  }
  return LmdbEnvironment::WriterOptions{static_cast<std::size_t>(map), static_cast<std::size_t>(most),
                                        options.more.boolean("durable")};
}

/// The views of one reader. Deletes itself with the last of the reader and its views.
class Reading final : public ViewOwner {
 public:
  explicit Reading(std::shared_ptr<LmdbEnvironment> environment) : environment_(std::move(environment)) {}

  Result<View> view() {
    MDB_txn* const idle = idle_.empty() ? nullptr : idle_.back();
    PENSTOCK_ASSIGN(MDB_txn* const transaction, environment_->begin_read(idle));
    if (idle != nullptr) {
      idle_.pop_back();
    } else {
      idle_.reserve(++transactions_);  // so that giving one back cannot fail
    }
    const Result<LmdbEntry> entry = environment_->look(transaction);
    if (!entry || entry->version == 0) {
      give_back(transaction);
      if (!entry) return Error(entry.error());
      return Error(ErrorCode::kNotFound, "nothing was published yet").hint("wait for a version newer than 0");
    }
    ++users_;
    ++stats.blocks;
    stats.bytes += entry->bytes.size();
    return View(entry->bytes, entry->version, this, reinterpret_cast<std::uint64_t>(transaction));
  }

  void release(std::uint64_t token) noexcept override {
    if (is_own_process()) give_back(reinterpret_cast<MDB_txn*>(token));
    leave();
  }

  void leave() noexcept {
    if (--users_ != 0) return;
    if (is_own_process()) {
      for (MDB_txn* const each : idle_) environment_->forget(each);
    }
    delete this;
  }

  TransportStats stats;

 private:
  void give_back(MDB_txn* transaction) noexcept {
    environment_->end_read(transaction);
    idle_.push_back(transaction);
  }
  // A fork inherits readers and views, whose transactions are its parent's.
  bool is_own_process() const noexcept { return fork_generation() == environment_->generation(); }

  const std::shared_ptr<LmdbEnvironment> environment_;
  std::vector<MDB_txn*> idle_;
  std::size_t transactions_ = 0;
  std::uint64_t users_ = 1;  // the reader and its views
};

struct Free {
  void operator()(std::byte* room) const noexcept { std::free(room); }
};

class LmdbDictionary final : public DictionaryBackend {
 public:
  ~LmdbDictionary() override { (void)LmdbDictionary::cleanup(); }

  std::string_view name() const noexcept override { return "lmdb"; }

  Status initialize(const TransportOptions& options) override {
    PENSTOCK_CHECK(environment_ == nullptr, "initialize: called twice");
    options_ = options;
    const Status opened = options.role == TransportRole::kWriter ? open_writer() : open_reader();
    if (!opened) (void)cleanup();
    return opened;
  }

  Result<std::span<std::byte>> begin(std::size_t max_bytes) override {
    PENSTOCK_CHECK(announcing_ != nullptr, "only an initialized writer publishes");
    has_room_ = false;
    const std::size_t bytes = std::max({max_bytes, options_.capacity_bytes, std::size_t{1}});
    if (bytes > kLargestBlock) {
      return Error(ErrorCode::kResourceExhausted,
                   fmt::format("{} bytes are more than the {} that fit into a value of LMDB", bytes, kLargestBlock));
    }
    constexpr std::size_t kMiB = std::size_t{1} << 20;
    if (bytes > room_bytes_ || room_bytes_ > 4 * bytes + kMiB) {
      room_bytes_ = (bytes + kAlignment - 1) / kAlignment * kAlignment;
      room_.reset();
      room_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, room_bytes_)));
    }
    if (room_ == nullptr) {
      room_bytes_ = 0;
      return Error(ErrorCode::kResourceExhausted, fmt::format("there is no memory for a block of {} bytes", bytes));
    }
    has_room_ = true;
    return std::span<std::byte>(room_.get(), room_bytes_);
  }

  Result<Version> commit(std::size_t size) override {
    PENSTOCK_CHECK(has_room_ && size <= room_bytes_, "commit: no begin before it, or more than its room");
    has_room_ = false;
    PENSTOCK_TRY(environment_->put(version_ + 1, {room_.get(), size}));
    announcing_->announce(++version_);
    ++stats_.blocks;
    stats_.bytes += size;
    return version_;
  }

  void abandon() noexcept override { has_room_ = false; }

  Result<View> view() override { return reading().view(); }

  Result<Version> wait(Version seen, const WaitLimit& limit) override {
    (void)reading();
    if (waiting_ == nullptr || waiting_->is_closed()) PENSTOCK_TRY(attach());
    if (waiting_ != nullptr && waiting_->announced() > seen) return waiting_->announced();
    // What a dead or absent writer published is there all the same.
    PENSTOCK_ASSIGN(const Version there, latest());
    if (there > seen) return there;
    if (waiting_ == nullptr) {
      return Error(ErrorCode::kUnavailable, fmt::format("nobody writes to the LMDB database {}", options_.address))
          .hint("start its writer: it goes on after the version that is there");
    }
    ++stats_.waits;
    Result<Version> newer = waiting_->wait(seen, limit);
    if (newer || newer.error().code() != ErrorCode::kUnavailable) return newer;
    PENSTOCK_ASSIGN(const Version last, latest());
    if (last > seen) return last;
    return Error(std::move(newer).error()).at(fmt::format("lmdb {}", options_.address));
  }

  Status cleanup() override {
    if (reading_ != nullptr) std::exchange(reading_, nullptr)->leave();
    waiting_.reset();
    announcing_.reset();
    environment_.reset();
    return {};
  }

  TransportStats stats() const override {
    TransportStats stats = reading_ != nullptr ? reading_->stats : stats_;
    stats.waits = stats_.waits;
    if (announcing_ != nullptr) stats.readers = announcing_->readers();
    if (waiting_ != nullptr) stats.readers = waiting_->readers();
    if (environment_ != nullptr) stats.reserved_bytes = environment_->file_bytes();
    if (announcing_ != nullptr) stats.reclaimed = environment_->reclaimed();
    return stats;
  }

 private:
  Status open_writer() {
    PENSTOCK_ASSIGN(const LmdbEnvironment::WriterOptions wanted, writer_options(options_));
    PENSTOCK_TRY(make_folder(options_));
    PENSTOCK_ASSIGN(const Arena::Place place, board_of(options_));
    Result<std::unique_ptr<NoticeWriter>> board = NoticeWriter::open(place, options_.max_readers);
    if (!board && board.error().code() == ErrorCode::kAlreadyExists) {
      return Error(ErrorCode::kAlreadyExists, fmt::format("the LMDB database {} is taken", options_.address))
          .caused_by(std::move(board).error());
    }
    if (!board) return std::move(board).error();
    announcing_ = std::move(*board);
    PENSTOCK_ASSIGN(environment_, LmdbEnvironment::open(options_.address, true, options_.mode));
    PENSTOCK_ASSIGN(version_, environment_->prepare_writing(wanted));
    announcing_->announce(version_);
    return {};
  }

  Status open_reader() {
    PENSTOCK_TRY(board_of(options_));
    PENSTOCK_ASSIGN(environment_, LmdbEnvironment::open(options_.address, false, options_.mode));
    reading_ = new Reading(environment_);
    return attach();
  }

  // Without a writer there is no board, and nothing to wait for.
  Status attach() {
    waiting_.reset();
    PENSTOCK_ASSIGN(const Arena::Place place, board_of(options_));
    Result<std::unique_ptr<NoticeReader>> board = NoticeReader::open(place);
    if (board) {
      waiting_ = std::move(*board);
    } else if (board.error().code() != ErrorCode::kNotFound) {
      return std::move(board).error();
    }
    return {};
  }

  Result<Version> latest() {
    const Result<View> view = reading_->view();
    if (view) {
      --reading_->stats.blocks;
      reading_->stats.bytes -= view->bytes().size();
      return view->version();
    }
    if (view.error().code() == ErrorCode::kNotFound) return Version{0};
    return Error(view.error());
  }

  Reading& reading() const noexcept {
    PENSTOCK_CHECK(reading_ != nullptr, "only an initialized reader looks");
    return *reading_;
  }

  TransportOptions options_;
  std::shared_ptr<LmdbEnvironment> environment_;
  TransportStats stats_;
  // The writer's.
  std::unique_ptr<NoticeWriter> announcing_;
  std::unique_ptr<std::byte, Free> room_;
  std::size_t room_bytes_ = 0;
  bool has_room_ = false;
  Version version_ = 0;
  // The reader's.
  Reading* reading_ = nullptr;
  std::unique_ptr<NoticeReader> waiting_;
};

std::unique_ptr<DictionaryBackend> make_dictionary() { return std::make_unique<LmdbDictionary>(); }

/// Folders of examples; they go with the process that asked for them.
class ExampleFolders {
 public:
  ~ExampleFolders() {
    std::error_code ignored;
    for (const std::string& each : folders_) {
      if (owner_ == ::getpid()) std::filesystem::remove_all(each, ignored);
    }
  }
  std::string add(std::string_view unique) {
    const std::lock_guard lock(mutex_);
    folders_.push_back(fmt::format("{}/example-{}-{}-{}.lmdb", kArenaFolder, ::getpid(), folders_.size(), unique));
    return folders_.back();
  }

 private:
  const pid_t owner_ = ::getpid();
  std::mutex mutex_;
  std::vector<std::string> folders_;
};

std::vector<std::string> example_addresses(std::string_view unique) {
  static ExampleFolders folders;
  return {folders.add(unique)};
}

}  // namespace

TransportInfo lmdb_transport() {
  return {.name = "lmdb",
          .summary = "A database in a folder: the latest version stays when all programs have ended; read in place.",
          .options = lmdb_options(),
          .make = make_dictionary,
          .open_writer = nullptr,
          .open_reader = nullptr,
          .missing = {},
          .example_addresses = example_addresses};
}

}  // namespace penstock

#else

namespace penstock {

TransportInfo lmdb_transport() {
  return transport_without(
      "liblmdb-dev", "lmdb",
      "A database in a folder: the latest version stays when all programs have ended; read in place.");
}

}  // namespace penstock
#endif
