// SPDX-License-Identifier: MIT
// Decodes arbitrary bytes as a block; what is accepted must be readable to its last value and be the same when it is
// encoded and decoded again.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "data/batch_bytes.h"

namespace {

using penstock::RecordBatch;

struct Free {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};

// Aligned, and of exactly this size on the heap, so that reading too far is seen.
std::unique_ptr<std::byte, Free> aligned_copy(const void* from, std::size_t size) {
  void* copy = nullptr;
  if (posix_memalign(&copy, 64, size + 1) != 0) std::abort();
  if (size > 0) std::memcpy(copy, from, size);
  return std::unique_ptr<std::byte, Free>(static_cast<std::byte*>(copy));
}

std::string text_of(const RecordBatch& batch) {
  std::string text = batch.schema().to_text();
  for (std::size_t i = 0; i < batch.num_rows() && batch.num_columns() > 0; ++i) text += batch.row_to_json(i);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto block = aligned_copy(data, size);
  (void)penstock::decode_tensor({block.get(), size});
  const auto batch = penstock::decode_batch({block.get(), size}, nullptr);
  if (!batch) return 0;
  const std::size_t again_size = penstock::encoded_size(*batch);
  const auto again = aligned_copy(std::string(again_size, 'x').data(), again_size);
  if (penstock::encode_batch(*batch, {again.get(), again_size}) != again_size) std::abort();
  const auto back = penstock::decode_batch({again.get(), again_size}, nullptr);
  if (!back || back->num_rows() != batch->num_rows() || text_of(*back) != text_of(*batch)) {
    std::fprintf(stderr, "a batch changed when it was encoded again\n");
    std::abort();
  }
  return 0;
}
