// SPDX-License-Identifier: MIT
// Bytes between processes. A `DictionaryBackend` publishes versions of one block of bytes, of which readers see the
// latest whole one in place; a stream carries batches of bytes in order, each to every reader. Backends are known by
// name.
#pragma once

#include <penstock/operator.h>
#include <penstock/result.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock {

// ---- What all transports share -------------------------------------------------------------------------------------

/// Counts what was published under one address, from 1 and without gaps; 0: nothing yet. It goes on counting when a
/// writer takes over from one that died, where the backend can keep it.
using Version = std::uint64_t;

/// How long to wait. `stop` is looked at several times a second; a drain or cancel ends the wait with kCancelled.
struct WaitLimit {
  static constexpr std::int64_t kForever = -1;

  std::int64_t timeout_micros = kForever;  ///< 0: do not wait, only look. Passing it is kTimeout.
  const StopSignal* stop = nullptr;
};

/// Who opens an address.
enum class TransportRole : std::uint8_t {
  kWriter,  ///< The one that publishes or sends; a second one is refused while the first lives.
  kReader,  ///< One of many.
};

/// What a stream's writer does when no room is free because a reader is slow.
enum class WhenFull : std::uint8_t {
  kWait,  ///< Backpressure: it waits.
  kDrop,  ///< It drops the new batch; both sides count it and readers see the gap in the sequence numbers.
};

/// How to open an address. Options that only a writer can decide are ignored for readers, who take what they find.
struct TransportOptions {
  /// What both ends agree on: for shm a name ([A-Za-z0-9._-], at most 100 characters), for others a path or URL.
  std::string address = {};
  TransportRole role = TransportRole::kReader;
  /// Room of a block or batch to begin with, in bytes. Larger ones are taken too, where the backend can grow; 0: the
  /// backend's default. Set it to the usual size: growing costs page faults.
  std::size_t capacity_bytes = 0;
  /// Most readers at the same time, in [1, 64].
  std::uint32_t max_readers = 16;
  /// Permissions of what the writer makes, as for chmod. Readers need read and write access (they mark what they read).
  unsigned mode = 0600;
  /// Streams only: how many batches may be on the way, in [1, 1024]; rounded up to a power of two.
  std::uint32_t depth = 8;
  /// Streams only.
  WhenFull when_full = WhenFull::kWait;
  /// Streams only: how many readers the writer waits for before the first batch, so that none misses the beginning.
  std::uint32_t wait_for_readers = 0;
  /// Options of the one backend, checked against its `TransportInfo::options`.
  Options more = {};
};

/// What an endpoint counted since it was opened, and what it holds.
struct TransportStats {
  std::uint64_t blocks = 0;          ///< Published or sent; viewed or received.
  std::uint64_t bytes = 0;           ///< In them.
  std::uint64_t waits = 0;           ///< Times that it had to wait for the other side.
  std::uint64_t dropped = 0;         ///< Batches dropped by a full stream (`WhenFull::kDrop`), as this end saw it.
  std::uint64_t reclaimed = 0;       ///< Peers that died, whose marks were removed (writers only).
  std::uint32_t readers = 0;         ///< Attached now, as far as the backend knows.
  std::uint64_t reserved_bytes = 0;  ///< Memory or disk that the address takes now, in all.
};

/// Gives back what a `View` holds. Implemented by backends; a `View` calls `release` once.
class ViewOwner {
 public:
  virtual void release(std::uint64_t token) noexcept = 0;

 protected:
  ~ViewOwner() = default;
};

/// A block of bytes that stays as it is while the view lives: read in place, nothing is copied.
///
/// Move-only. Used by one worker: take and release views of one endpoint on one thread at a time (the endpoint says
/// when more is allowed). A view may outlive its endpoint. Hold it briefly: what it holds cannot be used again
/// meanwhile.
class View {
 public:
  View() noexcept = default;
  /// For backends. `owner` may be null when there is nothing to give back.
  View(std::span<const std::byte> bytes, Version version, ViewOwner* owner, std::uint64_t token) noexcept
      : bytes_(bytes), version_(version), owner_(owner), token_(token), held_(true) {}
  View(View&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})),
        version_(std::exchange(other.version_, 0)),
        owner_(std::exchange(other.owner_, nullptr)),
        token_(other.token_),
        held_(std::exchange(other.held_, false)) {}
  View& operator=(View&& other) noexcept {
    View moved(std::move(other));
    std::swap(bytes_, moved.bytes_);
    std::swap(version_, moved.version_);
    std::swap(owner_, moved.owner_);
    std::swap(token_, moved.token_);
    std::swap(held_, moved.held_);
    return *this;
  }
  ~View() {
    if (owner_ != nullptr) owner_->release(token_);
  }

  /// False for a view of nothing: default-constructed, moved from, or the end of a stream.
  explicit operator bool() const noexcept { return held_; }
  /// Aligned to 64 bytes.
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// Of the block; in a stream the batch's sequence number, from 1.
  Version version() const noexcept { return version_; }
  /// Gives it back now.
  void release() noexcept { *this = View(); }

 private:
  std::span<const std::byte> bytes_;
  Version version_ = 0;
  ViewOwner* owner_ = nullptr;
  std::uint64_t token_ = 0;
  bool held_ = false;
};

