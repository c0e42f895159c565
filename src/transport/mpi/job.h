// SPDX-License-Identifier: MIT
// What the ranks of an MPI job do together for the transport "mpi". Opening an address, publishing by broadcast and
// making a window are collective in MPI; the interface of transports is not. So every rank has a thread that carries
// out the same orders in the same order, whatever its program does meanwhile; rank 0 gives them their order. Why so:
// docs/decisions/0013-mpi-by-orders.md.
#pragma once

#include <penstock/buffer.h>
#include <penstock/transport.h>

#ifdef PENSTOCK_MPI
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "transport/arena.h"
#include "transport/mpi/library.h"

namespace penstock::mpi {

/// What carries the bytes of an address.
enum class Carrier : std::uint32_t { kWindow = 1, kBroadcast, kStream };

/// A step that all ranks do.
struct Order {
  enum class Kind : std::uint32_t {
    kOpen = 1,  ///< A writer opens `name`; `bytes` is the room of a slot of a window.
    kGrow,      ///< A larger window for an address.
    kPublish,   ///< `bytes` bytes become the version `number` of an address, in every rank.
    kClose,     ///< The writer closes an address.
    kJoin,      ///< A reader of a stream comes; `number` becomes that of its seat.
    kLeave,     ///< It goes.
    kBye,       ///< A rank ends.
  };
  Kind kind = Kind::kOpen;
  std::uint32_t rank = 0;    ///< Who asked for it.
  std::uint64_t ticket = 0;  ///< Its number there.
  std::uint64_t address = 0;
  Carrier carrier = Carrier::kWindow;
  std::uint32_t max_readers = 0;
  std::int64_t pid = 0;
  std::uint64_t bytes = 0;
  std::uint64_t number = 0;
  std::uint64_t window = 0;  ///< An idle one to use again; 0: a new one.
  std::array<char, 128> name = {};
};

/// A reader of a stream, as all ranks know it.
struct Seat {
  std::uint32_t rank = 0;
  int tag = 0;                   ///< Of what is sent to it, and of the credit that it sends.
  std::uint64_t on_the_way = 0;  ///< Writer's rank only: batches without credit yet.
  bool is_over = false;          ///< Its end was sent.
};

/// An address that is open, as one rank knows it. What changes is guarded by the job's mutex.
struct Address {
  std::string name;
  Carrier carrier = Carrier::kWindow;
  std::uint32_t writer_rank = 0;
  std::int64_t pid = 0;
  std::uint64_t id = 0;
  std::uint32_t max_readers = 0;
  bool is_closed = false;
  bool has_grown = false;
  std::condition_variable changed;

  std::shared_ptr<Arena> arena;              ///< Window: the current one.
  std::atomic<std::uint64_t> window{0};      ///< Its number; what a reader compares with that of its own.
  Buffer latest;                             ///< Broadcast: the latest version.
  Version version = 0;                       ///< Its number.
  Buffer outgoing;                           ///< What the writer publishes just now.
  std::vector<std::shared_ptr<Seat>> seats;  ///< Stream.
  std::uint64_t came = 0;                    ///< So many seats there ever were.
};

/// What became of an order, in the rank that asked for it.
struct Outcome {
  bool is_taken = false;    ///< kOpen: somebody has that name, `address` says who.
  bool has_failed = false;  ///< Some rank had no memory for the window; kJoin: there are `max_readers` already.
  std::shared_ptr<Address> address;
  std::shared_ptr<Seat> seat;
};

/// The job that this process is a rank of. Thread-safe. Never destroyed.
class Job {
 public:
  /// Joins the other ranks, which have to do the same; the first call in a rank waits for them, at most
  /// `timeout_micros`. Errors: kUnavailable when this process is no rank or a fork of one; kUnsupported when MPI was
  /// initialised for one thread only, or is missing; kTimeout when some rank does not come.
  static Result<Job*> join(std::int64_t timeout_micros);
  /// Says why `join` cannot work here, without trying it.
  static Status can_join();

  std::uint32_t rank() const noexcept { return rank_; }
  bool is_one_machine() const noexcept { return is_one_machine_; }
  std::mutex& mutex() noexcept { return mutex_; }

