// SPDX-License-Identifier: MIT
#include "transport/mpi/job.h"

#ifdef PENSTOCK_MPI
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "platform/clock.h"
#include "transport/version_slots.h"

namespace penstock::mpi {
namespace {

constexpr int kAskTag = 1;
constexpr int kDoTag = 2;
constexpr int kFirstTag = 16;
constexpr int kMostTags = 1 << 30;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kMostIdleBytes = std::size_t{256} << 20;

static_assert(std::is_trivially_copyable_v<Order>);

bool is_set(const char* name) { return std::getenv(name) != nullptr; }

// Without loading the library for the question.
bool is_initialised_here() {
  decltype(&::MPI_Initialized) const initialised =
      reinterpret_cast<decltype(&::MPI_Initialized)>(::dlsym(RTLD_DEFAULT, "MPI_Initialized"));
  int answer = 0;
  return initialised != nullptr && initialised(&answer) == MPI_SUCCESS && answer != 0;
}

/// Which of several processes began MPI, and ends it.
void finalize() {
  const auto library = Library::load();
  int over = 0;
  if (library && (*library)->Finalized(&over) == MPI_SUCCESS && over == 0) (*library)->Finalize();
}

}  // namespace

BufferPool& Job::pool() {
  static auto* const shared = new BufferPool(MemoryBudget(), kMostIdleBytes);  // never destroyed, as the job
  return *shared;
}

// ---- Beginning and end ---------------------------------------------------------------------------------------------

Status Job::can_join() {
  if (fork_generation() != 0) {
    return Error(ErrorCode::kUnavailable, "this process was forked, and ranks of an MPI job may not be");
  }
  if (is_set("OMPI_COMM_WORLD_SIZE") || is_initialised_here()) return {};
  return Error(ErrorCode::kUnavailable, "this process is no rank of an MPI job").hint("mpiexec -n 4 PROGRAM");
}

Result<Job*> Job::join(std::int64_t timeout_micros) {
  static std::mutex mutex;
  static Result<Job*>* joined = nullptr;
  const std::lock_guard lock(mutex);
  if (joined == nullptr) {
    PENSTOCK_TRY(can_join());
    joined = new Result<Job*>(start(timeout_micros));
  }
  if (*joined && (**joined)->generation_ != fork_generation()) {
    return Error(ErrorCode::kUnavailable, "this process was forked by a rank of an MPI job, and is none itself")
        .hint("let the rank itself open the address");
  }
  return *joined;
}

Result<Job*> Job::start(std::int64_t timeout_micros) {
  PENSTOCK_ASSIGN(const Library* const mpi, Library::load());
  int there = 0;
  int level = MPI_THREAD_SINGLE;
  mpi->Initialized(&there);
  if (there != 0) {
    mpi->Query_thread(&level);
  } else if (mpi->Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &level) != MPI_SUCCESS) {
    return Error(ErrorCode::kUnavailable, "MPI_Init_thread failed").hint("start the program by mpiexec");
  }
  if (level < MPI_THREAD_MULTIPLE) {
    return Error(ErrorCode::kUnsupported, "MPI was initialised without MPI_THREAD_MULTIPLE")
        .hint("call MPI_Init_thread(…, MPI_THREAD_MULTIPLE, …), or leave it to Penstock");
  }
  auto* const job = new Job(*mpi, there == 0);
  if (job->finalizes_) std::atexit(finalize);
  PENSTOCK_TRY(job->connect(timeout_micros));
  return job;
}

