// SPDX-License-Identifier: MIT
// The store that comes with the library: vectors in the memory of this process, and in one file.
#pragma once

#include <penstock/result.h>
#include <penstock/vector_store.h>

#include <cstdint>
#include <memory>
#include <string>

#include "vector/neighbor_graph.h"

namespace penstock {

struct EmbeddedStoreOptions {
  using Open = VectorStoreOptions::Open;

  /// Others may write while a store is open for reading: what they flush later is not seen. One process at a time may
  /// write.
  Open open = Open::kCreate;
  /// With a dimension of 0 that of the file, which must be there then; else it must be that of the file.
  VectorStore::Shape shape = {};
  /// VectorStore::description of a file that is made; else as the file says.
  std::string description = {};
  /// Of a file that is made; else as the file says.
  NeighborGraph::Settings graph = {};
  /// How many candidates a search keeps in sight, at least; more takes longer and misses less. 1 to 16,384.
  std::uint32_t search_breadth = 256;
  /// Up to so many rows searches are exact, and there is no graph.
  std::uint32_t exact_rows = 1024;
};

/// Opens the store in `path` (docs/formats/vectors.md). Thread-safe.
///
/// Searches are exact in a small store and with a filter; else they walk in a graph and may miss some of the nearest.
/// The file has what was flushed, whatever happens to the process; an end of a file that was torn by a kill is left
/// out, and any other damage is an error. When one thread puts rows, the file and the answers depend on nothing but the
/// rows, their order and the calls of `flush` and `close`; when several do, the links in the graph depend on their
/// timing as well. Cost: all vectors, ids and metadata are in memory. A row costs some hundred microseconds for its
/// links. Errors: kNotFound; kUnavailable, naming the process, while another one writes; kDataLoss for a damaged file;
/// kInvalidArgument when its dimension or metric is another.
Result<std::unique_ptr<VectorStore>> open_embedded_store(const std::string& path, const EmbeddedStoreOptions& options);

}  // namespace penstock
