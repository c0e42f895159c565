// SPDX-License-Identifier: MIT
// Parcels and batches as bytes, for workers in other processes of the same program.
#pragma once

#include <memory>
#include <span>

#include "stream/parcel.h"

namespace penstock {

/// Returns how many bytes `encode_batch_for_worker` needs. The batch must be able to cross processes.
std::size_t bytes_for_worker(const Batch& batch) noexcept;
/// Writes the batch into `room`, aligned to 64.
void encode_for_worker(const Batch& batch, std::span<std::byte> room) noexcept;
/// Returns the batch in `bytes`, of the kind that `type` says. Record batches are read in place: their buffers hold
/// `keeper`. Errors: kDataLoss when the bytes are no batch, or of other columns.
Result<Batch> decode_for_worker(std::span<const std::byte> bytes, const StreamType& type,
                                std::shared_ptr<const void> keeper, bool trusted);

/// A parcel laid out for sending: first measured, then written.
class EncodedParcel {
 public:
  explicit EncodedParcel(const Parcel& parcel);
  std::size_t size_bytes() const noexcept { return size_; }
  /// `room` is of `size_bytes`, aligned to 64.
  void write(std::span<std::byte> room) const noexcept;

 private:
  const Parcel& parcel_;
  std::vector<std::byte> account_;
  std::size_t size_ = 0;
};

/// Errors: kDataLoss when the bytes are no parcel. Nothing in them is trusted. `steps`: how many accounts there must
/// be.
Result<Parcel> decode_parcel(std::span<const std::byte> bytes, const StreamType& type, std::size_t steps,
                             std::shared_ptr<const void> keeper);

}  // namespace penstock
