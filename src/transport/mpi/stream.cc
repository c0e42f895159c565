// SPDX-License-Identifier: MIT
// Streams between the ranks of an MPI job: the writer sends each batch to each reader, which gives credit back when a
// view is released. So no more than `depth` batches are ever on the way to a reader.
#ifdef PENSTOCK_MPI
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstring>
#include <thread>

#include "base/check.h"
#include "platform/clock.h"
#include "transport/deadline.h"
#include "transport/mpi/ends.h"

namespace penstock::mpi {
namespace {

constexpr std::size_t kHead = sizeof(Job::Head);
constexpr std::size_t kLargestBatch = INT_MAX - kHead;  // MPI counts in int

// MPI wakes nobody: look often at first, then ever more rarely.
class Looking {
 public:
  void pause(std::chrono::microseconds most) {
    const std::int64_t spent = now_ns() - begin_;
    if (spent < kSpinNs) {
      std::this_thread::yield();
      return;
    }
    const std::chrono::microseconds nap(std::clamp<std::int64_t>(spent / 8000, 20, 500));
    std::this_thread::sleep_for(std::min(nap, most));
  }

 private:
  static constexpr std::int64_t kSpinNs = 100'000;
  const std::int64_t begin_ = now_ns();
};

class Writer final : public StreamWriter {
 public:
  static Result<std::unique_ptr<StreamWriter>> open(const TransportOptions& options) {
    PENSTOCK_ASSIGN(Job* const job, join(options));
    PENSTOCK_ASSIGN(Place place, place_of(options, *job));
    place.carrier = Carrier::kStream;
    PENSTOCK_ASSIGN(auto address, open_address(*job, place, options, 0));
    return std::unique_ptr<StreamWriter>(new Writer(*job, std::move(address), options));
  }
  ~Writer() override { (void)Writer::close(); }

  Result<std::span<std::byte>> begin(std::size_t max_bytes, const WaitLimit& limit) override {
    PENSTOCK_CHECK(!is_closed_, "begin: the stream is closed");
    room_ = Buffer();
    PENSTOCK_TRY(expect_room_for(max_bytes, options_));
    if (max_bytes > kLargestBatch) {
      return Error(ErrorCode::kResourceExhausted,
                   fmt::format("a batch of {} bytes is longer than the {} that MPI sends", max_bytes, kLargestBatch));
    }
    PENSTOCK_TRY(wait_for_room(limit));
    room_ = Job::pool().allocate(kHead + std::max({max_bytes, options_.capacity_bytes, std::size_t{1}}));
    return std::span<std::byte>(reinterpret_cast<std::byte*>(room_.mutable_data()) + kHead, room_.capacity() - kHead);
  }

  Result<Version> commit(std::size_t size) override {
    PENSTOCK_CHECK(room_ && size <= room_.capacity() - kHead, "commit: no begin before it, or more than its room");
    const Job::Head head{++sequence_, size};
    std::memcpy(room_.mutable_data(), &head, sizeof head);
    room_.set_size(kHead + size);
    const Buffer sent = std::move(room_);
    room_ = Buffer();
    const std::lock_guard lock(job_.mutex());
    if (is_full()) {
      ++stats_.dropped;
      return sequence_;
    }
    for (const std::shared_ptr<Seat>& seat : address_->seats) {
      ++seat->on_the_way;
      job_.send(*seat, sent);
    }
    ++stats_.blocks;
    stats_.bytes += size;
    return sequence_;
  }

  void abandon() noexcept override { room_ = Buffer(); }

  Status close() override {
    if (std::exchange(is_closed_, true)) return {};
    room_ = Buffer();
    {
      const std::lock_guard lock(job_.mutex());
      for (const std::shared_ptr<Seat>& seat : address_->seats) job_.send_end(*seat, sequence_);
    }
    close_address(job_, *address_);
    return {};
  }

  TransportStats stats() const override {
    const std::lock_guard lock(job_.mutex());
    TransportStats stats = stats_;
    stats.readers = static_cast<std::uint32_t>(address_->seats.size());
    stats.reserved_bytes = Job::pool().budget().used();
    return stats;
  }

 private:
  Writer(Job& job, std::shared_ptr<Address> address, const TransportOptions& options)
      : job_(job), address_(std::move(address)), options_(options) {}

  // Credit that came meanwhile counts. Requires the mutex.
  bool is_full() {
    for (const std::shared_ptr<Seat>& seat : address_->seats) {
      if (seat->on_the_way < options_.depth) continue;
      seat->on_the_way -= std::min(seat->on_the_way, job_.take_credit(seat->rank, seat->tag));
      if (seat->on_the_way >= options_.depth) return true;
    }
    return false;
  }

  // Without credit left, unless it drops; and without the readers that must not miss the beginning.
  Status wait_for_room(const WaitLimit& limit) {
    const Deadline deadline(limit);
    Looking looking;
    for (bool waited = false;; waited = true) {
      bool complete = false;
      {
        const std::lock_guard lock(job_.mutex());
        complete = address_->came >= options_.wait_for_readers;
        if (complete && options_.wait_for_readers > 0 && address_->seats.empty()) {
          return Error(ErrorCode::kUnavailable, fmt::format("all readers of \"{}\" have gone", address_->name))
              .hint("nobody would receive what is sent now");
        }
        if (complete && (options_.when_full == WhenFull::kDrop || !is_full())) return {};
        if (!waited) ++stats_.waits;
      }
      PENSTOCK_ASSIGN(const std::chrono::microseconds slice,
                      deadline.next(complete ? "no reader took a batch" : "not enough readers came"));
      looking.pause(slice);
    }
  }

