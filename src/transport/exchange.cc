// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/exchange.h>

#include <cstring>

#include "base/check.h"
#include "data/batch_bytes.h"

namespace penstock {
namespace {

// Bytes that the shape asks for, or nothing when it cannot be.
Result<std::size_t> bytes_of(const Tensor& tensor) {
  std::size_t bytes = size_of(tensor.type);
  bool fits = bytes > 0 && tensor.shape.size() <= 32;
  for (const std::int64_t extent : tensor.shape) {
    fits = fits && extent >= 0 && !__builtin_mul_overflow(bytes, static_cast<std::size_t>(extent), &bytes);
  }
  if (fits) return bytes;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("a tensor cannot have the shape [{}]", fmt::join(tensor.shape, ", ")));
}

TensorLayout layout_of(const Tensor& tensor, std::size_t bytes) {
  return {static_cast<std::uint32_t>(tensor.type), static_cast<std::uint32_t>(size_of(tensor.type)), tensor.shape,
          bytes};
}

Status expect_fitting_bytes(const Tensor& tensor, std::size_t bytes) {
  if (bytes == tensor.bytes.size()) return {};
  return Error(ErrorCode::kInvalidArgument, fmt::format("a tensor of shape [{}] has {} bytes, but {} were given",
                                                        fmt::join(tensor.shape, ", "), bytes, tensor.bytes.size()));
}

std::span<std::byte> room_in(Buffer& buffer) {
  return {reinterpret_cast<std::byte*>(buffer.mutable_data()), buffer.size()};
}

}  // namespace

Exchange::Exchange(std::unique_ptr<StreamWriter> writer, std::unique_ptr<StreamReader> reader) noexcept
    : writer_(std::move(writer)), reader_(std::move(reader)) {}
Exchange::Exchange(Exchange&&) noexcept = default;
Exchange& Exchange::operator=(Exchange&&) noexcept = default;
Exchange::~Exchange() = default;

Result<Exchange> Exchange::create(const TransportOptions& options, std::string_view backend) {
  PENSTOCK_ASSIGN(auto writer, TransportRegistry::global().open_writer(backend, options));
  return Exchange(std::move(writer), nullptr);
}

Result<Exchange> Exchange::attach(const TransportOptions& options, std::string_view backend) {
  PENSTOCK_ASSIGN(auto reader, TransportRegistry::global().open_reader(backend, options));
  return Exchange(nullptr, std::move(reader));
}

Status Exchange::send(const RecordBatch& batch, const WaitLimit& limit) {
  PENSTOCK_CHECK(writer_ != nullptr, "only the end that made the exchange sends");
  const std::size_t bytes = encoded_size(batch);
  PENSTOCK_ASSIGN(const std::span<std::byte> room, writer_->begin(bytes, limit));
  PENSTOCK_TRY(writer_->commit(encode_batch(batch, room)));
  return {};
}

Result<std::span<std::byte>> Exchange::begin(const Tensor& like, const WaitLimit& limit) {
  PENSTOCK_CHECK(writer_ != nullptr, "only the end that made the exchange sends");
  PENSTOCK_ASSIGN(const std::size_t bytes, bytes_of(like));
  const TensorLayout layout = layout_of(like, bytes);
  begun_bytes_ = encoded_size(layout);
  PENSTOCK_ASSIGN(const std::span<std::byte> room, writer_->begin(begun_bytes_, limit));
  return encode_tensor(layout, room);
}

Status Exchange::commit() {
  PENSTOCK_CHECK(writer_ != nullptr, "only the end that made the exchange sends");
  PENSTOCK_TRY(writer_->commit(begun_bytes_));
  return {};
}

Status Exchange::send(const Tensor& tensor, const WaitLimit& limit) {
  PENSTOCK_ASSIGN(const std::size_t bytes, bytes_of(tensor));
  PENSTOCK_TRY(expect_fitting_bytes(tensor, bytes));
  PENSTOCK_ASSIGN(const std::span<std::byte> room, begin(tensor, limit));
  if (!room.empty()) std::memcpy(room.data(), tensor.bytes.data(), room.size());
  return commit();
}

Status Exchange::close() { return writer_ != nullptr ? writer_->close() : Status(); }

Result<Received> Exchange::receive(const WaitLimit& limit) {
  PENSTOCK_CHECK(reader_ != nullptr, "only an end that attached to the exchange receives");
  PENSTOCK_ASSIGN(View view, reader_->receive(limit));
  if (!view) return Received();
  const std::span<const std::byte> block = view.bytes();
  return from_block(block, std::make_shared<const View>(std::move(view)));
}

Buffer to_block(const RecordBatch& batch, BufferPool& pool) {
  const std::size_t size = encoded_size(batch);
  Buffer block = pool.allocate(size);
  block.set_size(size);
  (void)encode_batch(batch, room_in(block));
  return block;
}

Result<Buffer> to_block(const Tensor& tensor, BufferPool& pool) {
  PENSTOCK_ASSIGN(const std::size_t bytes, bytes_of(tensor));
  PENSTOCK_TRY(expect_fitting_bytes(tensor, bytes));
  const TensorLayout layout = layout_of(tensor, bytes);
  const std::size_t size = encoded_size(layout);
  Buffer block = pool.allocate(size);
  block.set_size(size);
  const std::span<std::byte> elements = encode_tensor(layout, room_in(block));
  if (bytes > 0) std::memcpy(elements.data(), tensor.bytes.data(), bytes);
  return block;
}

Result<Received> from_block(std::span<const std::byte> block, std::shared_ptr<const void> keeper) {
  if (reinterpret_cast<std::uintptr_t>(block.data()) % 64 != 0) {
    return Error(ErrorCode::kInvalidArgument, "a block must begin at a multiple of 64 bytes")
        .hint("copy it into a Buffer");
  }
  PENSTOCK_ASSIGN(const BlockKind kind, block_kind(block));
  if (kind == BlockKind::kRecordBatch) {
    PENSTOCK_ASSIGN(RecordBatch batch, decode_batch(block, std::move(keeper)));
    return Received(std::move(batch));
  }
  PENSTOCK_ASSIGN(TensorBlock tensor, decode_tensor(block));
  const auto type = static_cast<TensorElement>(tensor.layout.element);
  if (size_of(type) == 0 || size_of(type) != tensor.layout.element_bytes) {
    return Error(ErrorCode::kDataLoss,
                 fmt::format("a tensor has elements of an unknown type: {}", tensor.layout.element));
  }
  return Received(Tensor{type, std::move(tensor.layout.shape), tensor.elements, std::move(keeper)});
}

TransportStats Exchange::stats() const { return writer_ != nullptr ? writer_->stats() : reader_->stats(); }

}  // namespace penstock