  /// The open address of that name, or null. Requires the mutex.
  std::shared_ptr<Address> find(const std::string& name) const;
  /// Has all ranks do it; returns when this one has, and for kOpen, kGrow, kJoin and kClose, when all have.
  Outcome order(Order order);
  /// A window of this rank, at least as large, that no address uses and no reader looks at; 0: there is none.
  std::uint64_t idle_window(std::uint64_t bytes);
  /// Blocks that come and go; views may outlive every endpoint.
  static BufferPool& pool();

  /// Sends a message of a stream; `bytes` are kept until it has left. Never waits for the receiver. Requires the mutex.
  void send(const Seat& seat, Buffer bytes);
  /// A message for `tag` from `rank`, or an empty buffer.
  Buffer take(std::uint32_t rank, int tag);
  /// Gives credit to the writer of a stream.
  void send_credit(std::uint32_t rank, int tag, std::uint64_t batches);
  /// Returns how much credit came from a reader since the last call.
  std::uint64_t take_credit(std::uint32_t rank, int tag);
  /// Takes what comes for the seat and throws it away until its end comes.
  void drain(std::uint32_t rank, int tag);

  /// What the bytes of a message stand behind; a `size` of `kEnd` says that none come behind `sequence`.
  struct alignas(64) Head {
    static constexpr std::uint64_t kEnd = ~std::uint64_t{0};
    std::uint64_t sequence = 0;
    std::uint64_t size = 0;
  };
  /// Once per seat; `last` is the last sequence number. Requires the mutex.
  void send_end(Seat& seat, Version last);

 private:
  struct Window {
    MPI_Win handle = nullptr;
    std::span<std::byte> memory;  ///< Whole pages, the same in all ranks.
    std::uint32_t rank = 0;       ///< Whose memory it is.
    bool is_used = false;
    std::shared_ptr<Arena> arena;
  };
  struct Sending {
    Buffer bytes;
    MPI_Request request = nullptr;
  };

  Job(const Library& library, bool initialised) : mpi_(library), finalizes_(initialised) {}
  static Result<Job*> start(std::int64_t timeout_micros);
  Status connect(std::int64_t timeout_micros);
  void serve();
  bool pass_on_requests();
  bool take_orders();
  void give(const Order& order);
  void carry_out(const Order& order);
  void open_address(const Order& order, Outcome& outcome);
  bool make_window(Address& address, const Order& order, std::uint64_t& number);
  bool share_window(Window& window, Address& address, const Order& order);
  void grow(const Order& order, Outcome& outcome);
  void publish(const Order& order);
  void close_address(const Order& order);
  void add_seat(const Order& order, Outcome& outcome);
  void remove_seat(const Order& order);
  bool agree(bool mine);
  bool progress();
  bool drain_seats();
  void stop();
  void free_windows();

  const Library& mpi_;
  const bool finalizes_;  // what it initialised
  const std::uint32_t generation_ = fork_generation();
  MPI_Comm orders_ = nullptr;  // requests to rank 0, orders from it, and the collectives of the orders
  MPI_Comm batches_ = nullptr;
  MPI_Comm credits_ = nullptr;
  std::uint32_t rank_ = 0;
  std::uint32_t ranks_ = 1;
  bool is_one_machine_ = false;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable asked_;
  std::condition_variable done_;
  std::deque<Order> requests_;
  std::map<std::uint64_t, Outcome> outcomes_;  // of tickets
  std::uint64_t tickets_ = 0;
  bool is_over_ = false;
  std::map<std::string, std::shared_ptr<Address>> by_name_;
  std::map<std::uint64_t, std::shared_ptr<Address>> by_id_;
  std::uint64_t addresses_ = 0;
  std::map<std::uint64_t, Window> windows_;
  std::uint64_t window_count_ = 0;
  int tags_ = 0;
  std::uint32_t byes_ = 0;
  std::deque<Sending> sending_;
  std::vector<std::pair<std::uint32_t, int>> draining_;
};

}  // namespace penstock::mpi
#endif
