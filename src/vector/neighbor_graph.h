// SPDX-License-Identifier: MIT
// The graph of neighbours in which searches walk: hierarchical navigable small worlds (Yu. A. Malkov, D. A. Yashunin,
// 2018), made by hnswlib. This file's source is the only one that includes it.
#pragma once

#include <penstock/result.h>
#include <penstock/vector_store.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// Vectors by slot, a number that the caller gives them, linked to their neighbours.
///
/// `add` may be called by many threads at once, and so may `search`, but not both at the same time; everything else by
/// one thread alone. When one thread adds, the graph depends on nothing but the slots, their vectors and their order.
class NeighborGraph {
 public:
  struct Settings {
    std::uint32_t links = 16;     ///< Of a vector, at most; twice that at the bottom. 2 to 128.
    std::uint32_t breadth = 200;  ///< Candidates that are looked at for the links of one vector. 1 to 10,000.
  };
  struct Found {
    float distance = 0;  ///< As `graph_distance` gives it.
    std::uint32_t slot = 0;
  };

  /// False in a build without hnswlib, where nothing else here may be called.
  static bool is_there() noexcept;
  static Result<std::unique_ptr<NeighborGraph>> create(VectorStore::Shape shape, Settings settings,
                                                       std::size_t capacity);
  /// Takes the links from `saved` and the vector of each slot from `vectors`. Errors: kDataLoss when they do not fit
  /// together; whatever the bytes, no search will leave the graph.
  static Result<std::unique_ptr<NeighborGraph>> load(VectorStore::Shape shape, Settings settings, std::size_t capacity,
                                                     std::string_view saved, std::span<const float> vectors);
  ~NeighborGraph();

  std::size_t size() const noexcept;
  std::size_t capacity() const noexcept;
  /// Makes room for that many.
  Status reserve(std::size_t capacity);
  /// Adds a vector. Requires room, and a slot below the capacity that is not there yet.
  Status add(std::uint32_t slot, const float* vector);
  /// Of a slot that is there.
  const float* vector(std::uint32_t slot) const noexcept;

  /// The nearest slots of which `alive` is not 0, nearest first; at most `k`, and fewer when the walk does not meet
  /// more. `breadth`: how many are kept in sight while walking; more takes longer and misses less.
  std::vector<Found> search(const float* query, std::size_t k, std::size_t breadth,
                            std::span<const std::uint8_t> alive) const;

  /// Appends the links: docs/formats/vectors.md.
  void save(std::string& to) const;

 private:
  struct Impl;
  explicit NeighborGraph(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// What graphs and exact searches compare: for kL2 the square of the distance, else minus the inner product.
using GraphDistance = float (*)(const float* left, const float* right, std::size_t dimension);
GraphDistance graph_distance(Metric metric) noexcept;

}  // namespace penstock
