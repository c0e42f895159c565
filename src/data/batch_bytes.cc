// SPDX-License-Identifier: MIT
#include "data/batch_bytes.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <string>

#include "base/check.h"
#include "base/utf8.h"
#include "data/column_layout.h"

namespace penstock {
namespace {

static_assert(std::endian::native == std::endian::little, "the layout is that of the memory of little-endian machines");

constexpr std::uint32_t kMagic = 0x4B4C4250;  // "PBLK"
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kMostDimensions = 32;

struct BlockHeader {
  std::uint32_t magic = kMagic;
  std::uint16_t version = kVersion;
  BlockKind kind = BlockKind::kRecordBatch;
  std::uint64_t total_bytes = 0;
  std::uint64_t rows = 0;     // of a tensor: bytes of its elements
  std::uint32_t columns = 0;  // of a tensor: dimensions
  std::uint32_t element = 0;  // of a tensor
  std::uint32_t element_bytes = 0;
  std::uint32_t reserved[7] = {};
};
static_assert(sizeof(BlockHeader) == 64);

struct ColumnHeader {
  std::uint32_t name_offset = 0;
  std::uint32_t name_bytes = 0;
  std::uint32_t type = 0;
  std::uint32_t element = 0;  // of tensors
  std::uint64_t null_count = 0;
  std::uint64_t validity_offset = 0;  // 0: no value is null
  std::uint64_t values_offset = 0;
  std::uint64_t values_bytes = 0;
  std::uint64_t text_offset = 0;  // of texts and images; of tensors: where the extents are
  std::uint64_t text_bytes = 0;
};
static_assert(sizeof(ColumnHeader) == 64);

std::size_t aligned(std::size_t bytes) noexcept { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// Lays things out one behind the other, each aligned; with a null `base` it only counts.
class Writer {
 public:
  Writer(std::byte* base, std::size_t used) noexcept : base_(base), used_(used) {}

  /// Returns the offset where `size` bytes went.
  std::uint64_t put(const void* bytes, std::size_t size) noexcept {
    const std::size_t at = aligned(used_);
    if (base_ != nullptr) {
      std::memset(base_ + used_, 0, at - used_);
      if (size > 0) std::memcpy(base_ + at, bytes, size);
    }
    used_ = at + size;
    return at;
  }
  std::size_t end() noexcept {
    put(nullptr, 0);
    return used_;
  }

 private:
  std::byte* base_;
  std::size_t used_;
};

ColumnHeader put_column(const Column& column, const Field& field, Writer& writer) noexcept {
  const std::size_t rows = column.size();
  static constexpr std::int32_t kNoOffset = 0;
  ColumnHeader header;
  header.type = static_cast<std::uint32_t>(column.type());
  header.null_count = column.null_count();
  if (column.null_count() > 0) header.validity_offset = writer.put(column.validity(), bitmap_bytes(rows));
  header.values_bytes = values_bytes(column.type(), rows, column.tensor_row());
  const void* const values =
      has_offsets(column.type()) && rows == 0 ? &kNoOffset : static_cast<const void*>(column.bits());
  header.values_offset = writer.put(values, header.values_bytes);
  if (column.type() == Type::kTensor) {
    header.element = static_cast<std::uint32_t>(field.tensor.element);
    header.text_bytes = field.tensor.shape.size() * sizeof(std::int64_t);
    header.text_offset = writer.put(field.tensor.shape.data(), header.text_bytes);
  } else if (has_offsets(column.type())) {
    header.text_bytes = text_bytes(column);
    header.text_offset = writer.put(column.bytes(), header.text_bytes);
  }
  return header;
}

// One function for counting (null `base`) and writing, so that they cannot differ.
std::size_t lay_out(const RecordBatch& batch, std::byte* base) noexcept {
  const std::size_t columns = batch.num_columns();
  std::size_t used = sizeof(BlockHeader) + columns * sizeof(ColumnHeader);
  Writer writer(base, used);
  for (std::size_t i = 0; i < columns; ++i) {
    const std::string& name = batch.schema()[i].name;
    const std::uint64_t name_offset = writer.put(name.data(), name.size());
    ColumnHeader header = put_column(batch.column(i), batch.schema()[i], writer);
    header.name_offset = static_cast<std::uint32_t>(name_offset);
    header.name_bytes = static_cast<std::uint32_t>(name.size());
    if (base != nullptr) std::memcpy(base + sizeof(BlockHeader) + i * sizeof(ColumnHeader), &header, sizeof header);
  }
  used = writer.end();
  if (base == nullptr) return used;
  BlockHeader header;
  header.total_bytes = used;
  header.rows = batch.num_rows();
  header.columns = static_cast<std::uint32_t>(columns);
  std::memcpy(base, &header, sizeof header);
  return used;
}

Error damaged(std::string what) { return Error(ErrorCode::kDataLoss, "a block is damaged: " + std::move(what)); }

Result<BlockHeader> header_of(std::span<const std::byte> block) {
  BlockHeader header;
  if (block.size() < sizeof header)
    return damaged(fmt::format("it has {} bytes, its header alone {}", block.size(), sizeof header));
  std::memcpy(&header, block.data(), sizeof header);
  if (header.magic != kMagic) return damaged("it does not begin as blocks do");
  if (header.version != kVersion) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("a block has version {}, this Penstock knows version {}", header.version, kVersion))
        .hint("use one version of Penstock at both ends");
  }
  if (header.total_bytes != block.size())
    return damaged(fmt::format("it has {} bytes and says {}", block.size(), header.total_bytes));
  return header;
}

bool are_utf8(std::string_view text) {
  while (!text.empty()) {
    std::uint64_t eight = 0;
    if (text.size() >= 8) std::memcpy(&eight, text.data(), 8);
    const bool plain = text.size() >= 8 && (eight & 0x8080808080808080U) == 0;
    const std::size_t length = plain ? 8 : utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

/// Reads columns; everything that it hands out lies within the block.
class ColumnReader {
 public:
  ColumnReader(std::span<const std::byte> block, std::size_t rows, std::shared_ptr<const void> keeper,
               const BlockTrust& trust)
      : block_(block), rows_(rows), keeper_(std::move(keeper)), trust_(trust) {}

  Result<Column> column(const ColumnHeader& header, Field* field) {
    PENSTOCK_TRY(read_field(header, field));
    const std::string& name = field->name;
    const TensorRow row = tensor_row(*field);
    if (row.bytes > 0 && rows_ > block_.size() / row.bytes)  // or the product might wrap
      return damaged(fmt::format("column \"{}\" has {} bytes of values for {} rows", name, header.values_bytes, rows_));
    if (header.values_bytes != values_bytes(field->type, rows_, row))
      return damaged(fmt::format("column \"{}\" has {} bytes of values for {} rows", name, header.values_bytes, rows_));
    PENSTOCK_ASSIGN(const auto values, part(header.values_offset, header.values_bytes, name));
    PENSTOCK_ASSIGN(Buffer validity, validity_of(header, name));
    Buffer texts;
    if (has_offsets(field->type)) {
      PENSTOCK_ASSIGN(const auto bytes, part(header.text_offset, header.text_bytes, name));
      PENSTOCK_TRY(field->type == Type::kImage ? check_images(values, bytes, rows_, name)
                                               : check_texts(values, bytes, rows_, name, trust_));
      texts = Buffer::wrap(bytes, keeper_);
    }
    return Column(field->type, rows_, header.null_count, std::move(validity), Buffer::wrap(values, keeper_),
                  std::move(texts), row);
  }

 private:
  Status read_field(const ColumnHeader& header, Field* field) const {
    PENSTOCK_ASSIGN(const auto name, part(header.name_offset, header.name_bytes, "a name"));
    field->name.assign(reinterpret_cast<const char*>(name.data()), name.size());
    if (!are_utf8(field->name)) return damaged("the name of a column is not UTF-8");
    if (header.type > static_cast<std::uint32_t>(Type::kTensor))
      return damaged(fmt::format("column \"{}\" has type {}", field->name, header.type));
    field->type = static_cast<Type>(header.type);
    if (field->type != Type::kTensor) return {};
    PENSTOCK_ASSIGN(const auto extents, part(header.text_offset, header.text_bytes, field->name));
    if (extents.size() % sizeof(std::int64_t) != 0 || extents.size() > kMostDimensions * sizeof(std::int64_t))
      return damaged(fmt::format("column \"{}\" has {} bytes of extents", field->name, extents.size()));
    field->tensor.element = static_cast<TensorElement>(header.element);
    field->tensor.shape.resize(extents.size() / sizeof(std::int64_t));
    if (!extents.empty()) std::memcpy(field->tensor.shape.data(), extents.data(), extents.size());
    if (field->tensor.row_bytes()) return {};
    return damaged(fmt::format("column \"{}\" cannot hold tensors {}", field->name, field->tensor.to_text()));
  }

  Result<std::span<const std::uint8_t>> part(std::uint64_t offset, std::uint64_t size, std::string_view what) const {
    if (offset % kAlignment != 0 || offset > block_.size() || size > block_.size() - offset) {
      return damaged(fmt::format("{} stands at {} with {} bytes, outside of it or not aligned", what, offset, size));
    }
    return std::span(reinterpret_cast<const std::uint8_t*>(block_.data()) + offset, size);
  }

  Result<Buffer> validity_of(const ColumnHeader& header, const std::string& name) const {
    if (header.null_count == 0) return Buffer();
    PENSTOCK_ASSIGN(const auto bits, part(header.validity_offset, bitmap_bytes(rows_), name));
    const std::size_t valid = count_bits(bits.data(), rows_);
    if (rows_ - valid != header.null_count)
      return damaged(fmt::format("column \"{}\" has {} nulls and says {}", name, rows_ - valid, header.null_count));
    return Buffer::wrap(bits, keeper_);
  }

  std::span<const std::byte> block_;
  std::size_t rows_;
  std::shared_ptr<const void> keeper_;
  BlockTrust trust_;
};

/// Values that begin and end where offsets say.
struct OffsetValues {
  const std::int32_t* offsets;
  const char* bytes;
  std::string_view operator[](std::size_t row) const noexcept {
    return {bytes + offsets[row], static_cast<std::size_t>(offsets[row + 1] - offsets[row])};
  }
};

Result<OffsetValues> checked_offsets(std::span<const std::uint8_t> offset_bytes, std::span<const std::uint8_t> bytes,
                                     std::size_t rows, const std::string& column) {
  const auto* const offsets = reinterpret_cast<const std::int32_t*>(offset_bytes.data());
  bool sound = offsets[0] == 0 && static_cast<std::size_t>(static_cast<std::uint32_t>(offsets[rows])) == bytes.size();
  for (std::size_t i = 0; i < rows; ++i) sound &= offsets[i] <= offsets[i + 1];
  if (!sound) return damaged(fmt::format("the offsets of column \"{}\" do not fit its values", column));
  return OffsetValues{offsets, reinterpret_cast<const char*>(bytes.data())};
}

}  // namespace

Status check_texts(std::span<const std::uint8_t> offsets, std::span<const std::uint8_t> bytes, std::size_t rows,
                   const std::string& column, const BlockTrust& trust) {
  PENSTOCK_ASSIGN(const OffsetValues texts, checked_offsets(offsets, bytes, rows, column));
  if (trust.texts_are_utf8) return {};
  for (std::size_t i = 0; i < rows; ++i) {
    if (!are_utf8(texts[i])) return damaged(fmt::format("row {} of column \"{}\" is not UTF-8", i, column));
  }
  return {};
}

Status check_images(std::span<const std::uint8_t> offsets, std::span<const std::uint8_t> bytes, std::size_t rows,
                    const std::string& column) {
  PENSTOCK_ASSIGN(const OffsetValues images, checked_offsets(offsets, bytes, rows, column));
  for (std::size_t i = 0; i < rows; ++i) {
    const bool is_image = images[i].empty() || ImageView::of(images[i]).pixels != nullptr;
    if (!is_image) return damaged(fmt::format("row {} of column \"{}\" is no image", i, column));
  }
  return {};
}

std::size_t count_bits(const std::uint8_t* bits, std::size_t rows) noexcept {
  std::size_t set = 0;
  for (std::size_t i = 0; i < rows / 8; ++i) set += static_cast<std::size_t>(std::popcount(bits[i]));
  for (std::size_t row = rows / 8 * 8; row < rows; ++row) set += get_bit(bits, row) ? 1 : 0;
  return set;
}

Result<BlockKind> block_kind(std::span<const std::byte> block) {
  PENSTOCK_ASSIGN(const BlockHeader header, header_of(block));
  if (header.kind == BlockKind::kRecordBatch || header.kind == BlockKind::kTensor) return header.kind;
  return damaged(fmt::format("it is of kind {}", static_cast<unsigned>(header.kind)));
}

std::size_t encoded_size(const RecordBatch& batch) noexcept { return lay_out(batch, nullptr); }

std::size_t encode_batch(const RecordBatch& batch, std::span<std::byte> room) noexcept {
  PENSTOCK_CHECK(encoded_size(batch) <= room.size(), "encode_batch: too little room");
  return lay_out(batch, room.data());
}

Result<RecordBatch> decode_batch(std::span<const std::byte> block, std::shared_ptr<const void> keeper,
                                 const BlockTrust& trust) {
  PENSTOCK_ASSIGN(const BlockHeader header, header_of(block));
  if (header.kind != BlockKind::kRecordBatch) return damaged("it holds no record batch");
  const std::size_t room = (block.size() - sizeof header) / sizeof(ColumnHeader);
  // More rows than bits cannot be; the check keeps sizes from overflowing.
  if (header.columns > room || (header.columns > 0 && header.rows > block.size() * 8)) {
    return damaged(fmt::format("{} rows in {} columns do not fit into it", header.rows, header.columns));
  }
  ColumnReader reader(block, header.rows, std::move(keeper), trust);
  std::vector<Field> fields(header.columns);
  std::vector<Column> columns;
  columns.reserve(header.columns);
  for (std::size_t i = 0; i < header.columns; ++i) {
    ColumnHeader one;
    std::memcpy(&one, block.data() + sizeof header + i * sizeof one, sizeof one);
    PENSTOCK_ASSIGN(Column column, reader.column(one, &fields[i]));
    columns.push_back(std::move(column));
  }
  PENSTOCK_ASSIGN(SchemaPtr schema, make_schema(std::move(fields)));
  return RecordBatch(std::move(schema), std::move(columns), header.rows);
}

std::size_t encoded_size(const TensorLayout& tensor) noexcept {
  return aligned(sizeof(BlockHeader) + tensor.shape.size() * sizeof(std::int64_t)) + aligned(tensor.size_bytes);
}

std::span<std::byte> encode_tensor(const TensorLayout& tensor, std::span<std::byte> room) noexcept {
  const std::size_t total = encoded_size(tensor);
  PENSTOCK_CHECK(total <= room.size() && tensor.shape.size() <= kMostDimensions,
                 "encode_tensor: too little room, or over 32 dimensions");
  BlockHeader header;
  header.kind = BlockKind::kTensor;
  header.total_bytes = total;
  header.rows = tensor.size_bytes;
  header.columns = static_cast<std::uint32_t>(tensor.shape.size());
  header.element = tensor.element;
  header.element_bytes = tensor.element_bytes;
  const std::size_t shape_bytes = tensor.shape.size() * sizeof(std::int64_t);
  const std::size_t at = aligned(sizeof header + shape_bytes);
  std::memcpy(room.data(), &header, sizeof header);
  std::memset(room.data() + sizeof header, 0, at - sizeof header);
  if (shape_bytes > 0) std::memcpy(room.data() + sizeof header, tensor.shape.data(), shape_bytes);
  std::memset(room.data() + at + tensor.size_bytes, 0, total - at - tensor.size_bytes);
  return room.subspan(at, tensor.size_bytes);
}

Result<TensorBlock> decode_tensor(std::span<const std::byte> block) {
  PENSTOCK_ASSIGN(const BlockHeader header, header_of(block));
  if (header.kind != BlockKind::kTensor) return damaged("it holds no tensor");
  if (header.columns > kMostDimensions || header.element_bytes == 0) return damaged("its shape cannot be");
  const std::size_t at = aligned(sizeof header + header.columns * sizeof(std::int64_t));
  if (at > block.size() || header.rows > block.size() - at) return damaged("its elements lie outside of it");
  TensorBlock tensor = {{header.element, header.element_bytes, std::vector<std::int64_t>(header.columns), header.rows},
                        block.subspan(at, header.rows)};
  if (header.columns > 0) {
    std::memcpy(tensor.layout.shape.data(), block.data() + sizeof header, header.columns * sizeof(std::int64_t));
  }
  std::uint64_t bytes = header.element_bytes;
  bool fits = true;
  for (const std::int64_t extent : tensor.layout.shape) {
    fits = fits && extent >= 0 && !__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes);
  }
  if (!fits || bytes != header.rows) return damaged("its shape does not fit its elements");
  return tensor;
}

}  // namespace penstock
