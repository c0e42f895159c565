// SPDX-License-Identifier: MIT
// Versions of a block between the ranks of an MPI job. In a window they stand in slots as those of the transport "shm"
// do (src/transport/version_slots.h); a broadcast gives every rank a copy, whether it has readers or not.
#ifdef PENSTOCK_MPI
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "transport/deadline.h"
#include "transport/mpi/ends.h"
#include "transport/version_slots.h"

namespace penstock::mpi {
namespace {

constexpr std::size_t kUsualSlot = std::size_t{1} << 20;

Error closed(const Address& address) {
  return Error(ErrorCode::kUnavailable,
               fmt::format("the writer of \"{}\" has closed it: rank {}", address.name, address.writer_rank))
      .hint("open it anew when there is a writer again");
}

/// One end, by window or by broadcast.
class End {
 public:
  virtual ~End() = default;
  virtual Result<std::span<std::byte>> begin(std::size_t max_bytes) = 0;
  virtual Result<Version> commit(std::size_t size) = 0;
  virtual void abandon() noexcept = 0;
  virtual Result<View> view() = 0;
  virtual Result<Version> wait(Version seen, const WaitLimit& limit) = 0;
  virtual TransportStats stats() const = 0;
};

/// What writers do not do, and readers.
class WritingEnd : public End {
  Result<View> view() final { return misuse(); }
  Result<Version> wait(Version, const WaitLimit&) final { return misuse(); }
  static Error misuse() {
    PENSTOCK_CHECK(false, "only an initialized reader looks");
    return Error(ErrorCode::kInternal, "");
  }
};
class ReadingEnd : public End {
  Result<std::span<std::byte>> begin(std::size_t) final { return misuse(); }
  Result<Version> commit(std::size_t) final { return misuse(); }
  void abandon() noexcept final {}
  static Error misuse() {
    PENSTOCK_CHECK(false, "only an initialized writer publishes");
    return Error(ErrorCode::kInternal, "");
  }
};

// ---- Windows -------------------------------------------------------------------------------------------------------

TransportStats sum_of(TransportStats a, const TransportStats& b) {
  a.blocks += b.blocks;
  a.bytes += b.bytes;
  a.waits += b.waits;
  a.reclaimed += b.reclaimed;
  a.readers = b.readers;
  a.reserved_bytes = b.reserved_bytes;
  return a;
}

std::uint64_t slot_for(std::size_t bytes) { return std::bit_ceil(std::max(bytes, kUsualSlot)); }

class WindowWriter final : public WritingEnd {
 public:
  static Result<std::unique_ptr<End>> open(Job& job, const Place& place, const TransportOptions& options) {
    PENSTOCK_TRY(expect_room_for(options.capacity_bytes, options));
    PENSTOCK_ASSIGN(auto address, open_address(job, place, options, slot_for(options.capacity_bytes)));
    auto writer = std::unique_ptr<WindowWriter>(new WindowWriter(job, std::move(address), options));
    PENSTOCK_ASSIGN(writer->slots_, VersionWriter::open(writer->address_->arena, options.capacity_bytes));
    return std::unique_ptr<End>(std::move(writer));
  }
  ~WindowWriter() override {
    leave_slots();
    close_address(job_, *address_);
  }

  Result<std::span<std::byte>> begin(std::size_t max_bytes) override {
    PENSTOCK_TRY(expect_room_for(max_bytes, options_));
    if (max_bytes > address_->arena->header().window_bytes) PENSTOCK_TRY(move_to_larger(max_bytes));
    return slots_->begin(max_bytes);
  }
  Result<Version> commit(std::size_t size) override { return slots_->commit(size); }
  void abandon() noexcept override { slots_->abandon(); }
  TransportStats stats() const override { return sum_of(before_, slots_->stats()); }

 private:
  WindowWriter(Job& job, std::shared_ptr<Address> address, const TransportOptions& options)
      : job_(job), address_(std::move(address)), options_(options) {}

  // MPI's windows do not grow. Readers go over to the new one as they look; what they hold stays in the old one.
  Status move_to_larger(std::size_t bytes) {
    Order order;
    order.kind = Order::Kind::kGrow;
    order.address = address_->id;
    order.carrier = Carrier::kWindow;
    order.bytes = slot_for(bytes);
    order.max_readers = options_.max_readers;
    order.window = job_.idle_window(window_bytes(order.bytes, order.max_readers));
    const std::shared_ptr<Arena> old = address_->arena;
    if (job_.order(order).has_failed) {
      return Error(ErrorCode::kResourceExhausted,
                   fmt::format("the ranks of this MPI job cannot share a larger window for \"{}\": {} bytes",
                               address_->name, window_bytes(order.bytes, order.max_readers)))
          .hint("see df -h /dev/shm");
    }
    before_ = sum_of(before_, slots_->stats());
    slots_.reset();  // wakes who waits there
    old->header().writer.store(0, std::memory_order_release);
    PENSTOCK_ASSIGN(slots_, VersionWriter::open(address_->arena, options_.capacity_bytes));
    return {};
  }

