// SPDX-License-Identifier: MIT
// The shared memory under one address: a header that says whose it is, control words, and windows for blocks of bytes.
#pragma once

#include <penstock/transport.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "platform/shared_region.h"

namespace penstock {

/// A process by number and start time in one word, so that it can be claimed and replaced by one atomic step, and a
/// number that was given to another process later means nobody. 0: nobody.
using ProcessToken = std::uint64_t;

/// The token of this process. Cost: some reads in /proc; not kept, since forks must not inherit it.
ProcessToken this_process_token();
/// Says whether that process still runs; a zombie does not. Cost: about 20 us.
bool is_alive(ProcessToken token);
std::int64_t pid_of(ProcessToken token) noexcept;
/// Says whether this process stands in the word; an end that a fork inherited is not its own.
bool is_own(const std::atomic<ProcessToken>& owner) noexcept;
/// How many forks made this process, as far as the library saw them; an end compares it with what it was when the end
/// was opened, which is cheaper than asking for the process number. Cost: one load.
std::uint32_t fork_generation() noexcept;

/// `kNotices`: src/transport/notice_board.h.
enum class ArenaKind : std::uint32_t { kDictionary = 1, kStream = 2, kNotices = 3 };
/// Returns "dictionary", "stream" or "notices"; "unknown" for anything else.
const char* to_string(ArenaKind kind) noexcept;

/// The place of one reader. `pid_of(owner)` claimed it by a compare-and-swap; only the owner writes to it, except for
/// what src/transport/version_slots.h and batch_ring.h say.
struct alignas(64) ReaderLine {
  std::atomic<ProcessToken> owner{0};
  std::atomic<std::uint64_t> marks{0};    ///< Slots that it holds (dictionary); its first position (stream).
  std::atomic<std::uint32_t> state{0};    ///< Streams only.
  std::atomic<std::uint32_t> waiting{0};  ///< It sleeps, or is about to.
};
constexpr std::size_t kMostReaders = 64;
using ReaderLines = std::array<ReaderLine, kMostReaders>;

/// The first page of an arena; docs/design/shared_memory.md has the layout. Written by the creator before anybody sees
/// it, except for `writer`.
struct ArenaHeader {
  static constexpr std::array<char, 8> kMagic = {'p', 'e', 'n', 's', 't', 'o', 'c', 'k'};
  static constexpr std::uint32_t kLayout = 1;

  std::array<char, 8> magic = kMagic;
  std::uint32_t layout = kLayout;
  ArenaKind kind = ArenaKind::kDictionary;
  std::uint64_t total_bytes = 0;
  std::uint64_t control_bytes = 0;  ///< Header and control words; the first window begins here.
  std::uint64_t window_bytes = 0;
  std::uint32_t windows = 0;
  std::uint32_t max_readers = 0;
  std::uint64_t pid_namespace = 0;
  std::array<char, 40> boot = {};  ///< The kernel's identity of the boot.
  std::array<char, 104> name = {};
  std::uint64_t created_seconds = 0;  ///< Since 1970-01-01 UTC.
  alignas(64) std::atomic<ProcessToken> writer{0};
};

/// Errors: kInvalidArgument when the name is none.
Status check_arena_name(const std::string& name);
/// Where the arena of that name is.
std::string arena_path(const std::string& folder, const std::string& name);
/// Which numbering of processes we live in; numbers of another one mean nothing here.
std::uint64_t own_pid_namespace();
/// The default folder, "/dev/shm".
inline constexpr const char* kArenaFolder = "/dev/shm";

/// How to make an arena.
struct ArenaShape {
  ArenaKind kind = ArenaKind::kDictionary;
  std::size_t control_bytes = 0;  ///< Of the words behind the header.
  std::uint32_t windows = 0;
  std::size_t window_bytes = 0;
  std::uint32_t max_readers = 0;
};

/// Mapped shared memory with an `ArenaHeader`.
///
/// Shared by the endpoints of a process that were made from it. Thread-compatible; the words in it have their own
/// rules.
class Arena {
 public:
  /// Where it is and who may use it.
  struct Place {
    std::string folder = kArenaFolder;
    std::string name = {};
    unsigned mode = 0600;
    std::optional<std::uint32_t> owner = {};  ///< Whose arena a reader accepts besides its own user's and root's.
  };
  /// Sets up the control words in fresh memory, which is all zero.
  using Setup = void (*)(std::byte* control, const ArenaShape& shape);