// ---- The latest version of a block ---------------------------------------------------------------------------------

/// One end of an address under which one writer publishes whole versions and many readers look at the latest.
///
/// Used by one worker; different endpoints, also of one address, are independent of each other. Order of calls:
/// initialize once, then publish (writer) or view and wait (reader), then cleanup, which the destructor does too.
/// Promises of every backend, held by tests/conformance/transport_test.cc: a view shows one whole version; what a
/// reader sees never goes back; a reader never blocks the writer (it takes other memory, or ends with
/// kResourceExhausted); a second writer is refused with kAlreadyExists that names the first; an endpoint whose process
/// dies harms nobody.
class DictionaryBackend {
 public:
  virtual ~DictionaryBackend();

  /// The name in the registry: "shm".
  virtual std::string_view name() const noexcept = 0;

  /// Opens the address. A writer makes it, or takes over what a dead one left, versions included.
  /// Errors: kInvalidArgument (address, options), kAlreadyExists (a writer lives, or the name belongs to another
  /// program), kNotFound (a reader before any writer; wait for it with `wait_until_open`), kPermissionDenied,
  /// kResourceExhausted (memory, disk, readers), kUnsupported (made by another version of Penstock).
  virtual Status initialize(const TransportOptions& options) = 0;

  /// Writer: returns room for at least `max_bytes`, aligned to 64 bytes, not initialised, where the next version is
  /// built in place. Valid until `commit`, `abandon` or the next `begin`. Errors: kResourceExhausted.
  virtual Result<std::span<std::byte>> begin(std::size_t max_bytes) = 0;
  /// Writer, after `begin`: makes the first `size` bytes of the room the latest version and wakes who waits.
  /// Requires `size` at most the room.
  virtual Result<Version> commit(std::size_t size) = 0;
  /// Writer: forgets the room of `begin`. Does nothing without one.
  virtual void abandon() noexcept = 0;

  /// Publishes a copy of `bytes`.
  Result<Version> publish(std::span<const std::byte> bytes);
  /// Publishes what `fill` builds in place: `fill(std::span<std::byte> room)` returns how many bytes it used, as
  /// `std::size_t` or `Result<std::size_t>`; its error is returned and nothing is published.
  template <class F>
    requires requires(F f, std::span<std::byte> room) { Result<std::size_t>(f(room)); }
  Result<Version> publish(std::size_t max_bytes, F&& fill) {
    PENSTOCK_ASSIGN(const std::span<std::byte> room, begin(max_bytes));
    const Result<std::size_t> used = fill(room);
    if (used) return commit(*used);
    abandon();
    return Error(used.error());
  }

  /// Reader: the latest version, held until the view goes; kNotFound before the first one. Several may be held at a
  /// time.
  virtual Result<View> view() = 0;
  /// Reader: waits until there is a version newer than `seen` and returns its number. Errors: kTimeout, kCancelled;
  /// kUnavailable when the writer has closed or died and none newer is there, now or later (a writer that takes over
  /// makes it work again).
  virtual Result<Version> wait(Version seen, const WaitLimit& limit) = 0;

  /// Closes this end. A writer removes what it made, unless the backend keeps things on purpose (LMDB); readers keep
  /// the views that they hold. Further calls do nothing.
  virtual Status cleanup() = 0;
  virtual TransportStats stats() const = 0;
};

// ---- Streams -------------------------------------------------------------------------------------------------------

/// The end of a stream that sends. Every batch goes to every reader that was attached when it was sent, in order, once.
///
/// Used by one worker. With `WhenFull::kWait` it waits for the slowest reader; one that dies stops counting.
class StreamWriter {
 public:
  virtual ~StreamWriter();  ///< Closes.

