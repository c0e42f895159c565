// SPDX-License-Identifier: MIT
// Versions of a block through ZeroMQ. A reader asks for what is newer than what it has, and the writer answers when
// there is something: so each reader gets the latest version, as fast as it can take it, and no queue grows. A thread
// of the reader keeps its copy up to date, so that a look costs no message.
#ifdef PENSTOCK_ZEROMQ
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>

#include "base/check.h"
#include "transport/zeromq/desk.h"
#include "transport/zeromq/ends.h"

namespace penstock::zeromq {
namespace {

/// A version in memory.
struct Block {
  Version version = 0;
  Buffer bytes;
};

class Writer final : public Service {
 public:
  static Result<std::unique_ptr<Writer>> open(const TransportOptions& options) {
    auto writer = std::unique_ptr<Writer>(new Writer(options));
    PENSTOCK_ASSIGN(writer->desk_, Desk::open(options, Topic::kDictionary, *writer));
    writer->version_ = writer->desk_->board().announced();
    writer->desk_->start();
    return writer;
  }

  Result<std::span<std::byte>> begin(std::size_t max_bytes) {
    room_ = Buffer();
    PENSTOCK_TRY(expect_room_for(max_bytes, options_));
    room_ = pool_.allocate(std::max({max_bytes, options_.capacity_bytes, std::size_t{1}}));
    return std::span<std::byte>(reinterpret_cast<std::byte*>(room_.mutable_data()), room_.capacity());
  }

  Result<Version> commit(std::size_t size) {
    PENSTOCK_CHECK(room_ && size <= room_.capacity(), "commit: no begin before it, or more than its room");
    room_.set_size(size);
    Version version = 0;
    {
      const std::lock_guard lock(mutex_);
      version = ++version_;
      latest_ = {version, std::move(room_)};
    }
    room_ = Buffer();
    desk_->board().announce(version);
    desk_->wake();
    ++stats_.blocks;
    stats_.bytes += size;
    return version;
  }

  void abandon() noexcept { room_ = Buffer(); }

  TransportStats stats() const {
    TransportStats stats = stats_;
    stats.readers = desk_->readers();
    stats.reclaimed = desk_->reclaimed();
    stats.reserved_bytes = pool_.budget().used();
    return stats;
  }

 private:
  explicit Writer(const TransportOptions& options) : options_(options), pool_(MemoryBudget(), kMostIdleBytes) {}

  // `number` of a guest is what it has seen, `open` says that it asked for more.
  void welcome(Guest&, Head& words) override {
    const std::lock_guard lock(mutex_);
    words.number = version_;
    words.block = latest_.version;
  }
  void heard(Desk& desk, Guest& guest, const Head& head) override {
    if (head.kind != Kind::kNext) return;
    guest.number = head.number;
    guest.open = 1;
    answer(desk, guest);
  }
  void woken(Desk& desk) override {
    for (Guest& guest : desk.guests()) answer(desk, guest);
  }
  void left(const Guest&, bool) override {}
  void closing(Desk& desk) override {
    for (Guest& guest : desk.guests()) {
      answer(desk, guest);
      desk.send(guest, Kind::kEnd, 0);
    }
  }

  void answer(Desk& desk, Guest& guest) {
    if (guest.open == 0) return;
    Block block;
    {
      const std::lock_guard lock(mutex_);
      block = latest_;
    }
    if (block.version <= guest.number) return;
    guest.open = 0;
    desk.send(guest, Kind::kBlock, block.version, &block.bytes);
  }

  static constexpr std::size_t kMostIdleBytes = std::size_t{256} << 20;

