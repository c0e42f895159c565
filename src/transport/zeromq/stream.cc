// SPDX-License-Identifier: MIT
// Streams through ZeroMQ. Each reader has as much credit as batches may be on the way; it gives credit back when the
// views of batches are released. So the writer waits for the slowest reader, or drops and says so, and ZeroMQ's own
// queues never hold more than that.
#ifdef PENSTOCK_ZEROMQ
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <vector>

#include "base/check.h"
#include "transport/zeromq/desk.h"
#include "transport/zeromq/ends.h"

namespace penstock::zeromq {
namespace {

constexpr std::size_t kMostIdleBytes = std::size_t{256} << 20;

class Sender final : public StreamWriter, private Service {
 public:
  static Result<std::unique_ptr<StreamWriter>> open(const TransportOptions& options) {
    auto writer = std::unique_ptr<Sender>(new Sender(options));
    PENSTOCK_ASSIGN(writer->desk_, Desk::open(options, Topic::kStream, *writer));
    writer->desk_->start();
    return std::unique_ptr<StreamWriter>(std::move(writer));
  }
  ~Sender() override { (void)Sender::close(); }

  Result<std::span<std::byte>> begin(std::size_t max_bytes, const WaitLimit& limit) override {
    PENSTOCK_CHECK(desk_ != nullptr, "begin: the stream is closed");
    room_ = Buffer();
    PENSTOCK_TRY(expect_room_for(max_bytes, options_));
    PENSTOCK_TRY(wait_for_room(limit));
    room_ = pool_.allocate(std::max({max_bytes, options_.capacity_bytes, std::size_t{1}}));
    return std::span<std::byte>(reinterpret_cast<std::byte*>(room_.mutable_data()), room_.capacity());
  }

  Result<Version> commit(std::size_t size) override {
    PENSTOCK_CHECK(room_ && size <= room_.capacity(), "commit: no begin before it, or more than its room");
    room_.set_size(size);
    Buffer sent = std::move(room_);
    room_ = Buffer();
    const std::lock_guard lock(mutex_);
    const Version sequence = ++sequence_;
    // The reader that had room may have left since `begin`: then the batch is for who comes, or has room, next.
    const bool keeps = to_one_ && options_.when_full != WhenFull::kDrop;
    if (is_full() && !keeps) {
      ++stats_.dropped;
      return sequence;
    }
    if (to_one_) {
      queue_.push_back({sequence, std::move(sent), is_full() ? std::string() : take_room()});
    } else {
      for (Credit& credit : credits_) ++credit.on_the_way;
      queue_.push_back({sequence, std::move(sent), {}});
    }
    ++stats_.blocks;
    stats_.bytes += size;
    desk_->wake();
    return sequence;
  }

  void abandon() noexcept override { room_ = Buffer(); }

  Status close() override {
    if (desk_ == nullptr) return {};
    desk_.reset();  // sends the end
    room_ = Buffer();
    return {};
  }

  TransportStats stats() const override {
    const std::lock_guard lock(mutex_);
    TransportStats stats = stats_;
    stats.readers = static_cast<std::uint32_t>(credits_.size());
    stats.reserved_bytes = pool_.budget().used();
    return stats;
  }

 private:
  struct Credit {
    std::string identity;
    std::uint64_t on_the_way = 0;
  };
  struct Batch {
    Version sequence = 0;
    Buffer bytes;
    std::string to;  // the reader that gets it; empty: all do
  };

  explicit Sender(const TransportOptions& options)
      : options_(options), to_one_(options.more.text("deliver") == "one"), pool_(MemoryBudget(), kMostIdleBytes) {}

  static bool has_less_on_the_way(const Credit& a, const Credit& b) { return a.on_the_way < b.on_the_way; }
  bool is_full() const {
    const auto has_room = [&](const Credit& c) { return c.on_the_way < options_.depth; };
    return to_one_ ? std::none_of(credits_.begin(), credits_.end(), has_room)
                   : !std::all_of(credits_.begin(), credits_.end(), has_room);
  }

  // Of the reader that has least on the way; returns who it is.
  const std::string& take_room() {
    Credit& next = *std::min_element(credits_.begin(), credits_.end(), has_less_on_the_way);
    ++next.on_the_way;
    return next.identity;
  }

