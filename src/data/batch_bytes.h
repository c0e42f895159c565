// SPDX-License-Identifier: MIT
// Record batches and tensors as one block of bytes that is read in place; docs/formats/batch.md has the layout.
#pragma once

#include <penstock/batch.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace penstock {

/// What a block holds.
enum class BlockKind : std::uint16_t { kRecordBatch = 1, kTensor = 2 };

/// Returns the kind of a block, or kDataLoss when it is none or of a later version.
Result<BlockKind> block_kind(std::span<const std::byte> block);

/// Returns how many bytes `encode_batch` writes. Cost: linear in the columns.
std::size_t encoded_size(const RecordBatch& batch) noexcept;
/// Writes the batch; returns the bytes used, `encoded_size`. Requires that much room, aligned to 64. Cost: one copy.
std::size_t encode_batch(const RecordBatch& batch, std::span<std::byte> room) noexcept;

/// How far a block is trusted. Offsets and counts are always checked, so that no block can make anybody read outside of
/// it.
struct BlockTrust {
  bool texts_are_utf8 = false;  ///< Skip the check of texts, which costs a pass over them.
};

/// kDataLoss unless `offsets` (of `rows` texts) fit `bytes` and, unless that is trusted, every text is UTF-8.
Status check_texts(std::span<const std::uint8_t> offsets, std::span<const std::uint8_t> bytes, std::size_t rows,
                   const std::string& column, const BlockTrust& trust);
/// kDataLoss unless `offsets` (of `rows` images) fit `bytes`, and each value is empty or an image.
Status check_images(std::span<const std::uint8_t> offsets, std::span<const std::uint8_t> bytes, std::size_t rows,
                    const std::string& column);
/// How many of the first `rows` bits are set.
std::size_t count_bits(const std::uint8_t* bits, std::size_t rows) noexcept;

/// Returns the batch in the block, without copying columns: its buffers hold `keeper`. Requires a block aligned to 64
/// that stays as it is while `keeper` lives. Errors: kDataLoss says what is wrong. Cost: linear in columns, null bits,
/// offsets and texts, unless trusted.
Result<RecordBatch> decode_batch(std::span<const std::byte> block, std::shared_ptr<const void> keeper,
                                 const BlockTrust& trust = {});

/// What a tensor looks like; dense, in C order.
struct TensorLayout {
  std::uint32_t element = 0;  ///< A `TensorElement`; not interpreted here.
  std::uint32_t element_bytes = 1;
  std::vector<std::int64_t> shape;
  std::size_t size_bytes = 0;  ///< Of all elements.
};
struct TensorBlock {
  TensorLayout layout;
  std::span<const std::byte> elements;
};
std::size_t encoded_size(const TensorLayout& tensor) noexcept;
/// Writes all but the elements and returns where these go, aligned to 64. Requires at most 32 dimensions.
std::span<std::byte> encode_tensor(const TensorLayout& tensor, std::span<std::byte> room) noexcept;
Result<TensorBlock> decode_tensor(std::span<const std::byte> block);

}  // namespace penstock
