// SPDX-License-Identifier: MIT
// The entries that every contender shares, and what a reader does with them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "timing.h"

namespace penstock::benchmark::dictionary {

struct Meta {
  std::string tag;
  double score = 0;
};

/// {"id", "name", "value", "meta": {"tag", "score"}} under a key of twelve characters.
struct Entry {
  std::string key;
  std::int64_t id = 0;
  std::string name;
  double value = 0;
  Meta meta;
};

inline constexpr std::size_t kSmall = 10'000;
inline constexpr std::size_t kLarge = 1'000'000;
inline constexpr std::size_t kLookups = 100'000;  // keys, asked for again and again

template <std::size_t kCount>
const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = [] {
    std::mt19937_64 random(1);
    std::vector<Entry> made(kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
      char key[32];
      std::snprintf(key, sizeof key, "entry_%06zu", i);
      const auto number = static_cast<std::int64_t>(random() >> 33);
      made[i] = {key,
                 static_cast<std::int64_t>(i),
                 "name_" + std::to_string(number % 100'000),
                 0.25 * static_cast<double>(number % 9973),
                 {"tag_" + std::to_string(i % 17), static_cast<double>(number % 1000)}};
    }
    return made;
  }();
  return all;
}

/// The keys of a seeded sample of the entries.
template <std::size_t kCount>
const std::vector<std::string>& sample() {
  static const std::vector<std::string> keys = [] {
    std::mt19937_64 random(2);
    std::vector<std::string> made;
    for (std::size_t i = 0; i < kLookups; ++i) made.push_back(entries<kCount>()[random() % kCount].key);
    return made;
  }();
  return keys;
}

/// What a scan makes of an entry; exact, since the numbers are small.
inline double seen(std::int64_t id, std::string_view name, double value, std::string_view tag, double score) {
  return static_cast<double>(id) + static_cast<double>(name.size() + static_cast<unsigned char>(name.back())) + value +
         static_cast<double>(tag.size() + static_cast<unsigned char>(tag.back())) + score;
}
/// What a look-up makes of an entry.
inline double found(std::string_view tag, double score) {
  return static_cast<double>(tag.size() + static_cast<unsigned char>(tag.back())) + score;
}

/// Calls `scan()`, which goes over `kCount` entries, until `records` are done; the sum of what it returned.
template <std::size_t kCount, class Scan>
Outcome scans(std::uint64_t records, Scan scan) {
  double sum = 0;
  for (std::uint64_t done = 0; done < records; done += kCount) sum += scan();
  return {.result = static_cast<std::uint64_t>(sum)};
}

/// Calls `look(key)` for `records` keys of the sample.
template <std::size_t kCount, class Look>
Outcome lookups(std::uint64_t records, Look look) {
  const std::vector<std::string>& keys = sample<kCount>();
  double sum = 0;
  for (std::uint64_t done = 0, at = 0; done < records; ++done) {
    sum += look(keys[at]);
    if (++at == kLookups) at = 0;
  }
  return {.result = static_cast<std::uint64_t>(sum)};
}

/// Calls `build()`, which makes the bytes of `kCount` entries, until `records` are done. The result is the number of
/// entries made.
template <std::size_t kCount, class Build>
Outcome builds(std::uint64_t records, Build build) {
  std::uint64_t made = 0;
  while (made < records) made += build();
  return {.result = made};
}

inline constexpr const char* kNames[2][3] = {
    {"build, 10,000 entries", "look up a key, 10,000 entries", "scan all fields, 10,000 entries"},
    {"build, 1,000,000 entries", "look up a key, 1,000,000 entries", "scan all fields, 1,000,000 entries"}};
inline constexpr std::uint64_t kSmallWork = 10'000'000;
inline constexpr std::uint64_t kLargeWork = 3'000'000;

/// Registers three runs under the names of the groups for `kCount` entries.
template <std::size_t kCount>
std::vector<Contender> contenders(const char* name, Outcome (*build)(std::uint64_t), Outcome (*look)(std::uint64_t),
                                  Outcome (*scan)(std::uint64_t), bool baseline = false) {
  const auto& names = kNames[kCount == kSmall ? 0 : 1];
  const std::uint64_t work = kCount == kSmall ? kSmallWork : kLargeWork;
  std::vector<Contender> all;
  if (build != nullptr) all.push_back({names[0], name, build, baseline, work});
  if (look != nullptr) all.push_back({names[1], name, look, baseline, work});
  if (scan != nullptr) all.push_back({names[2], name, scan, baseline, work});
  return all;
}

}  // namespace penstock::benchmark::dictionary
