// SPDX-License-Identifier: MIT
// Record batches and tensors between processes that need not know each other: attach by name, read in place.
#pragma once

#include <penstock/batch.h>
#include <penstock/transport.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock {

/// A dense array in C order, not owned: its elements stay while `keeper` lives, or as long as the sender keeps them.
struct Tensor {
  TensorElement type = TensorElement::kU8;
  std::vector<std::int64_t> shape = {};
  std::span<const std::byte> bytes = {};  ///< Aligned to 64 when received.
  std::shared_ptr<const void> keeper = {};
};

/// What `Exchange::receive` gives: nothing at the end of the stream.
using Received = std::variant<std::monostate, RecordBatch, Tensor>;

/// What an exchange sends for it, as a block of bytes for other ways: a version under an address, a file, a program in
/// Python. docs/formats/batch.md has the layout. Cost: one copy.
Buffer to_block(const RecordBatch& batch, BufferPool& pool = BufferPool::shared());
/// kInvalidArgument when shape and bytes do not fit each other.
Result<Buffer> to_block(const Tensor& tensor, BufferPool& pool = BufferPool::shared());
/// Returns what is in a block from anywhere, without a copy; it holds `keeper`. Requires that the block stays as it is
/// while `keeper` lives. Errors: kInvalidArgument when it is not aligned to 64; kDataLoss says what is wrong with it;
/// kUnsupported for a later version of the layout. Cost: linear in columns, nulls and texts.
Result<Received> from_block(std::span<const std::byte> block, std::shared_ptr<const void> keeper);

/// One end of a stream of record batches and tensors under a name.
///
/// Used by one worker; what was received may travel to other threads and live longer than the end. What was received is
/// not copied: it holds its place in the stream, so that who keeps `depth` of them stops the sender.
class Exchange {
 public:
  /// Makes the stream and becomes its sender. Errors: those of `TransportRegistry::open_writer`.
  static Result<Exchange> create(const TransportOptions& options, std::string_view backend = "shm");
  /// Becomes a receiver. Errors: those of `TransportRegistry::open_reader`; kNotFound before the sender came.
  static Result<Exchange> attach(const TransportOptions& options, std::string_view backend = "shm");

  Exchange(Exchange&&) noexcept;
  Exchange& operator=(Exchange&&) noexcept;
  ~Exchange();  ///< Closes.

  /// Sends a copy. Cost: one copy of the columns, straight into the shared block.
  Status send(const RecordBatch& batch, const WaitLimit& limit = {});
  /// kInvalidArgument when shape and bytes do not fit each other.
  Status send(const Tensor& tensor, const WaitLimit& limit = {});
  /// Lends room for the elements of a tensor, to be filled in place, then sent with `commit`. The `bytes` of `like` are
  /// ignored.
  Result<std::span<std::byte>> begin(const Tensor& like, const WaitLimit& limit = {});
  Status commit();
  Status close();

  /// The next one. Errors: those of `StreamReader::receive`; kDataLoss for a block that is damaged.
  Result<Received> receive(const WaitLimit& limit = {});
  TransportStats stats() const;

 private:
  Exchange(std::unique_ptr<StreamWriter> writer, std::unique_ptr<StreamReader> reader) noexcept;

  std::unique_ptr<StreamWriter> writer_;
  std::unique_ptr<StreamReader> reader_;
  std::size_t begun_bytes_ = 0;
};

}  // namespace penstock
