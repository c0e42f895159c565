// SPDX-License-Identifier: MIT
// The backend "shm": names, options and roles around version_slots and batch_ring.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "transport/arena.h"
#include "transport/batch_ring.h"
#include "transport/builtin.h"
#include "transport/version_slots.h"

namespace penstock {
namespace {

constexpr std::size_t kShmPage = 4096;
constexpr std::size_t kLargestWindow = std::size_t{16} << 30;
// Of addresses, not of memory: what all blocks of a stream share unless `max_bytes` is given.
constexpr std::size_t kStreamAddresses = std::size_t{256} << 30;

std::vector<OptionInfo> shm_options() {
  return {
      {.name = "folder",
       .kind = OptionKind::kText,
       .doc = "Memory file system that holds it; one mounted with huge=always makes growing cheaper.",
       .default_value = kArenaFolder},
      {.name = "max_bytes",
       .kind = OptionKind::kBytes,
       .doc = "Most bytes of a block; addresses, not memory, are set aside for it. 0: 16 GiB, for deep streams less.",
       .default_value = 0,
       .example = "\"64GiB\""},
      {.name = "owner",
       .kind = OptionKind::kInteger,
       .doc = "User id whose shared memory is trusted besides one's own and root's."},
  };
}

Arena::Place place_from(const TransportOptions& options) {
  Arena::Place place;
  place.folder = options.more.has("folder") ? options.more.text("folder") : std::string(kArenaFolder);
  place.name = options.address;
  place.mode = options.mode;
  if (options.more.has("owner")) place.owner = static_cast<std::uint32_t>(options.more.integer("owner"));
  return place;
}

Result<std::size_t> window_from(const TransportOptions& options, std::size_t otherwise) {
  const std::int64_t asked = options.more.has("max_bytes") ? options.more.integer("max_bytes") : 0;
  constexpr std::int64_t kMost = std::int64_t{1} << 44;
  if (asked < 0 || asked > kMost) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("max_bytes must be in [0, {}], but is {}", kMost, asked));
  }
  const std::size_t bytes = asked == 0 ? otherwise : static_cast<std::size_t>(asked);
  return (std::max(bytes, options.capacity_bytes) + kShmPage - 1) / kShmPage * kShmPage;
}

class SharedMemoryDictionary final : public DictionaryBackend {
 public:
  ~SharedMemoryDictionary() override { (void)SharedMemoryDictionary::cleanup(); }

  std::string_view name() const noexcept override { return "shm"; }

  Status initialize(const TransportOptions& options) override {
    PENSTOCK_CHECK(arena_ == nullptr, "initialize: called twice");
    const Arena::Place place = place_from(options);
    if (options.role == TransportRole::kReader) {
      PENSTOCK_ASSIGN(std::shared_ptr<Arena> arena, Arena::open(place, ArenaKind::kDictionary));
      PENSTOCK_ASSIGN(reader_, VersionReader::open(arena));
      arena_ = std::move(arena);
      return {};
    }
    PENSTOCK_ASSIGN(const std::size_t window, window_from(options, kLargestWindow));
    const ArenaShape shape = version_shape(window, options.max_readers);
    PENSTOCK_ASSIGN(arena_, Arena::create(place, shape, set_up_versions, true));
    Result<std::unique_ptr<VersionWriter>> writer = VersionWriter::open(arena_, options.capacity_bytes);
    if (writer) {
      writer_ = std::move(*writer);
      return {};
    }
    remove();
    return Error(std::move(writer).error());
  }

  Result<std::span<std::byte>> begin(std::size_t max_bytes) override { return writer().begin(max_bytes); }
  Result<Version> commit(std::size_t size) override { return writer().commit(size); }
  void abandon() noexcept override { writer().abandon(); }
  Result<View> view() override { return reader().view(); }
  Result<Version> wait(Version seen, const WaitLimit& limit) override { return reader().wait(seen, limit); }

  Status cleanup() override {
    reader_.reset();
    if (arena_ != nullptr && writer_ != nullptr) {
      writer_.reset();
      remove();
    }
    arena_.reset();
    return {};
  }

  TransportStats stats() const override {
    if (reader_ != nullptr) return reader_->stats();
    return writer_ != nullptr ? writer_->stats() : TransportStats();
  }

 private:
  // The name goes while we still own it, so that nobody else's is removed.
  void remove() noexcept {
    if (!is_own(arena_->header().writer)) return;
    arena_->remove_name();
    arena_->header().writer.store(0, std::memory_order_release);
    arena_.reset();
  }
  VersionWriter& writer() const noexcept {
    PENSTOCK_CHECK(writer_ != nullptr, "only an initialized writer publishes");
    return *writer_;
  }
  VersionReader& reader() const noexcept {
    PENSTOCK_CHECK(reader_ != nullptr, "only an initialized reader looks");
    return *reader_;
  }

  std::shared_ptr<Arena> arena_;
  std::unique_ptr<VersionWriter> writer_;
  std::unique_ptr<VersionReader> reader_;
};

std::unique_ptr<DictionaryBackend> make_shared_dictionary() { return std::make_unique<SharedMemoryDictionary>(); }

Result<std::unique_ptr<StreamWriter>> open_writer(const TransportOptions& options) {
  const std::size_t share = std::bit_floor(kStreamAddresses / std::bit_ceil(options.depth));
  PENSTOCK_ASSIGN(const std::size_t window, window_from(options, std::min(kLargestWindow, share)));
  const ArenaShape shape = ring_shape(window, options.depth, options.max_readers);
  PENSTOCK_ASSIGN(std::shared_ptr<Arena> arena, Arena::create(place_from(options), shape, set_up_ring, false));
  Result<std::unique_ptr<StreamWriter>> writer =
      open_ring_writer(arena, {options.capacity_bytes, options.when_full, options.wait_for_readers});
  if (!writer) arena->remove_name();
  return writer;
}

Result<std::unique_ptr<StreamReader>> open_reader(const TransportOptions& options) {
  PENSTOCK_ASSIGN(std::shared_ptr<Arena> arena, Arena::open(place_from(options), ArenaKind::kStream));
  return open_ring_reader(std::move(arena));
}

std::vector<std::string> example_names(std::string_view unique) {
  return {fmt::format("example-{}-{}", ::getpid(), unique)};
}

}  // namespace

TransportInfo shared_memory_transport() {
  return {.name = "shm",
          .summary = "Shared memory of one machine: the fastest, in place, gone with the machine's power.",
          .options = shm_options(),
          .make = make_shared_dictionary,
          .open_writer = open_writer,
          .open_reader = open_reader,
          .missing = {},
          .example_addresses = example_names};
}

}  // namespace penstock
