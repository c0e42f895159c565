// SPDX-License-Identifier: MIT
#include "stream/lent_batch.h"

#include <fmt/format.h>

#include <cstring>
#include <string>
#include <utility>

#include "data/batch_bytes.h"
#include "data/column_layout.h"

namespace penstock {
namespace {

constexpr std::uint64_t kLentMagic = 0x4254'4E4C'4E50'0001;
constexpr std::size_t kCopyAlignment = 64;

enum class Lies : std::uint64_t { kNowhere, kHere, kLent };

struct LentPart {
  Lies lies = Lies::kNowhere;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct LentColumn {
  std::uint64_t of_input = 0;  // 1 + the number of a column of the input; 0: none
  std::uint64_t type = 0;
  std::uint64_t null_count = 0;
  LentPart validity;
  LentPart values;
  LentPart text;
};

struct LentHead {
  std::uint64_t magic = kLentMagic;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
};

bool is_head_of(const Column& column, const Column& whole) noexcept {
  return column.type() == whole.type() && column.tensor_row() == whole.tensor_row() && column.size() <= whole.size() &&
         column.bits() == whole.bits() && column.bytes() == whole.bytes() && column.validity() == whole.validity();
}

// 1 + the number of the column; 0: none.
std::uint64_t find_in(const RecordBatch* input, const Column& column) noexcept {
  if (input == nullptr || column.size() == 0) return 0;
  for (std::size_t i = 0; i < input->num_columns(); ++i) {
    if (is_head_of(column, input->column(i))) return i + 1;
  }
  return 0;
}

Error no_batch(const char* what) {
  return Error(ErrorCode::kDataLoss, fmt::format("its answer is no batch: {}", what));
}

/// Reads the parts of columns of so many rows.
class PartReader {
 public:
  PartReader(std::span<const std::byte> description, std::size_t rows, LentSource& source)
      : description_(description), rows_(rows), source_(source) {}

  Result<Column> column(const LentColumn& words, const Field& field) {
    if (words.type != static_cast<std::uint64_t>(field.type)) return no_batch("a column is of another type");
    const TensorRow row = tensor_row(field);
    if (words.null_count > rows_ || words.values.size != values_bytes(field.type, rows_, row))
      return no_batch("a column has another number of rows");
    PENSTOCK_ASSIGN(Buffer validity, validity_of(words));
    PENSTOCK_ASSIGN(const auto values, bytes_of(words.values));
    if (!has_offsets(field.type)) {
      return Column(field.type, rows_, words.null_count, std::move(validity), Buffer::wrap(values, source_.keeper), {},
                    row);
    }
    PENSTOCK_ASSIGN(const auto text, bytes_of(words.text));
    const Buffer offsets = source_.pool == nullptr ? Buffer::wrap(values, source_.keeper) : own(values);
    if (source_.pool != nullptr) PENSTOCK_TRY(check_values({offsets.data(), values.size()}, text, field));
    return Column(field.type, rows_, words.null_count, std::move(validity), offsets,
                  Buffer::wrap(text, source_.keeper));
  }

 private:
  Status check_values(std::span<const std::uint8_t> offsets, std::span<const std::uint8_t> bytes,
                      const Field& field) const {
    if (field.type == Type::kImage) return check_images(offsets, bytes, rows_, field.name);
    return check_texts(offsets, bytes, rows_, field.name, BlockTrust{});
  }

  Result<std::span<const std::uint8_t>> bytes_of(const LentPart& part) {
    const auto bytes = [&](const std::byte* begin) {
      return std::span(reinterpret_cast<const std::uint8_t*>(begin), static_cast<std::size_t>(part.size));
    };
    if (part.lies == Lies::kHere) {
      const bool inside = part.offset % kCopyAlignment == 0 && part.offset <= description_.size() &&
                          part.size <= description_.size() - part.offset;
      if (!inside) return no_batch("a part of it lies outside");
      return bytes(description_.data() + part.offset);
    }
    if (part.lies != Lies::kLent || part.offset % kCopyAlignment != 0) return no_batch("a part of it lies nowhere");
    const std::byte* const begin = source_.lent({part.offset, part.size});
    if (begin == nullptr) return no_batch("a part of it lies where there is no memory");
    source_.lent_bytes += static_cast<std::size_t>(part.size);
    return bytes(begin);
  }

  Result<Buffer> validity_of(const LentColumn& words) {
    if (words.null_count == 0) return Buffer();
    if (words.validity.size != bitmap_bytes(rows_)) return no_batch("a bitmap has another number of rows");
    PENSTOCK_ASSIGN(const auto bits, bytes_of(words.validity));
    if (source_.pool == nullptr) return Buffer::wrap(bits, source_.keeper);
    Buffer owned = own(bits);
    if (rows_ - count_bits(owned.data(), rows_) != words.null_count) return no_batch("the number of nulls is wrong");
    return owned;
  }

