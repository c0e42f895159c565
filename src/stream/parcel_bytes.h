// SPDX-License-Identifier: MIT
// Parcels and batches as bytes, for workers in other processes of the same program.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "stream/lent_batch.h"
#include "stream/parcel.h"

namespace penstock {

/// A batch laid out for the other side: a record batch is lent, see lent_batch.h, the bytes of typed records are
/// copied. The batch must be able to cross processes.
class BatchForWorker {
 public:
  BatchForWorker(const Batch& batch, const SharedBlocks* memory, const RecordBatch* input);
  std::size_t size_bytes() const noexcept;
  /// `room` is of `size_bytes`, aligned to 64.
  void write(std::span<std::byte> room) const noexcept;

 private:
  std::optional<LentBatch> lent_;
  std::span<const std::byte> flat_;
};

/// Returns the batch in `bytes`, of the kind that `type` says. Errors: kDataLoss when the bytes are no batch, or of
/// other columns.
Result<Batch> batch_for_worker(std::span<const std::byte> bytes, const StreamType& type, LentSource& source);

/// A parcel laid out for sending: first measured, then written. It must stay as it is until nobody reads what it lent.
class EncodedParcel {
 public:
  /// `memory`, `input`: of record batches, see LentBatch.
  EncodedParcel(const Parcel& parcel, const SharedBlocks* memory, const RecordBatch* input);
  std::size_t size_bytes() const noexcept { return size_; }
  /// `room` is of `size_bytes`, aligned to 64.
  void write(std::span<std::byte> room) const noexcept;

 private:
  std::vector<BatchForWorker> batches_;
  std::vector<std::byte> account_;
  std::size_t size_ = 0;
};

/// Errors: kDataLoss when the bytes are no parcel. Nothing in them is trusted. `steps`: how many accounts there must
/// be.
Result<Parcel> decode_parcel(std::span<const std::byte> bytes, const StreamType& type, std::size_t steps,
                             LentSource& source);

}  // namespace penstock