Status Job::connect(std::int64_t timeout_micros) {
  // The only step that waits for ranks that may never come.
  MPI_Request request = nullptr;
  int done = 0;
  mpi_.Comm_idup(mpi_.world, &orders_, &request);
  const std::int64_t begin = now_ns();
  while (mpi_.Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && done == 0) {
    if ((now_ns() - begin) / 1000 > timeout_micros) {
      return Error(ErrorCode::kTimeout, "not all ranks of this MPI job opened an address of the transport mpi")
          .hint("each rank has to, as the first opens one; see the option start_timeout");
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  int number = 0;
  mpi_.Comm_rank(orders_, &number);
  rank_ = static_cast<std::uint32_t>(number);
  mpi_.Comm_size(orders_, &number);
  ranks_ = static_cast<std::uint32_t>(number);
  MPI_Comm node = nullptr;
  mpi_.Comm_split_type(orders_, MPI_COMM_TYPE_SHARED, 0, mpi_.no_info, &node);
  mpi_.Comm_size(node, &number);
  is_one_machine_ = static_cast<std::uint32_t>(number) == ranks_;
  mpi_.Comm_dup(orders_, &batches_);
  mpi_.Comm_dup(orders_, &credits_);
  mpi_.Comm_set_errhandler(orders_, mpi_.errors_return);
  is_one_machine_ = agree(is_one_machine_);
  // MPI_Finalize begins with what hangs on the rank itself, while everything still works.
  int key = 0;
  mpi_.Comm_create_keyval([](MPI_Comm, int, void*, void*, void*, int* copies) { return *copies = 0, MPI_SUCCESS; },
                          [](MPI_Comm, int, void* job, void*) { return static_cast<Job*>(job)->stop(), MPI_SUCCESS; },
                          &key, nullptr);
  mpi_.Comm_set_attr(mpi_.self, key, this);
  thread_ = std::thread([this] { serve(); });
  return {};
}

void Job::stop() {
  {
    const std::lock_guard lock(mutex_);
    Order bye;
    bye.kind = Order::Kind::kBye;
    bye.rank = rank_;
    requests_.push_back(bye);
    asked_.notify_all();
  }
  thread_.join();
  free_windows();
}

// Those that nobody looks at in any rank; the others go with the process.
void Job::free_windows() {
  for (auto& [number, window] : windows_) {
    const bool is_idle = window.rank != rank_ || !VersionReader::has_any(*window.arena);
    if (!agree(is_idle)) continue;
    mpi_.Win_unlock_all(window.handle);
    mpi_.Win_free(&window.handle);
  }
}

// ---- The thread ----------------------------------------------------------------------------------------------------

void Job::serve() {
  using std::chrono::microseconds;
  constexpr std::int64_t kAwakeNs = 100'000;
  constexpr std::int64_t kDrowsyNs = 5'000'000;
  constexpr std::int64_t kGraceNs = 1'000'000'000;
  std::int64_t active = now_ns();
  while (true) {
    // Each of them looks, whatever the ones before found.
    const bool passed_on = pass_on_requests();
    const bool carried_out = take_orders();
    const bool sent = progress();
    const bool drained = drain_seats();
    const std::int64_t now = now_ns();
    if (passed_on || carried_out || sent || drained) active = now;
    std::unique_lock lock(mutex_);
    if (byes_ == ranks_ && ((draining_.empty() && sending_.empty()) || now - active > kGraceNs)) {
      is_over_ = true;
      done_.notify_all();
      return;
    }
    if (!requests_.empty()) continue;
    if (now - active < kAwakeNs) {
      lock.unlock();
      std::this_thread::yield();
    } else {
      asked_.wait_for(lock, microseconds(now - active < kDrowsyNs ? 50 : 1000));
    }
  }
}

bool Job::pass_on_requests() {
  std::deque<Order> requests;
  {
    const std::lock_guard lock(mutex_);
    requests.swap(requests_);
  }
  for (const Order& each : requests) {
    if (rank_ == 0) {
      give(each);
    } else {
      mpi_.Send(&each, sizeof each, mpi_.byte, 0, kAskTag, orders_);
    }
  }
  return !requests.empty();
}

bool Job::take_orders() {
  bool found = false;
  while (true) {
    int there = 0;
    MPI_Status status = {};
    const int tag = rank_ == 0 ? kAskTag : kDoTag;
    mpi_.Iprobe(rank_ == 0 ? MPI_ANY_SOURCE : 0, tag, orders_, &there, &status);
    if (there == 0) return found;
    Order order;
    mpi_.Recv(&order, sizeof order, mpi_.byte, status.MPI_SOURCE, tag, orders_, MPI_STATUS_IGNORE);
    found = true;
    if (rank_ == 0) {
      give(order);
    } else {
      carry_out(order);
    }
  }
}

// Rank 0: whatever it gives first, all do first.
void Job::give(const Order& order) {
  for (std::uint32_t rank = 1; rank < ranks_; ++rank) {
    mpi_.Send(&order, sizeof order, mpi_.byte, static_cast<int>(rank), kDoTag, orders_);
  }
  carry_out(order);
}

bool Job::agree(bool mine) {
  int vote = mine ? 1 : 0;
  int all = 0;
  const bool worked = mpi_.Allreduce(&vote, &all, 1, mpi_.integer, mpi_.minimum, orders_) == MPI_SUCCESS;
  return worked && all == 1;
}

void Job::carry_out(const Order& order) {
  Outcome outcome;
  switch (order.kind) {
    case Order::Kind::kOpen: open_address(order, outcome); break;
    case Order::Kind::kGrow: grow(order, outcome); break;
    case Order::Kind::kPublish: publish(order); break;
    case Order::Kind::kClose: close_address(order); break;
    case Order::Kind::kJoin: add_seat(order, outcome); break;
    case Order::Kind::kLeave: remove_seat(order); break;
    case Order::Kind::kBye: break;
  }
  // A barrier: who asked goes on when all know.
  if (order.kind != Order::Kind::kPublish && order.kind != Order::Kind::kBye) (void)agree(true);
  const std::lock_guard lock(mutex_);
  if (order.kind == Order::Kind::kBye) {
    ++byes_;
  } else if (order.rank == rank_) {
    outcomes_[order.ticket] = std::move(outcome);
    done_.notify_all();
  }
}

Outcome Job::order(Order order) {
  std::unique_lock lock(mutex_);
  order.rank = rank_;
  order.ticket = ++tickets_;
  if (!is_over_) requests_.push_back(order);
  asked_.notify_all();
  done_.wait(lock, [&] { return is_over_ || outcomes_.contains(order.ticket); });
  const auto found = outcomes_.find(order.ticket);
  Outcome outcome;
  if (found == outcomes_.end()) {
    outcome.has_failed = true;
    return outcome;
  }
  outcome = std::move(found->second);
  outcomes_.erase(found);
  return outcome;
}

// ---- What the orders say -------------------------------------------------------------------------------------------

std::shared_ptr<Address> Job::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

void Job::open_address(const Order& order, Outcome& outcome) {
  auto address = std::make_shared<Address>();
  {
    const std::lock_guard lock(mutex_);
    address->name = order.name.data();
    outcome.address = find(address->name);
    outcome.is_taken = outcome.address != nullptr;
    if (outcome.is_taken) return;
    address->id = ++addresses_;
  }
  address->carrier = order.carrier;
  address->writer_rank = order.rank;
  address->pid = order.pid;
  address->max_readers = order.max_readers;
  std::uint64_t number = 0;
  if (order.carrier == Carrier::kWindow && !make_window(*address, order, number)) {
    outcome.has_failed = true;
    return;
  }
  const std::lock_guard lock(mutex_);
  address->window.store(number, std::memory_order_release);
  by_name_[address->name] = address;
  by_id_[address->id] = address;
  outcome.address = std::move(address);
}

// Everything but the memory is decided by the order, so all ranks number windows alike.
bool Job::make_window(Address& address, const Order& order, std::uint64_t& number) {
  std::unique_lock lock(mutex_);
  number = order.window != 0 ? order.window : ++window_count_;
  Window& window = windows_[number];  // nobody else changes the map
  window.rank = order.rank;
  window.is_used = true;
  lock.unlock();
  if (share_window(window, address, order)) return true;
  lock.lock();
  window.is_used = false;
  if (window.handle == nullptr) windows_.erase(number);
  return false;
}

bool Job::share_window(Window& window, Address& address, const Order& order) {
  const ArenaShape shape = version_shape(order.bytes, order.max_readers);
  const std::size_t bytes = Arena::bytes_for(shape);
  if (window.handle == nullptr) {
    void* base = nullptr;
    const MPI_Aint wanted = rank_ == order.rank ? static_cast<MPI_Aint>(bytes + kPage) : 0;
    const bool made = mpi_.Win_allocate_shared(wanted, 1, mpi_.no_info, orders_, &base, &window.handle) == MPI_SUCCESS;
    if (!agree(made)) return false;
    MPI_Aint size = 0;
    int unit = 0;
    mpi_.Win_shared_query(window.handle, static_cast<int>(order.rank), &size, &unit, &base);
    mpi_.Win_lock_all(MPI_MODE_NOCHECK, window.handle);
    // From the same place on in all ranks, whatever stands before it.
    std::uint64_t skip = (kPage - reinterpret_cast<std::uintptr_t>(base) % kPage) % kPage;
    mpi_.Bcast(&skip, sizeof skip, mpi_.byte, static_cast<int>(order.rank), orders_);
    window.memory = {static_cast<std::byte*>(base) + skip, static_cast<std::size_t>(size) - kPage};
    if (!agree(reinterpret_cast<std::uintptr_t>(window.memory.data()) % 64 == 0)) return false;
  }
  const auto keep = [&](Result<std::shared_ptr<Arena>> arena) {
    if (arena) address.arena = window.arena = std::move(*arena);
    return agree(static_cast<bool>(arena));
  };
  const std::span<std::byte> memory = window.memory.first(bytes);
  if (rank_ == order.rank) {
    if (!keep(Arena::create_in(memory, address.name, shape, set_up_versions))) return false;
    return agree(true);
  }
  return agree(true) && keep(Arena::open_in(memory, address.name));
}

void Job::grow(const Order& order, Outcome& outcome) {
  std::unique_lock lock(mutex_);
  outcome.address = by_id_.at(order.address);
  lock.unlock();
  Address& address = *outcome.address;
  const std::shared_ptr<Arena> before = address.arena;
  Address larger;
  larger.name = address.name;
  std::uint64_t number = 0;
  outcome.has_failed = !make_window(larger, order, number);
  if (outcome.has_failed) return;
  if (rank_ == order.rank) carry_version_over(*before, *larger.arena);
  (void)agree(true);
  lock.lock();
  windows_[address.window.load(std::memory_order_relaxed)].is_used = false;
  address.arena = larger.arena;
  address.has_grown = true;
  address.window.store(number, std::memory_order_release);
}

void Job::publish(const Order& order) {
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // MPI counts in int
  std::unique_lock lock(mutex_);
  const std::shared_ptr<Address> address = by_id_.at(order.address);
  Buffer bytes = address->outgoing;
  lock.unlock();
  if (rank_ != order.rank) {
    bytes = pool().allocate(std::max<std::size_t>(order.bytes, 1));
    bytes.set_size(order.bytes);
  }
  auto* const data = const_cast<std::uint8_t*>(bytes.data());
  for (std::size_t begin = 0; begin < order.bytes; begin += kMostAtOnce) {
    mpi_.Bcast(data + begin, static_cast<int>(std::min(kMostAtOnce, order.bytes - begin)), mpi_.byte,
               static_cast<int>(order.rank), orders_);
  }
  lock.lock();
  address->latest = std::move(bytes);
  address->outgoing = Buffer();
  address->version = order.number;
  address->changed.notify_all();
}

void Job::close_address(const Order& order) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(order.address);
  if (found == by_id_.end()) return;
  Address& address = *found->second;
  address.is_closed = true;
  address.changed.notify_all();
  // Readers that have not looked since it grew still come to the last window; nobody else may have it.
  const auto window = windows_.find(address.window);
  if (window != windows_.end() && !address.has_grown) window->second.is_used = false;
  by_name_.erase(address.name);
  by_id_.erase(found);
}

std::uint64_t Job::idle_window(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, window] : windows_) {
    if (window.rank == rank_ && !window.is_used && window.memory.size() >= bytes &&
        !VersionReader::has_any(*window.arena)) {
      return number;
    }
  }
  return 0;
}