  Job& job_;
  const std::shared_ptr<Address> address_;
  const TransportOptions options_;
  Buffer room_;
  Version sequence_ = 0;
  bool is_closed_ = false;
  TransportStats stats_;
};

/// What views of a stream hold. Deletes itself with the last of the reader and its views.
class Returns final : public ViewOwner {
 public:
  View view(Version sequence, Buffer message) {
    auto* const kept = new Buffer(std::move(message));
    users_.fetch_add(1, std::memory_order_relaxed);
    const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(kept->data()), kept->size());
    return View(bytes.subspan(kHead), sequence, this, reinterpret_cast<std::uint64_t>(kept));
  }

  // On any thread.
  void release(std::uint64_t token) noexcept override {
    delete reinterpret_cast<Buffer*>(token);
    returned_.fetch_add(1, std::memory_order_relaxed);
    leave();
  }

  std::uint64_t take() noexcept {
    return returned_.load(std::memory_order_relaxed) == 0 ? 0 : returned_.exchange(0, std::memory_order_relaxed);
  }

  void leave() noexcept {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 private:
  std::atomic<std::uint64_t> returned_{0};
  std::atomic<std::uint64_t> users_{1};  // the reader and its views
};

class Reader final : public StreamReader {
 public:
  static Result<std::unique_ptr<StreamReader>> open(const TransportOptions& options) {
    PENSTOCK_ASSIGN(Job* const job, join(options));
    PENSTOCK_ASSIGN(const Place place, place_of(options, *job));
    Order order;
    order.kind = Order::Kind::kJoin;
    {
      const std::lock_guard lock(job->mutex());
      PENSTOCK_ASSIGN(const auto address, find_address(*job, place.name, true));
      order.address = address->id;
    }
    Outcome outcome = job->order(order);
    if (outcome.seat != nullptr) {
      return std::unique_ptr<StreamReader>(new Reader(*job, std::move(outcome.address), std::move(outcome.seat)));
    }
    if (outcome.address == nullptr) {
      return Error(ErrorCode::kNotFound, fmt::format("the writer of \"{}\" has just closed it", place.name))
          .hint("let its writer open it first");
    }
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("the stream \"{}\" has its {} readers already", place.name, outcome.address->max_readers))
        .hint("raise max_readers at the writer");
  }

  ~Reader() override {
    Order order;
    order.kind = Order::Kind::kLeave;
    order.address = address_->id;
    order.number = static_cast<std::uint64_t>(seat_->tag);
    (void)job_.order(order);
    if (!is_over_) job_.drain(address_->writer_rank, seat_->tag);
    returns_->leave();
  }

  Result<View> receive(const WaitLimit& limit) override {
    if (is_over_) return View();
    const Deadline deadline(limit);
    Looking looking;
    for (bool waited = false;; waited = true) {
      if (const std::uint64_t back = returns_->take(); back > 0) {
        job_.send_credit(address_->writer_rank, seat_->tag, back);
      }
      if (Buffer message = job_.take(address_->writer_rank, seat_->tag)) return received(std::move(message));
      PENSTOCK_ASSIGN(const std::chrono::microseconds slice, deadline.next("no batch came"));
      if (!waited) ++stats_.waits;
      looking.pause(slice);
    }
  }

  TransportStats stats() const override {
    TransportStats stats = stats_;
    stats.readers = 1;
    stats.reserved_bytes = Job::pool().budget().used();
    return stats;
  }

 private:
  Reader(Job& job, std::shared_ptr<Address> address, std::shared_ptr<Seat> seat)
      : job_(job), address_(std::move(address)), seat_(std::move(seat)) {}

  View received(Buffer message) {
    Job::Head head;
    std::memcpy(&head, message.data(), sizeof head);
    is_over_ = head.size == Job::Head::kEnd;
    if (is_over_) {
      if (last_ != 0) stats_.dropped += std::max(head.sequence, last_) - last_;
      return View();
    }
    // A reader that came late begins wherever the writer was.
    if (last_ != 0) stats_.dropped += head.sequence - last_ - 1;
    last_ = head.sequence;
    ++stats_.blocks;
    stats_.bytes += head.size;
    return returns_->view(head.sequence, std::move(message));
  }

  Job& job_;
  const std::shared_ptr<Address> address_;
  const std::shared_ptr<Seat> seat_;
  Version last_ = 0;
  bool is_over_ = false;
  TransportStats stats_;
  Returns* const returns_ = new Returns;
};

}  // namespace

Result<std::unique_ptr<StreamWriter>> open_stream_writer(const TransportOptions& options) {
  return Writer::open(options);
}
Result<std::unique_ptr<StreamReader>> open_stream_reader(const TransportOptions& options) {
  return Reader::open(options);
}

}  // namespace penstock::mpi
#endif