  /// Lends room for at least `max_bytes`, aligned to 64 bytes, not initialised, to be filled in place. Waits while the
  /// stream is full. Valid until `commit`, `abandon` or the next `begin`. Errors: kTimeout, kCancelled,
  /// kResourceExhausted; kUnavailable when `wait_for_readers` were asked for and all readers have gone.
  virtual Result<std::span<std::byte>> begin(std::size_t max_bytes, const WaitLimit& limit) = 0;
  /// Sends the first `size` bytes of the room; returns the sequence number, from 1. With `WhenFull::kDrop` a number is
  /// used up for what is dropped too.
  virtual Result<Version> commit(std::size_t size) = 0;
  virtual void abandon() noexcept = 0;

  /// Sends a copy of `bytes`.
  Result<Version> send(std::span<const std::byte> bytes, const WaitLimit& limit = {});

  /// Says that no more comes. Readers get what is on the way, then the end.
  virtual Status close() = 0;
  virtual TransportStats stats() const = 0;
};

/// The end of a stream that receives.
///
/// Used by one worker, with one exception: views may be released on any thread, so that they can travel with what was
/// made from them.
class StreamReader {
 public:
  virtual ~StreamReader();  ///< Detaches; batches that it did not take are given back.

  /// The next batch, in place, or a view of nothing at the end of the stream. Errors: kTimeout, kCancelled;
  /// kUnavailable when the writer died without closing and everything that it sent was received.
  virtual Result<View> receive(const WaitLimit& limit) = 0;
  virtual TransportStats stats() const = 0;
};

// ---- Backends by name ----------------------------------------------------------------------------------------------

/// A backend as known by name. A function that is null says that the backend cannot do it, in this build when `missing`
/// tells what to install.
struct TransportInfo {
  std::string name;                      ///< "shm".
  std::string summary;                   ///< One sentence.
  std::vector<OptionInfo> options = {};  ///< What `TransportOptions::more` may hold.
  std::unique_ptr<DictionaryBackend> (*make)() = nullptr;
  Result<std::unique_ptr<StreamWriter>> (*open_writer)(const TransportOptions& options) = nullptr;
  Result<std::unique_ptr<StreamReader>> (*open_reader)(const TransportOptions& options) = nullptr;
  /// For a backend that this build lacks: what to do, "install liblmdb-dev and build again". Empty: it is there.
  std::string missing = {};
  /// What to put into `address` for a fresh private one, for tests and benchmarks: one of each kind that it knows, the
  /// usual one first; `unique` is a short word.
  std::vector<std::string> (*example_addresses)(std::string_view unique) = nullptr;
  /// Says whether readers still get what a writer published or sent just before it was killed. False: what had not left
  /// its process is lost with it.
  bool keeps_what_was_sent = true;
  /// Says why this process cannot use it, and what to do about that. Null: every process can.
  Status (*can_use_here)() = nullptr;
  /// True: its ends live in processes that were started together, none of which may be forked or die alone (MPI).
  bool is_one_job = false;
};

/// The backends known by name. Thread-safe; entries stay valid for ever.
class TransportRegistry {
 public:
  /// The registry of the program; it holds the backends of the library from the start, absent ones too.
  static TransportRegistry& global();

  TransportRegistry();
  ~TransportRegistry();
  TransportRegistry(const TransportRegistry&) = delete;
  TransportRegistry& operator=(const TransportRegistry&) = delete;

  /// kAlreadyExists when the name is taken.
  Status add(TransportInfo info);
  /// kNotFound with the nearest name; kUnsupported with what to install when this build lacks it.
  Result<const TransportInfo*> find(std::string_view name) const;
  /// By name, absent ones too.
  std::vector<const TransportInfo*> all() const;

  /// Makes an endpoint and initializes it.
  Result<std::unique_ptr<DictionaryBackend>> open(std::string_view backend, const TransportOptions& options) const;
  /// kUnsupported when the backend has no streams.
  Result<std::unique_ptr<StreamWriter>> open_writer(std::string_view backend, TransportOptions options) const;
  Result<std::unique_ptr<StreamReader>> open_reader(std::string_view backend, TransportOptions options) const;
  /// Opens as reader, trying again while nobody has made the address yet.
  Result<std::unique_ptr<DictionaryBackend>> wait_until_open(std::string_view backend, TransportOptions options,
                                                             const WaitLimit& limit) const;

 private:
  Result<TransportOptions> check(const TransportInfo& info, TransportOptions options) const;

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace penstock