  void leave_slots() noexcept {
    slots_.reset();
    address_->arena->header().writer.store(0, std::memory_order_release);
  }

  Job& job_;
  const std::shared_ptr<Address> address_;
  const TransportOptions options_;
  std::unique_ptr<VersionWriter> slots_;
  TransportStats before_;
};

class WindowReader final : public ReadingEnd {
 public:
  static Result<std::unique_ptr<End>> open(Job& job, std::shared_ptr<Address> address) {
    auto reader = std::unique_ptr<WindowReader>(new WindowReader(job, std::move(address)));
    PENSTOCK_TRY(reader->follow());
    return std::unique_ptr<End>(std::move(reader));
  }

  Result<View> view() override {
    if (has_moved()) [[unlikely]] {
      const std::lock_guard lock(job_.mutex());
      PENSTOCK_TRY(follow());
    }
    return slots_->view();
  }

  Result<Version> wait(Version seen, const WaitLimit& limit) override {
    const Deadline deadline(limit);
    while (true) {
      if (has_moved()) {
        const std::lock_guard lock(job_.mutex());
        PENSTOCK_TRY(follow());
      }
      Result<Version> newer = slots_->wait(seen, limit);
      if (newer || newer.error().code() != ErrorCode::kUnavailable || !has_moved()) return newer;
      PENSTOCK_TRY(deadline.next("no newer version came"));
    }
  }

  TransportStats stats() const override { return sum_of(before_, slots_->stats()); }

 private:
  WindowReader(Job& job, std::shared_ptr<Address> address) : job_(job), address_(std::move(address)) {}

  bool has_moved() const noexcept { return address_->window.load(std::memory_order_acquire) != window_; }

  // Requires the mutex, so that a window counts as idle only after the last reader that may come to it.
  Status follow() {
    PENSTOCK_ASSIGN(auto slots, VersionReader::open(address_->arena));
    if (slots_ != nullptr) before_ = sum_of(before_, slots_->stats());
    slots_ = std::move(slots);
    window_ = address_->window.load(std::memory_order_relaxed);
    return {};
  }

  Job& job_;
  const std::shared_ptr<Address> address_;
  std::uint64_t window_ = 0;
  std::unique_ptr<VersionReader> slots_;
  TransportStats before_;
};

// ---- Broadcasts ----------------------------------------------------------------------------------------------------

class BroadcastWriter final : public WritingEnd {
 public:
  static Result<std::unique_ptr<End>> open(Job& job, const Place& place, const TransportOptions& options) {
    PENSTOCK_ASSIGN(auto address, open_address(job, place, options, 0));
    return std::unique_ptr<End>(new BroadcastWriter(job, std::move(address), options));
  }
  ~BroadcastWriter() override { close_address(job_, *address_); }

  Result<std::span<std::byte>> begin(std::size_t max_bytes) override {
    room_ = Buffer();
    PENSTOCK_TRY(expect_room_for(max_bytes, options_));
    room_ = Job::pool().allocate(std::max({max_bytes, options_.capacity_bytes, std::size_t{1}}));
    return std::span<std::byte>(reinterpret_cast<std::byte*>(room_.mutable_data()), room_.capacity());
  }

  Result<Version> commit(std::size_t size) override {
    PENSTOCK_CHECK(room_ && size <= room_.capacity(), "commit: no begin before it, or more than its room");
    room_.set_size(size);
    Order order;
    order.kind = Order::Kind::kPublish;
    order.address = address_->id;
    order.bytes = size;
    order.number = ++version_;
    {
      const std::lock_guard lock(job_.mutex());
      address_->outgoing = std::move(room_);
    }
    room_ = Buffer();
    if (job_.order(order).has_failed) {
      return Error(ErrorCode::kUnavailable, "the MPI job has ended").hint("publish before MPI_Finalize");
    }
    ++stats_.blocks;
    stats_.bytes += size;
    return version_;
  }