  /// For parents and children: no name, nothing left behind.
  static Result<std::shared_ptr<Arena>> create_anonymous(const ArenaShape& shape, Setup setup);
  /// Makes the arena of that name with this process as its writer; it appears whole. What a dead writer left of the
  /// same kind is taken over when `may_take_over`, else replaced. Errors: see `DictionaryBackend::initialize`.
  static Result<std::shared_ptr<Arena>> create(const Place& place, const ArenaShape& shape, Setup setup,
                                               bool may_take_over);
  /// Opens it as a reader: windows are read-only.
  static Result<std::shared_ptr<Arena>> open(const Place& place, ArenaKind kind);

  /// How many bytes an arena of that shape takes, as addresses.
  static std::size_t bytes_for(const ArenaShape& shape) noexcept;
  /// Makes one in memory that the caller shares with others and keeps as long as anybody uses the arena: whole pages,
  /// `bytes_for(shape)` of them, all zero or those of an arena that nobody uses any more. This process is its writer.
  static Result<std::shared_ptr<Arena>> create_in(std::span<std::byte> memory, const std::string& name,
                                                  const ArenaShape& shape, Setup setup);
  /// Opens what another process made so, in the same memory.
  static Result<std::shared_ptr<Arena>> open_in(std::span<std::byte> memory, const std::string& name);

  ArenaHeader& header() const noexcept { return *reinterpret_cast<ArenaHeader*>(region_.data()); }
  /// The words behind the header.
  std::byte* control() const noexcept { return region_.data() + kHeaderBytes; }
  std::byte* window(std::uint32_t index) const noexcept {
    return region_.data() + header().control_bytes + index * header().window_bytes;
  }
  std::string name() const { return header().name.data(); }
  /// Memory of a window so that `bytes` fit; `allocated` is its word. Errors: kResourceExhausted.
  Status grow_window(std::uint32_t index, std::atomic<std::uint64_t>& allocated, std::size_t bytes);
  /// Returns what the arena takes now.
  std::uint64_t allocated_bytes() const;
  /// Claims a free place among the readers, or one whose owner died if allowed. Errors: kResourceExhausted.
  Result<std::uint32_t> claim_line(ReaderLines& lines, ProcessToken self, bool may_replace_dead) const;
  /// Removes the name, if it still stands for this arena.
  void remove_name() noexcept;
  /// Windows cannot be written any more by this process.
  void protect_windows() noexcept { region_.protect_from(header().control_bytes); }
  /// Says whether its control words have room for `bytes`; if not, somebody damaged it.
  Status expect_control(std::size_t bytes) const;

 private:
  static constexpr std::size_t kHeaderBytes = 4096;
  static Result<std::shared_ptr<Arena>> fresh(SharedRegion region, const std::string& name, const ArenaShape& shape,
                                              Setup setup, ProcessToken writer);
  static Result<std::shared_ptr<Arena>> existing(const Place& place);
  static Result<std::shared_ptr<Arena>> link_new(const Place& place, const ArenaShape& shape, Setup setup,
                                                 ProcessToken self);
  bool has_its_name() const noexcept;

  SharedRegion region_;
};

/// Something under a name that Penstock made, or seems to have made.
struct ArenaListing {
  std::string path;
  std::string name;              ///< Empty when the file cannot be read.
  const char* kind = "unknown";  ///< That of `to_string(ArenaKind)`, or "unfinished".
  std::int64_t writer_pid = 0;
  bool writer_alive = false;
  std::uint32_t readers_alive = 0;
  std::uint64_t allocated_bytes = 0;
  std::uint64_t created_seconds = 0;
  std::string note;  ///< Why it cannot be judged; empty: it can.
  /// True when its writer and all its readers are gone, so that nobody misses it.
  bool abandoned = false;
};

/// Lists the arenas in the folder, by name.
Result<std::vector<ArenaListing>> list_arenas(const std::string& folder);
/// Removes an abandoned arena; kUnavailable when it is not abandoned any more.
Status remove_arena(const ArenaListing& listing);

}  // namespace penstock
