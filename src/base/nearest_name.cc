// SPDX-License-Identifier: MIT
#include "base/nearest_name.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Optimal string alignment distance (Damerau 1964, restricted).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view wrong, std::span<const std::string> known) {
  std::size_t best = std::max<std::size_t>(1, wrong.size() / 3) + 1;
  std::string name;
  for (const std::string& candidate : known) {
    const std::size_t d = distance(wrong, candidate);
    if (d < best) {
      best = d;
      name = candidate;
    }
  }
  return name;
}

std::string suggest_name(std::string_view wrong, std::span<const std::string> known) {
  if (known.empty()) return {};
  if (const std::string name = nearest_name(wrong, known); !name.empty())
    return fmt::format("did you mean \"{}\"?", name);
  return fmt::format("known: {}", fmt::join(known, ", "));
}

}  // namespace penstock