  const TransportOptions options_;
  BufferPool pool_;
  Buffer room_;
  TransportStats stats_;
  std::mutex mutex_;  // guards the two below
  Version version_ = 0;
  Block latest_;
  std::unique_ptr<Desk> desk_;  // last: its thread uses the others
};

/// Buffers that views hold.
class Holder final : public ViewOwner {
 public:
  static View view(const Block& block) {
    static Holder holder;
    auto* const kept = new Buffer(block.bytes);
    const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(kept->data()), kept->size());
    return View(bytes, block.version, &holder, reinterpret_cast<std::uint64_t>(kept));
  }
  void release(std::uint64_t token) noexcept override { delete reinterpret_cast<Buffer*>(token); }
};

class Reader {
 public:
  explicit Reader(const TransportOptions& options)
      : options_(link_options(options, Topic::kDictionary)),
        pool_(MemoryBudget(), kMostIdleBytes),
        stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Reader() {
    disconnect();
    ::close(stop_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Connects, and waits for what is there already.
  Status connect() {
    disconnect();
    PENSTOCK_ASSIGN(link_, Link::connect(options_));
    {
      const std::lock_guard lock(mutex_);
      if (link_->welcome().number < latest_.version) {
        return Error(ErrorCode::kUnavailable, fmt::format("another writer began anew at {}", options_.address))
            .hint("open the address again");
      }
      ended_.reset();
    }
    thread_ = std::jthread([this] { keep_up(); });
    const Version there = link_->welcome().block;
    if (there == 0) return {};
    const WaitLimit limit = {.timeout_micros = options_.connect_timeout_micros};
    Result<Version> first = wait_once(there - 1, limit);
    return first ? Status() : Status(std::move(first).error());
  }

  Result<View> view() {
    const std::lock_guard lock(mutex_);
    if (latest_.version == 0) {
      return Error(ErrorCode::kNotFound, "nothing was published yet").hint("wait for a version newer than 0");
    }
    ++stats_.blocks;
    stats_.bytes += latest_.bytes.size();
    return Holder::view(latest_);
  }

  Result<Version> wait(Version seen, const WaitLimit& limit) {
    bool ended = false;
    {
      const std::lock_guard lock(mutex_);
      if (latest_.version > seen) return latest_.version;
      ended = ended_.has_value();
    }
    if (ended) {
      if (const Status again = connect(); !again) {
        return Error(ErrorCode::kUnavailable, fmt::format("nobody writes to {} any more", options_.address))
            .hint("start its writer again")
            .caused_by(again.error());
      }
    }
    return wait_once(seen, limit);
  }

  TransportStats stats() const {
    const std::lock_guard lock(mutex_);
    TransportStats stats = stats_;
    stats.readers = 1;
    stats.reserved_bytes = pool_.budget().used();
    return stats;
  }

 private:
  Result<Version> wait_once(Version seen, const WaitLimit& limit) {
    const Deadline deadline(limit);
    std::unique_lock lock(mutex_);
    bool waited = false;
    while (true) {
      if (latest_.version > seen) return latest_.version;
      if (ended_) return *ended_;
      PENSTOCK_ASSIGN(const std::chrono::microseconds slice, deadline.next("no newer version came"));
      if (!waited) ++stats_.waits;
      waited = true;
      changed_.wait_for(lock, slice);
    }
  }

  void disconnect() {
    if (link_ != nullptr && !link_->is_own_process()) {  // a fork inherited it, and not its thread
      if (thread_.joinable()) thread_.detach();
      link_.reset();
      return;
    }
    if (thread_.joinable()) {
      const std::uint64_t one = 1;
      (void)!::write(stop_, &one, sizeof one);
      thread_.join();
      std::uint64_t times = 0;
      (void)!::read(stop_, &times, sizeof times);
    }
    link_.reset();
  }

  // The thread: takes versions as they come, and asks for the next at once.
  void keep_up() {
    constexpr std::int64_t kLong = 1'000'000'000;
    Incoming message;
    Version have = 0;
    {
      const std::lock_guard lock(mutex_);
      have = latest_.version;
    }
    link_->send(Kind::kNext, have);
    while (true) {
      switch (link_->receive(message)) {
        case Link::Got::kMessage:
          if (message.head.kind == Kind::kEnd) return end("the writer has closed it");
          if (message.head.kind == Kind::kBlock && message.head.number > have) {
            have = message.head.number;
            keep(message);
            link_->send(Kind::kNext, have);
          }
          break;
        case Link::Got::kLost: return end(fmt::format("the writer is gone: process {}", link_->welcome().pid));
        case Link::Got::kNothing:
          if (is_stopped()) return;
          link_->wait(stop_, kLong);
      }
    }
  }

  bool is_stopped() const {
    std::uint64_t times = 0;
    return ::read(stop_, &times, sizeof times) > 0;
  }

  // A view's bytes are aligned to 64, which ZeroMQ's are not.
  void keep(Incoming& message) {
    const std::span<const std::byte> bytes = message.payload.bytes();
    Buffer copy = pool_.allocate(std::max<std::size_t>(bytes.size(), 1));
    copy.set_size(bytes.size());
    if (!bytes.empty()) std::memcpy(copy.mutable_data(), bytes.data(), bytes.size());
    const std::lock_guard lock(mutex_);
    latest_ = {message.head.number, std::move(copy)};
    changed_.notify_all();
  }

  void end(std::string why) {
    const std::lock_guard lock(mutex_);
    ended_ = Error(ErrorCode::kUnavailable, std::move(why))
                 .at(options_.address)
                 .hint("wait again when there is a writer again");
    changed_.notify_all();
  }

  static constexpr std::size_t kMostIdleBytes = std::size_t{64} << 20;

  const LinkOptions options_;
  BufferPool pool_;
  const int stop_;
  std::unique_ptr<Link> link_;
  mutable std::mutex mutex_;  // guards the four below
  std::condition_variable changed_;
  Block latest_;
  std::optional<Error> ended_;
  TransportStats stats_;
  std::jthread thread_;
};

class ZeroMqDictionary final : public DictionaryBackend {
 public:
  std::string_view name() const noexcept override { return "zeromq"; }

  Status initialize(const TransportOptions& options) override {
    PENSTOCK_CHECK(writer_ == nullptr && reader_ == nullptr, "initialize: called twice");
    PENSTOCK_TRY(load_zmq());
    if (options.role == TransportRole::kWriter) {
      PENSTOCK_ASSIGN(writer_, Writer::open(options));
      return {};
    }
    auto reader = std::make_unique<Reader>(options);
    PENSTOCK_TRY(reader->connect());
    reader_ = std::move(reader);
    return {};
  }

  Result<std::span<std::byte>> begin(std::size_t max_bytes) override { return writer().begin(max_bytes); }
  Result<Version> commit(std::size_t size) override { return writer().commit(size); }
  void abandon() noexcept override { writer().abandon(); }
  Result<View> view() override { return reader().view(); }
  Result<Version> wait(Version seen, const WaitLimit& limit) override { return reader().wait(seen, limit); }

  Status cleanup() override {
    writer_.reset();
    reader_.reset();
    return {};
  }

  TransportStats stats() const override {
    if (reader_ != nullptr) return reader_->stats();
    return writer_ != nullptr ? writer_->stats() : TransportStats();
  }

 private:
  Writer& writer() const noexcept {
    PENSTOCK_CHECK(writer_ != nullptr, "only an initialized writer publishes");
    return *writer_;
  }
  Reader& reader() const noexcept {
    PENSTOCK_CHECK(reader_ != nullptr, "only an initialized reader looks");
    return *reader_;
  }

  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace

std::unique_ptr<DictionaryBackend> make_dictionary() { return std::make_unique<ZeroMqDictionary>(); }

}  // namespace penstock::zeromq
#endif
