// SPDX-License-Identifier: MIT
#include <penstock/batch.h>

#include <algorithm>

#include "data/column_layout.h"
#include "data/row_runs.h"

namespace penstock {
namespace {

constexpr std::size_t kFirstRows = 64;
constexpr std::size_t kFirstTensorBytes = 4096;

}  // namespace

Column Column::take(std::span<const std::uint32_t> rows, BufferPool& pool) const {
  return take_rows(*this, RowRuns(rows), pool);
}

Column Column::head(std::size_t count) const {
  if (count >= size_) return *this;
  std::size_t nulls = 0;
  if (null_count_ != 0) {
    for (std::size_t i = 0; i < count; ++i) nulls += get_bit(validity_.data(), i) ? 0 : 1;
  }
  return {type_, count, nulls, validity_, values_, bytes_, row_};
}

std::size_t Column::size_bytes() const noexcept {
  const std::size_t bytes = values_bytes(type_, size_, row_) + (null_count_ == 0 ? 0 : bitmap_bytes(size_));
  return bytes + text_bytes(*this);
}

ImageView ImageView::of(std::string_view value) noexcept {
  if (value.size() < kHeaderBytes) return {};
  std::uint32_t extents[3] = {};
  std::memcpy(extents, value.data(), sizeof extents);
  const ImageView view{extents[0], extents[1], extents[2],
                       reinterpret_cast<const std::uint8_t*>(value.data()) + kHeaderBytes};
  std::uint64_t size = std::uint64_t{view.height} * view.width;  // cannot overflow
  if (__builtin_mul_overflow(size, view.channels, &size) || size != value.size() - kHeaderBytes) return {};
  return view;
}

ColumnBuilder::ColumnBuilder(Type type, BufferPool& pool, TensorRow row) : type_(type), row_(row), pool_(&pool) {}

ColumnBuilder::ColumnBuilder(const Field& field, BufferPool& pool)
    : ColumnBuilder(field.type, pool, tensor_row(field)) {}

void ColumnBuilder::reserve(std::size_t rows, std::size_t text_bytes) {
  if (size_ + rows > capacity_) grow_rows(size_ + rows);
  if (text_bytes_ + text_bytes > text_capacity_) grow_text(text_bytes);
}

void ColumnBuilder::grow_rows(std::size_t rows) {
  const std::size_t first = type_ == Type::kTensor ? kFirstTensorBytes / row_.bytes : kFirstRows;
  rows = std::max({rows, 2 * capacity_, first});
  if (values_) values_.set_size(values_bytes(type_, size_, row_));
  values_.reserve(values_bytes(type_, rows, row_), *pool_);
  values_data_ = values_.mutable_data();
  if (has_offsets(type_) && size_ == 0) reinterpret_cast<std::int32_t*>(values_data_)[0] = 0;
  capacity_ = rows_in(type_, values_.capacity(), row_);
}

void ColumnBuilder::grow_text(std::size_t more_bytes) {
  if (text_) text_.set_size(text_bytes_);
  text_.reserve(std::max<std::size_t>(text_bytes_ + more_bytes, kFirstRows * 8), *pool_);
  text_data_ = text_.mutable_data();
  text_capacity_ = text_.capacity();
}

std::uint8_t* ColumnBuilder::append_image(std::uint32_t height, std::uint32_t width, std::uint32_t channels) {
  const std::size_t size = ImageView::kHeaderBytes + std::size_t{height} * width * channels;
  const std::uint32_t header[] = {height, width, channels, 0};
  static_assert(sizeof header == ImageView::kHeaderBytes);
  char* const to = begin_text(size);
  std::memcpy(to, header, sizeof header);
  end_text(size);
  return reinterpret_cast<std::uint8_t*>(to) + sizeof header;
}

void ColumnBuilder::append_null() {
  room_for_row();
  validity_.reserve(bitmap_bytes(size_ + 1), *pool_);
  std::uint8_t* const bits = validity_.mutable_data();
  for (; validity_rows_ < size_; ++validity_rows_) set_bit(bits, validity_rows_, true);
  set_bit(bits, validity_rows_++, false);
  validity_.set_size(bitmap_bytes(validity_rows_));
  ++null_count_;
  switch (type_) {
    case Type::kUtf8:
    case Type::kImage: end_text(0); return;
    case Type::kTensor: std::memset(values_data_ + size_ * row_.bytes, 0, row_.bytes); break;
    case Type::kBool: set_bit(values_data_, size_, false); break;
    default: reinterpret_cast<std::int64_t*>(values_data_)[size_] = 0;
  }
  ++size_;
}

void ColumnBuilder::append_from(const Column& column, std::size_t row) {
  if (column.is_null(row)) return append_null();
  switch (type_) {
    case Type::kInt64:
    case Type::kTimestamp: return append_int64(column.int64s()[row]);
    case Type::kFloat64: return append_float64(column.float64s()[row]);
    case Type::kBool: return append_bool(get_bit(column.bits(), row));
    case Type::kUtf8:
    case Type::kImage: return append_text(column.text(row));
    case Type::kTensor: std::memcpy(append_tensor().data(), column.tensor(row).data(), row_.bytes); return;
  }
}

void ColumnBuilder::pop_back() noexcept {
  --size_;
  if (validity_rows_ > size_) {
    if (!get_bit(validity_.data(), size_)) --null_count_;
    validity_rows_ = size_;
  }
  if (has_offsets(type_))
    text_bytes_ = static_cast<std::size_t>(reinterpret_cast<const std::int32_t*>(values_data_)[size_]);
}

namespace {

// The bits behind the last row are zero, so that equal columns have equal bytes.
void clear_tail(std::uint8_t* bits, std::size_t size) noexcept {
  if ((size & 7) != 0) bits[size >> 3] = static_cast<std::uint8_t>(bits[size >> 3] & ((1U << (size & 7)) - 1));
}

}  // namespace

Column ColumnBuilder::finish() {
  if (!values_) grow_rows(1);
  if (null_count_ != 0) {
    validity_.reserve(bitmap_bytes(size_), *pool_);
    for (; validity_rows_ < size_; ++validity_rows_) set_bit(validity_.mutable_data(), validity_rows_, true);
    validity_.set_size(bitmap_bytes(size_));
    clear_tail(validity_.mutable_data(), size_);
  }
  if (type_ == Type::kBool) clear_tail(values_data_, size_);
  values_.set_size(values_bytes(type_, size_, row_));
  if (text_) text_.set_size(text_bytes_);
  Column column(type_, size_, null_count_, null_count_ == 0 ? Buffer() : std::move(validity_), std::move(values_),
                std::move(text_), row_);
  *this = ColumnBuilder(type_, *pool_, row_);
  return column;
}

}  // namespace penstock