void Job::add_seat(const Order& order, Outcome& outcome) {
  const std::lock_guard lock(mutex_);
  tags_ = (tags_ + 1) % kMostTags;
  const auto found = by_id_.find(order.address);
  if (found == by_id_.end()) return;
  Address& address = *found->second;
  outcome.address = found->second;
  outcome.has_failed = address.seats.size() >= address.max_readers;
  if (outcome.has_failed) return;
  outcome.seat = std::make_shared<Seat>();
  outcome.seat->rank = order.rank;
  outcome.seat->tag = kFirstTag + tags_;
  address.seats.push_back(outcome.seat);
  ++address.came;
  address.changed.notify_all();
}

void Job::remove_seat(const Order& order) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(order.address);
  if (found == by_id_.end()) return;  // the writer closed, and sent its end
  Address& address = *found->second;
  std::erase_if(address.seats, [&](const std::shared_ptr<Seat>& seat) {
    if (static_cast<std::uint64_t>(seat->tag) != order.number) return false;
    if (address.writer_rank == rank_) send_end(*seat, 0);
    return true;
  });
  address.changed.notify_all();
}

// ---- Batches of streams --------------------------------------------------------------------------------------------

void Job::send(const Seat& seat, Buffer bytes) {
  const int size = static_cast<int>(bytes.size());
  Sending sending{std::move(bytes), nullptr};
  mpi_.Isend(sending.bytes.data(), size, mpi_.byte, static_cast<int>(seat.rank), seat.tag, batches_, &sending.request);
  sending_.push_back(std::move(sending));
}

