// SPDX-License-Identifier: MIT
// Operators that embed in this process: rows with a tensor get a vector, with whatever Embedder is behind.
#pragma once

#include <penstock/embedder.h>

#include <memory>

#include "operators/embed/vector_column.h"

namespace penstock {

/// Makes the embedder of one worker, when it is known what its tensors are like.
class EmbedderSource {
 public:
  virtual ~EmbedderSource();
  /// Errors: kInvalidArgument says what kind of tensors would do.
  virtual Result<std::unique_ptr<Embedder>> make(const TensorType& tensor) = 0;
  /// Of the note on the plan; may be empty.
  virtual std::string note() const { return {}; }
};

struct LocalEmbedOptions {
  const char* op = "";
  VectorColumnOptions columns = {};
  std::size_t most_rows = 64;  ///< That the embedder is given at once.
};

/// The operator: a null tensor has a null vector, and a vector with a value that is no finite number rejects its row.
std::unique_ptr<Operator> make_local_embed(LocalEmbedOptions options, std::unique_ptr<EmbedderSource> source);

}  // namespace penstock
