// SPDX-License-Identifier: MIT
// The key tables that a builder knows, and how it finds the one of a dict whose keys come one by one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace penstock {

/// A tree of keys: a path from its root is the keys of a dict in their order.
///
/// Used by one worker. The next key is guessed to be one of the two that came next last, so dicts with the same keys
/// cost a comparison per key, also when they hold one another.
class ShapeTable {
 public:
  using Node = std::uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr std::uint32_t kNone = static_cast<std::uint32_t>(-1);

  ShapeTable() : nodes_(1) {}

  /// Returns the node of the keys so far and one more.
  Node next(Node from, std::string_view key) {
    for (const Node guess : nodes_[from].guesses) {
      if (guess != kRoot && nodes_[guess].key == key) return guess;
    }
    return search(from, key);
  }
  std::size_t num_keys(Node node) const { return nodes_[node].num_keys; }
  /// Returns the keys of the node in order; the texts are good until the table grows.
  std::vector<std::string_view> keys(Node node) const;

  /// Returns the number of the node's shape: 0, 1, … in the order of asking.
  std::uint32_t shape(Node node);
  std::size_t num_shapes() const { return shapes_.size(); }
  Node node_of(std::uint32_t shape) const { return shapes_[shape]; }

 private:
  struct Entry {
    std::string key;
    Node parent = kRoot;
    Node guesses[2] = {kRoot, kRoot};  // what came after it last; the root: nothing yet
    std::uint32_t num_keys = 0;
    std::uint32_t shape = kNone;
  };
  Node search(Node from, std::string_view key);
  Node remember(Node from, Node child);

  std::vector<Entry> nodes_;
  std::vector<Node> shapes_;
  std::unordered_multimap<std::uint64_t, Node> children_;  // by hash of parent and key
};

}  // namespace penstock