void Job::send_end(Seat& seat, Version last) {
  if (std::exchange(seat.is_over, true)) return;
  Buffer end = pool().allocate(sizeof(Head));
  const Head head{last, Head::kEnd};
  std::memcpy(end.mutable_data(), &head, sizeof head);
  end.set_size(sizeof head);
  send(seat, std::move(end));
}

// Lets go of what has left. Says whether anything has.
bool Job::progress() {
  const std::lock_guard lock(mutex_);
  const std::size_t before = sending_.size();
  std::erase_if(sending_, [&](Sending& each) {
    int done = 0;
    mpi_.Test(&each.request, &done, MPI_STATUS_IGNORE);
    return done != 0;
  });
  return sending_.size() != before;
}

Buffer Job::take(std::uint32_t rank, int tag) {
  int there = 0;
  MPI_Message message = nullptr;
  MPI_Status status = {};
  mpi_.Improbe(static_cast<int>(rank), tag, batches_, &there, &message, &status);
  if (there == 0) return {};
  int size = 0;
  mpi_.Get_count(&status, mpi_.byte, &size);
  Buffer bytes = pool().allocate(static_cast<std::size_t>(size));
  bytes.set_size(static_cast<std::size_t>(size));
  MPI_Request request = nullptr;
  mpi_.Imrecv(bytes.mutable_data(), size, mpi_.byte, &message, &request);
  mpi_.Wait(&request, MPI_STATUS_IGNORE);
  return bytes;
}

