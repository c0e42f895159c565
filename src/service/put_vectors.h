// SPDX-License-Identifier: MIT
// The end of a pipeline whose store is open already: `vector.write` opens its own.
#pragma once

#include <penstock/images.h>

#include <functional>
#include <memory>

namespace penstock {

/// Where the rows of a run go.
struct VectorsTo {
  VectorStore* store = nullptr;
  bool replace = false;
  PutCounts* counts = nullptr;              ///< Of the run.
  std::function<void(ImageError)> refused;  ///< Is told of rows that no store can have.
  InsertListener* listener = nullptr;       ///< May be null.
};

/// Makes a sink that puts the columns id, vector and metadata into a store, and flushes it at the end of the run.
std::shared_ptr<const OperatorFactory> put_vectors(VectorsTo to);

}  // namespace penstock
