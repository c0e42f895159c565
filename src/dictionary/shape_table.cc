// SPDX-License-Identifier: MIT
#include "dictionary/shape_table.h"

#include <algorithm>

#include "dictionary/key_hash.h"

namespace penstock {

ShapeTable::Node ShapeTable::search(Node from, std::string_view key) {
  const std::uint64_t hash = key_hash(key, from);
  const auto [first, last] = children_.equal_range(hash);
  for (auto child = first; child != last; ++child) {
    const Entry& entry = nodes_[child->second];
    if (entry.parent == from && entry.key == key) return remember(from, child->second);
  }
  const auto made = static_cast<Node>(nodes_.size());
  nodes_.push_back({.key = std::string(key), .parent = from, .num_keys = nodes_[from].num_keys + 1});
  children_.emplace(hash, made);
  return remember(from, made);
}

ShapeTable::Node ShapeTable::remember(Node from, Node child) {
  Entry& entry = nodes_[from];
  entry.guesses[1] = entry.guesses[0];
  return entry.guesses[0] = child;
}

std::vector<std::string_view> ShapeTable::keys(Node node) const {
  std::vector<std::string_view> keys;
  for (; node != kRoot; node = nodes_[node].parent) keys.push_back(nodes_[node].key);
  std::reverse(keys.begin(), keys.end());
  return keys;
}

std::uint32_t ShapeTable::shape(Node node) {
  std::uint32_t& shape = nodes_[node].shape;
  if (shape == kNone) {
    shape = static_cast<std::uint32_t>(shapes_.size());
    shapes_.push_back(node);
  }
  return shape;
}

}  // namespace penstock