void Job::send_credit(std::uint32_t rank, int tag, std::uint64_t batches) {
  mpi_.Send(&batches, sizeof batches, mpi_.byte, static_cast<int>(rank), tag, credits_);
}

std::uint64_t Job::take_credit(std::uint32_t rank, int tag) {
  std::uint64_t sum = 0;
  while (true) {
    int there = 0;
    mpi_.Iprobe(static_cast<int>(rank), tag, credits_, &there, MPI_STATUS_IGNORE);
    if (there == 0) return sum;
    std::uint64_t batches = 0;
    mpi_.Recv(&batches, sizeof batches, mpi_.byte, static_cast<int>(rank), tag, credits_, MPI_STATUS_IGNORE);
    sum += batches;
  }
}

void Job::drain(std::uint32_t rank, int tag) {
  const std::lock_guard lock(mutex_);
  draining_.emplace_back(rank, tag);
  asked_.notify_all();
}

bool Job::drain_seats() {
  std::unique_lock lock(mutex_);
  const auto seats = draining_;
  lock.unlock();
  bool found = false;
  for (const auto& [rank, tag] : seats) {
    const Buffer bytes = take(rank, tag);
    if (!bytes) continue;
    found = true;
    Head head;
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.size != Head::kEnd) continue;
    lock.lock();
    std::erase(draining_, std::pair(rank, tag));
    lock.unlock();
  }
  return found;
}

}  // namespace penstock::mpi
#endif