  void abandon() noexcept override { room_ = Buffer(); }
  TransportStats stats() const override {
    TransportStats stats = stats_;
    stats.reserved_bytes = Job::pool().budget().used();
    return stats;
  }

 private:
  BroadcastWriter(Job& job, std::shared_ptr<Address> address, const TransportOptions& options)
      : job_(job), address_(std::move(address)), options_(options) {}

  Job& job_;
  const std::shared_ptr<Address> address_;
  const TransportOptions options_;
  Buffer room_;
  Version version_ = 0;
  TransportStats stats_;
};

/// What views of a broadcast hold; it outlives every endpoint.
class BufferKeeper final : public ViewOwner {
 public:
  void release(std::uint64_t token) noexcept override { delete reinterpret_cast<Buffer*>(token); }
  static BufferKeeper& shared() {
    static BufferKeeper keeper;
    return keeper;
  }
};

class BroadcastReader final : public ReadingEnd {
 public:
  BroadcastReader(Job& job, std::shared_ptr<Address> address) : job_(job), address_(std::move(address)) {}

  Result<View> view() override {
    const std::lock_guard lock(job_.mutex());
    if (address_->version == 0) {
      return Error(ErrorCode::kNotFound, fmt::format("nothing was published yet as \"{}\"", address_->name))
          .hint("wait for a version newer than 0");
    }
    auto* const kept = new Buffer(address_->latest);
    ++stats_.blocks;
    stats_.bytes += kept->size();
    return View({reinterpret_cast<const std::byte*>(kept->data()), kept->size()}, address_->version,
                &BufferKeeper::shared(), reinterpret_cast<std::uint64_t>(kept));
  }

  Result<Version> wait(Version seen, const WaitLimit& limit) override {
    const Deadline deadline(limit);
    std::unique_lock lock(job_.mutex());
    for (bool waited = false;; waited = true) {
      if (address_->version > seen) return address_->version;
      if (address_->is_closed) return closed(*address_);
      PENSTOCK_ASSIGN(const std::chrono::microseconds slice, deadline.next("no newer version came"));
      if (!waited) ++stats_.waits;
      address_->changed.wait_for(lock, slice);
    }
  }

  TransportStats stats() const override {
    TransportStats stats = stats_;
    stats.readers = 1;
    stats.reserved_bytes = Job::pool().budget().used();
    return stats;
  }

 private:
  Job& job_;
  const std::shared_ptr<Address> address_;
  TransportStats stats_;
};

class MpiDictionary final : public DictionaryBackend {
 public:
  ~MpiDictionary() override { (void)MpiDictionary::cleanup(); }

  std::string_view name() const noexcept override { return "mpi"; }

  Status initialize(const TransportOptions& options) override {
    PENSTOCK_CHECK(end_ == nullptr, "initialize: called twice");
    PENSTOCK_ASSIGN(Job* const job, join(options));
    PENSTOCK_ASSIGN(const Place place, place_of(options, *job));
    if (options.role == TransportRole::kWriter) {
      const auto open = place.carrier == Carrier::kWindow ? WindowWriter::open : BroadcastWriter::open;
      PENSTOCK_ASSIGN(end_, open(*job, place, options));
      return {};
    }
    const std::lock_guard lock(job->mutex());
    PENSTOCK_ASSIGN(auto address, find_address(*job, place.name, false));
    if (address->carrier == Carrier::kBroadcast) {
      end_ = std::make_unique<BroadcastReader>(*job, std::move(address));
      return {};
    }
    PENSTOCK_ASSIGN(end_, WindowReader::open(*job, std::move(address)));
    return {};
  }

  Result<std::span<std::byte>> begin(std::size_t max_bytes) override { return end().begin(max_bytes); }
  Result<Version> commit(std::size_t size) override { return end().commit(size); }
  void abandon() noexcept override { end().abandon(); }
  Result<View> view() override { return end().view(); }
  Result<Version> wait(Version seen, const WaitLimit& limit) override { return end().wait(seen, limit); }
  Status cleanup() override {
    end_.reset();
    return {};
  }
  TransportStats stats() const override { return end_ != nullptr ? end_->stats() : TransportStats(); }

 private:
  End& end() const noexcept {
    PENSTOCK_CHECK(end_ != nullptr, "this end of a dictionary is not initialized");
    return *end_;
  }

  std::unique_ptr<End> end_;
};

}  // namespace

std::unique_ptr<DictionaryBackend> make_dictionary() { return std::make_unique<MpiDictionary>(); }

}  // namespace penstock::mpi
#endif
