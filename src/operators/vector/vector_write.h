// SPDX-License-Identifier: MIT
// vector.write: the rows of a stream into a store of vectors.
#pragma once

#include <penstock/operator.h>
#include <penstock/vector_store.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "operators/vector/vector_columns.h"

namespace penstock {

/// The options of vector.write.
struct VectorWriteOptions {
  StoreCallOptions calls;
  GivenText id;
  GivenText vector;
  std::vector<std::string> metadata;
  std::string metadata_place;
  GivenText json;  ///< A column with objects of JSON; empty: none.
  bool replaces = true;
  Metric metric = Metric::kCosine;
  std::string description;
  std::size_t batch = 0;
  /// Opens the store; tests have stores of their own.
  std::function<Result<std::unique_ptr<VectorStore>>(const std::string&, const VectorStoreOptions&)> open =
      open_vector_store;
};

std::unique_ptr<Operator> make_vector_write(VectorWriteOptions options);

}  // namespace penstock
