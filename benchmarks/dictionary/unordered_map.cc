// SPDX-License-Identifier: MIT
// A map in the memory of one process: what reading in place is compared with when nothing is shared.
#include <unordered_map>

#include "workload.h"

namespace penstock::benchmark::dictionary {
namespace {

using Map = std::unordered_map<std::string, Entry>;

void fill(Map& map, const std::vector<Entry>& all) {
  map.clear();
  map.reserve(all.size());
  for (const Entry& each : all) map.emplace(each.key, each);
}

template <std::size_t kCount>
const Map& made() {
  static const Map map = [] {
    Map filled;
    fill(filled, entries<kCount>());
    return filled;
  }();
  return map;
}

template <std::size_t kCount>
Outcome build(std::uint64_t records) {
  static Map map;
  const std::vector<Entry>& all = entries<kCount>();
  return builds<kCount>(records, [&] {
    fill(map, all);
    return map.size();
  });
}

template <std::size_t kCount>
Outcome look(std::uint64_t records) {
  const Map& map = made<kCount>();
  return lookups<kCount>(records, [&](const std::string& key) {
    const Entry& entry = map.find(key)->second;
    return found(entry.meta.tag, entry.meta.score);
  });
}

template <std::size_t kCount>
Outcome scan(std::uint64_t records) {
  const Map& map = made<kCount>();
  return scans<kCount>(records, [&] {
    double sum = 0;
    for (const auto& [key, entry] : map)
      sum += seen(entry.id, entry.name, entry.value, entry.meta.tag, entry.meta.score);
    return sum;
  });
}

constexpr const char* kName = "std::unordered_map, not shared";
const Register small(contenders<kSmall>(kName, build<kSmall>, look<kSmall>, scan<kSmall>));
const Register large(contenders<kLarge>(kName, build<kLarge>, look<kLarge>, scan<kLarge>));

}  // namespace
}  // namespace penstock::benchmark::dictionary