  // Without credit left, unless it drops; and without the readers that must not miss the beginning.
  Status wait_for_room(const WaitLimit& limit) {
    const Deadline deadline(limit);
    std::unique_lock lock(mutex_);
    for (bool waited = false;; waited = true) {
      const bool complete = came_ >= options_.wait_for_readers;
      if (complete && options_.wait_for_readers > 0 && credits_.empty()) {
        return Error(ErrorCode::kUnavailable, fmt::format("all readers of {} have gone", options_.address))
            .hint("nobody would receive what is sent now");
      }
      if (complete && (options_.when_full == WhenFull::kDrop || !is_full())) return {};
      PENSTOCK_ASSIGN(const std::chrono::microseconds slice,
                      deadline.next(complete ? "no reader took a batch" : "not enough readers came"));
      if (!waited) ++stats_.waits;
      changed_.wait_for(lock, slice);
    }
  }

  // `number` of a guest is the last sequence number before it came.
  void welcome(Guest& guest, Head& words) override {
    const std::lock_guard lock(mutex_);
    guest.number = sequence_;
    words.number = sequence_;
    words.block = to_one_ ? 1 : 0;
    credits_.push_back({guest.identity, 0});
    ++came_;
    changed_.notify_all();
    if (!queue_.empty()) desk_->wake();
  }
  void heard(Desk& desk, Guest& guest, const Head& head) override {
    if (head.kind != Kind::kCredit) return;
    const std::lock_guard lock(mutex_);
    for (Credit& credit : credits_) {
      if (credit.identity == guest.identity) credit.on_the_way -= std::min(credit.on_the_way, head.number);
    }
    changed_.notify_all();
    if (!queue_.empty()) desk.wake();
  }
  void woken(Desk& desk) override {
    while (true) {
      Batch batch;
      {
        const std::lock_guard lock(mutex_);
        if (queue_.empty()) return;
        if (to_one_ && queue_.front().to.empty()) {
          if (is_full()) return;  // until a reader comes, or gives room back
          queue_.front().to = take_room();
        }
        batch = std::move(queue_.front());
        queue_.pop_front();
      }
      for (const Guest& guest : desk.guests()) {
        const bool for_it = to_one_ ? guest.identity == batch.to : guest.number < batch.sequence;
        if (for_it) desk.send(guest, Kind::kBlock, batch.sequence, &batch.bytes);
      }
    }
  }
  void left(const Guest& guest, bool died) override {
    const std::lock_guard lock(mutex_);
    std::erase_if(credits_, [&](const Credit& credit) { return credit.identity == guest.identity; });
    stats_.reclaimed += died ? 1 : 0;
    changed_.notify_all();
  }
  void closing(Desk& desk) override {
    woken(desk);
    const Version last = [this] {
      const std::lock_guard lock(mutex_);
      stats_.dropped += queue_.size();  // nobody came for them
      return sequence_;
    }();
    for (const Guest& guest : desk.guests()) desk.send(guest, Kind::kEnd, last);
  }

  const TransportOptions options_;
  const bool to_one_;
  BufferPool pool_;
  Buffer room_;
  mutable std::mutex mutex_;  // guards those below, but for the desk
  std::condition_variable changed_;
  std::vector<Credit> credits_;
  std::deque<Batch> queue_;
  Version sequence_ = 0;
  std::uint64_t came_ = 0;
  TransportStats stats_;
  std::unique_ptr<Desk> desk_;  // last: its thread uses the others
};

/// What views of a stream hold. Deletes itself with the last of the reader and its views.
class Returns final : public ViewOwner {
 public:
  Returns() : bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  View view(Version sequence, Buffer bytes) {
    auto* const kept = new Buffer(std::move(bytes));
    users_.fetch_add(1, std::memory_order_relaxed);
    const std::span<const std::byte> span(reinterpret_cast<const std::byte*>(kept->data()), kept->size());
    return View(span, sequence, this, reinterpret_cast<std::uint64_t>(kept));
  }

  // On any thread. The sequentially consistent steps make sure that a reader about to sleep sees it, or is woken.
  void release(std::uint64_t token) noexcept override {
    delete reinterpret_cast<Buffer*>(token);
    returned_.fetch_add(1, std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_seq_cst)) {
      const std::uint64_t one = 1;
      (void)!::write(bell_, &one, sizeof one);
    }
    leave();
  }

