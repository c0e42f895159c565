// SPDX-License-Identifier: MIT
// Tries every interleaving of the steps of version_slots.cc in a small world: one writer, two readers, three slots, a
// few versions. Each access to shared memory is one step, as sequential consistency allows it;
// docs/design/shared_memory.md says why weaker orders elsewhere add nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

namespace penstock {
namespace {

constexpr int kSlots = 3;
constexpr int kReaders = 2;
constexpr int kVersions = 4;
constexpr int kViews = 2;  // per reader
constexpr int kTorn = -1;

struct Rules {
  bool looks_again = true;     ///< The reader reads `current` again after setting its mark.
  bool respects_marks = true;  ///< The writer leaves marked slots alone.
};

struct Word {
  int version = 0;
  int slot = 0;
  auto operator<=>(const Word&) const = default;
};

struct Reader {
  int step = 0;
  int views = 0;
  Word word;
  int mark = -1;
  auto operator<=>(const Reader&) const = default;
};

struct World {
  Word current;
  std::array<int, kSlots> content = {};  // the version that a slot holds whole
  int writer_step = 0;                   // 0..kReaders-1: read marks; then choose, write, finish, publish
  unsigned marked = 0;
  int slot = 0;
  std::array<Reader, kReaders> readers;
  auto operator<=>(const World&) const = default;
};

/// Explores all reachable worlds.
class Explorer {
 public:
  explicit Explorer(Rules rules) : rules_(rules) {}

  void explore() {
    std::vector<World> open = {World{}};
    while (!open.empty()) {
      const World world = open.back();
      open.pop_back();
      if (!seen.insert(world).second) continue;
      if (World next = world; writer_moves(next)) open.push_back(next);
      for (int i = 0; i < kReaders; ++i) {
        if (World next = world; reader_moves(next, next.readers[static_cast<std::size_t>(i)])) open.push_back(next);
      }
    }
  }

  std::set<World> seen;
  int torn = 0;
  int stuck = 0;
  int all_seen = 0;

 private:
  bool writer_moves(World& world) {
    if (world.current.version == kVersions) return false;
    if (world.writer_step < kReaders) {
      const int mark = world.readers[static_cast<std::size_t>(world.writer_step++)].mark;
      if (mark >= 0) world.marked |= 1U << mark;
      return true;
    }
    switch (world.writer_step++ - kReaders) {
      case 0: return choose(world);
      case 1: world.content[static_cast<std::size_t>(world.slot)] = kTorn; return true;
      case 2: world.content[static_cast<std::size_t>(world.slot)] = world.current.version + 1; return true;
      default:
        world.current = {world.current.version + 1, world.slot};
        world.writer_step = 0;
        world.marked = 0;
        return true;
    }
  }

  bool choose(World& world) {
    for (int slot = 0; slot < kSlots; ++slot) {
      const bool free = (world.marked >> slot & 1U) == 0 || !rules_.respects_marks;
      if (!free || (world.current.version > 0 && slot == world.current.slot)) continue;
      world.slot = slot;
      return true;
    }
    ++stuck;  // both others are marked: it looks again
    world.writer_step = 0;
    world.marked = 0;
    return true;
  }

  bool reader_moves(World& world, Reader& reader) {
    if (reader.views == kViews) return false;
    switch (reader.step++) {
      case 0:
        reader.word = world.current;
        if (reader.word.version == 0) reader.step = 0;
        return reader.word.version != 0;
      case 1: reader.mark = reader.word.slot; return true;
      case 2:
        if (rules_.looks_again && world.current != reader.word) {
          reader.mark = -1;  // a release store in the source; the next step is the next look at `current`
          reader.step = 0;
        }
        return true;
      case 3:
      case 4:
        torn += world.content[static_cast<std::size_t>(reader.word.slot)] == reader.word.version ? 0 : 1;
        return true;
      default:
        reader.mark = -1;
        reader.step = 0;
        ++reader.views;
        all_seen += reader.word.version == kVersions ? 1 : 0;
        return true;
    }
  }

  const Rules rules_;
};

TEST(VersionModel, ShowsNoTornVersionInAnyInterleaving) {
  Explorer explorer({});
  explorer.explore();
  EXPECT_EQ(explorer.torn, 0);
  EXPECT_GT(explorer.all_seen, 0);
  EXPECT_GT(explorer.seen.size(), 10'000U);
}

TEST(VersionModel, NeedsTheSecondLook) {
  Explorer explorer({.looks_again = false});
  explorer.explore();
  EXPECT_GT(explorer.torn, 0);
}

TEST(VersionModel, NeedsTheMarks) {
  Explorer explorer({.respects_marks = false});
  explorer.explore();
  EXPECT_GT(explorer.torn, 0);
}

}  // namespace
}  // namespace penstock