  Buffer own(std::span<const std::uint8_t> bytes) {
    Buffer copy = source_.pool->allocate(bytes.size());
    std::memcpy(copy.mutable_data(), bytes.data(), bytes.size());
    copy.set_size(bytes.size());
    return copy;
  }

  const std::span<const std::byte> description_;
  const std::size_t rows_;
  LentSource& source_;
};

Result<Column> column_of_input(const LentColumn& words, std::size_t rows, const Field& field,
                               const LentSource& source) {
  if (source.input == nullptr || words.of_input > source.input->num_columns())
    return no_batch("it names a column that was not in the batch");
  const Column& column = source.input->column(static_cast<std::size_t>(words.of_input) - 1);
  if (column.type() != field.type || column.tensor_row() != tensor_row(field) || column.size() < rows)
    return no_batch("it names a column that does not fit");
  return column.head(rows);
}

}  // namespace

LentBatch::LentBatch(const RecordBatch& batch, const SharedBlocks* memory, const RecordBatch* input) {
  size_ = sizeof(LentHead) + batch.num_columns() * sizeof(LentColumn);
  head_.resize(size_);
  const LentHead head{.rows = batch.num_rows(), .columns = batch.num_columns()};
  std::memcpy(head_.data(), &head, sizeof head);
  const auto part = [&](const void* bytes, std::size_t size) {
    const std::optional<BlockPlace> place =
        memory == nullptr || size == 0 ? std::nullopt : memory->place_of(bytes, size);
    if (place) return LentPart{Lies::kLent, place->offset, size};
    return LentPart{Lies::kHere, copy(bytes, size), size};
  };
  for (std::size_t i = 0; i < batch.num_columns(); ++i) {
    const Column& column = batch.column(i);
    LentColumn words;
    words.of_input = find_in(input, column);
    if (words.of_input == 0) {
      static constexpr std::int32_t kNoOffset = 0;
      const bool no_offsets = has_offsets(column.type()) && column.size() == 0;
      words.type = static_cast<std::uint64_t>(column.type());
      words.null_count = column.null_count();
      if (column.null_count() > 0) words.validity = part(column.validity(), bitmap_bytes(column.size()));
      words.values = part(no_offsets ? static_cast<const void*>(&kNoOffset) : column.bits(),
                          values_bytes(column.type(), column.size(), column.tensor_row()));
      if (has_offsets(column.type())) words.text = part(column.bytes(), text_bytes(column));
    }
    std::memcpy(head_.data() + sizeof head + i * sizeof words, &words, sizeof words);
  }
  size_ = (size_ + kCopyAlignment - 1) / kCopyAlignment * kCopyAlignment;
}

std::size_t LentBatch::copy(const void* bytes, std::size_t size) {
  const std::size_t offset = (size_ + kCopyAlignment - 1) / kCopyAlignment * kCopyAlignment;
  copies_.push_back({bytes, size, offset});
  size_ = offset + size;
  return offset;
}

void LentBatch::write(std::span<std::byte> room) const noexcept {
  std::memcpy(room.data(), head_.data(), head_.size());
  for (const Copy& copy : copies_) {
    if (copy.size > 0) std::memcpy(room.data() + copy.offset, copy.bytes, copy.size);
  }
}

// Words are copied before they are looked at: what changes later changes nothing.
Result<RecordBatch> read_lent_batch(std::span<const std::byte> description, const SchemaPtr& schema,
                                    LentSource& source) {
  LentHead head;
  if (description.size() < sizeof head) return no_batch("it is too short");
  std::memcpy(&head, description.data(), sizeof head);
  const std::size_t most = (description.size() - sizeof head) / sizeof(LentColumn);
  // More rows than bits of shared memory cannot be; the check keeps sizes from overflowing.
  const bool sound = head.magic == kLentMagic && head.columns <= most && head.rows / 8 <= SharedBlocks::kRegionBytes;
  if (!sound) return no_batch("it does not begin as batches do");
  if (schema == nullptr || head.columns != schema->size())
    return Error(ErrorCode::kDataLoss,
                 fmt::format("its answer has other columns than it said before the run: {}", head.columns));
  PartReader reader(description, static_cast<std::size_t>(head.rows), source);
  std::vector<Column> columns;
  columns.reserve(schema->size());
  for (std::size_t i = 0; i < schema->size(); ++i) {
    LentColumn words;
    std::memcpy(&words, description.data() + sizeof head + i * sizeof words, sizeof words);
    PENSTOCK_ASSIGN(Column column, words.of_input == 0 ? reader.column(words, (*schema)[i])
                                                       : column_of_input(words, static_cast<std::size_t>(head.rows),
                                                                         (*schema)[i], source));
    columns.push_back(std::move(column));
  }
  return RecordBatch(schema, std::move(columns), static_cast<std::size_t>(head.rows));
}

}  // namespace penstock
