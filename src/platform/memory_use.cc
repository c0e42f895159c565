// SPDX-License-Identifier: MIT
#include "platform/memory_use.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "platform/file.h"

namespace penstock {
namespace {

constexpr std::uint64_t kKibi = 1024;

std::string contents_of(const std::string& path) { return read_file(path, 1 << 20).value_or(std::string()); }

// The number behind `label` at the beginning of a line; 0 where there is none. An empty label: the first line.
std::uint64_t number_behind(std::string_view text, std::string_view label) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (line.substr(0, label.size()) != label) continue;
    line.remove_prefix(label.size());
    line.remove_prefix(std::min(line.find_first_not_of(" :"), line.size()));
    std::uint64_t value = 0;
    std::from_chars(line.data(), line.data() + line.size(), value);
    return value;
  }
  return 0;
}

// "some avg10=1.25 avg60=…" as 1.25.
double stalled_percent_in(const std::string& text) {
  const std::string_view label = "some avg10=";
  const std::size_t at = text.find(label);
  double value = 0;
  if (at != std::string::npos) std::from_chars(text.data() + at + label.size(), text.data() + text.size(), value);
  return value;
}

/// The names of a control group's files.
struct GroupFiles {
  bool version2;
  const char* base;
  const char* limit;
  const char* use;
  const char* droppable;  // in memory.stat
};
constexpr GroupFiles kVersion2 = {true, "/sys/fs/cgroup", "/memory.max", "/memory.current", "inactive_file"};
constexpr GroupFiles kVersion1 = {false, "/sys/fs/cgroup/memory", "/memory.limit_in_bytes", "/memory.usage_in_bytes",
                                  "total_inactive_file"};

MemoryUse use_of_group(const std::string& folder, const GroupFiles& files) {
  MemoryUse use;
  use.limit_bytes = number_behind(contents_of(folder + files.limit), "");  // "max": none
  if (use.limit_bytes == 0) return use;
  const std::uint64_t used = number_behind(contents_of(folder + files.use), "");
  use.used_bytes = used - std::min(used, number_behind(contents_of(folder + "/memory.stat"), files.droppable));
  use.stalled_percent = stalled_percent_in(contents_of(folder + "/memory.pressure"));
  return use;
}

// Where in the tree of groups this process is, as /proc/self/cgroup says: "0::/a/b", or "9:memory:/a/b".
std::string group_path(const std::string& text, bool version2) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool fits =
        version2 ? controllers.empty() : ("," + std::string(controllers) + ",").find(",memory,") != std::string::npos;
    if (fits) return std::string(line.substr(second + 1));
  }
  return {};
}

// Of the machine, of the group and of all groups around it. In a container the path may be one that only the outside
// knows; its groups are then not found, but the outermost that is seen is.
std::vector<MemoryUse> all_bounds(const std::string& root) {
  const std::string machine = contents_of(root + "/proc/meminfo");
  MemoryUse whole;
  whole.limit_bytes = number_behind(machine, "MemTotal:") * kKibi;
  const std::uint64_t available = number_behind(machine, "MemAvailable:") * kKibi;
  whole.used_bytes = whole.limit_bytes - std::min(whole.limit_bytes, available);
  whole.stalled_percent = stalled_percent_in(contents_of(root + "/proc/pressure/memory"));
  std::vector<MemoryUse> bounds = {whole};
  const std::string groups = contents_of(root + "/proc/self/cgroup");
  for (const GroupFiles& files : {kVersion2, kVersion1}) {
    std::string path = group_path(groups, files.version2);
    while (!path.empty() && path.back() == '/') path.pop_back();
    for (;;) {
      const MemoryUse use = use_of_group(root + files.base + path, files);
      // Version 1 writes a very large number where there is no limit.
      if (use.limit_bytes > 0 && (whole.limit_bytes == 0 || use.limit_bytes < whole.limit_bytes)) bounds.push_back(use);
      if (path.empty()) break;
      path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
  }
  return bounds;
}

double share_in_use(const MemoryUse& use) {
  return use.limit_bytes == 0 ? 0 : static_cast<double>(use.used_bytes) / static_cast<double>(use.limit_bytes);
}

}  // namespace

MemoryUse memory_use(const std::string& root) {
  const std::vector<MemoryUse> bounds = all_bounds(root);
  const auto tightest = std::max_element(bounds.begin(), bounds.end(), [](const MemoryUse& a, const MemoryUse& b) {
    return share_in_use(a) < share_in_use(b);
  });
  MemoryUse use = *tightest;
  for (const MemoryUse& bound : bounds) use.stalled_percent = std::max(use.stalled_percent, bound.stalled_percent);
  return use;
}

std::uint64_t memory_limit_bytes(const std::string& root) {
  std::uint64_t lowest = 0;
  for (const MemoryUse& bound : all_bounds(root)) {
    if (bound.limit_bytes > 0 && (lowest == 0 || bound.limit_bytes < lowest)) lowest = bound.limit_bytes;
  }
  return lowest;
}

}  // namespace penstock
