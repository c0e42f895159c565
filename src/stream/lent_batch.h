// SPDX-License-Identifier: MIT
// Record batches handed to another process without a copy: a short description of where in shared memory their buffers
// lie.
#pragma once

#include <penstock/batch.h>
#include <penstock/result.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "executor/shared_blocks.h"

namespace penstock {

/// Describes a batch. A column that is one of `input`'s, or its first rows, is described as that. Other buffers are
/// lent where they lie in `memory`, and else copied into the description: those of the heap, and small ones.
class LentBatch {
 public:
  /// `memory` and `input` may be null. The batch must stay as it is until the other side is done with it.
  LentBatch(const RecordBatch& batch, const SharedBlocks* memory, const RecordBatch* input);
  std::size_t size_bytes() const noexcept { return size_; }
  /// `room` is of `size_bytes`, aligned to 64.
  void write(std::span<std::byte> room) const noexcept;

 private:
  struct Copy {
    const void* bytes;
    std::size_t size;
    std::size_t offset;
  };
  std::size_t copy(const void* bytes, std::size_t size);

  std::vector<std::byte> head_;
  std::vector<Copy> copies_;
  std::size_t size_ = 0;
};

/// How a description is read.
struct LentSource {
  /// The lent bytes, or null when there is no such memory.
  std::function<const std::byte*(const BlockPlace&)> lent = {};
  std::shared_ptr<const void> keeper = {};  ///< Of these bytes and those of the description.
  const RecordBatch* input = nullptr;       ///< Whose columns it may name; null: none.
  /// The other side may have gone wild, and still write: everything is checked, and what could lead astray, offsets and
  /// bitmaps, is copied into `pool` first. Null: it is trusted.
  BufferPool* pool = nullptr;
  std::size_t lent_bytes = 0;  ///< Grows by what was lent.
};

/// Errors: kDataLoss when it is no description, or of other columns than `schema` has.
Result<RecordBatch> read_lent_batch(std::span<const std::byte> description, const SchemaPtr& schema,
                                    LentSource& source);

}  // namespace penstock