  std::uint64_t take() noexcept {
    return returned_.load(std::memory_order_seq_cst) == 0 ? 0 : returned_.exchange(0, std::memory_order_seq_cst);
  }

  /// Sleeps until something comes or is released.
  void wait(Link& link, std::int64_t micros) noexcept {
    sleeping_.store(true, std::memory_order_seq_cst);
    if (returned_.load(std::memory_order_seq_cst) == 0) link.wait(bell_, micros);
    sleeping_.store(false, std::memory_order_seq_cst);
    std::uint64_t times = 0;
    (void)!::read(bell_, &times, sizeof times);
  }

  void leave() noexcept {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    ::close(bell_);
    delete this;
  }

 private:
  const int bell_;
  std::atomic<std::uint64_t> returned_{0};
  std::atomic<bool> sleeping_{false};
  std::atomic<std::uint64_t> users_{1};  // the reader and its views
};

class Receiver final : public StreamReader {
 public:
  static Result<std::unique_ptr<StreamReader>> open(const TransportOptions& options) {
    PENSTOCK_ASSIGN(std::unique_ptr<Link> link, Link::connect(link_options(options, Topic::kStream)));
    return std::unique_ptr<StreamReader>(new Receiver(options.address, std::move(link)));
  }
  ~Receiver() override {
    link_.reset();
    returns_->leave();
  }

  Result<View> receive(const WaitLimit& limit) override {
    if (ended_) return View();
    const Deadline deadline(limit);
    Incoming message;
    for (bool waited = false;; waited = true) {
      if (const std::uint64_t back = returns_->take(); back > 0) link_->send(Kind::kCredit, back);
      const Link::Got got = link_->receive(message);
      if (got == Link::Got::kLost) {
        return Error(ErrorCode::kUnavailable, fmt::format("the writer is gone: process {}", link_->welcome().pid))
            .at(address_)
            .hint("what had not left its process is lost; open the stream again when there is a writer");
      }
      if (got == Link::Got::kMessage) {
        if (message.head.kind == Kind::kBlock) return take(message);
        if (message.head.kind != Kind::kEnd) continue;
        ended_ = true;
        count_gap(message.head.number + 1);
        return View();
      }
      PENSTOCK_ASSIGN(const std::chrono::microseconds slice, deadline.next("no batch came"));
      if (!waited) ++stats_.waits;
      returns_->wait(*link_, slice.count());
    }
  }

  TransportStats stats() const override {
    TransportStats stats = stats_;
    stats.readers = 1;
    stats.reserved_bytes = pool_.budget().used();
    return stats;
  }

 private:
  Receiver(std::string address, std::unique_ptr<Link> link)
      : address_(std::move(address)),
        link_(std::move(link)),
        pool_(MemoryBudget(), kMostIdleBytes),
        shares_(link_->welcome().block != 0),
        last_(link_->welcome().number) {}

  // Between the last batch and `next`; where others get what this one does not, there are no gaps.
  void count_gap(Version next) noexcept {
    if (!shares_ && next > last_ + 1) stats_.dropped += next - last_ - 1;
  }

  // A view's bytes are aligned to 64, which ZeroMQ's are not.
  View take(Incoming& message) {
    const std::span<const std::byte> bytes = message.payload.bytes();
    Buffer copy = pool_.allocate(std::max<std::size_t>(bytes.size(), 1));
    copy.set_size(bytes.size());
    if (!bytes.empty()) std::memcpy(copy.mutable_data(), bytes.data(), bytes.size());
    const Version sequence = message.head.number;
    count_gap(sequence);
    last_ = sequence;
    ++stats_.blocks;
    stats_.bytes += bytes.size();
    return returns_->view(sequence, std::move(copy));
  }

  const std::string address_;
  std::unique_ptr<Link> link_;
  BufferPool pool_;
  const bool shares_;
  Version last_;
  bool ended_ = false;
  TransportStats stats_;
  Returns* const returns_ = new Returns;
};

}  // namespace

Result<std::unique_ptr<StreamWriter>> open_stream_writer(const TransportOptions& options) {
  PENSTOCK_TRY(load_zmq());
  return Sender::open(options);
}
Result<std::unique_ptr<StreamReader>> open_stream_reader(const TransportOptions& options) {
  PENSTOCK_TRY(load_zmq());
  return Receiver::open(options);
}

}  // namespace penstock::zeromq
#endif
