// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/batch.h>
#include <penstock/dictionary_builder.h>

#include <charconv>
#include <cstring>
#include <vector>

#include "data/half.h"

namespace penstock {
namespace {

ElementType element_type_of(TensorElement element) {
  switch (element) {
    case TensorElement::kU8: return ElementType::kUint8;
    case TensorElement::kI8: return ElementType::kInt8;
    case TensorElement::kU16: return ElementType::kUint16;
    case TensorElement::kI16: return ElementType::kInt16;
    case TensorElement::kU32: return ElementType::kUint32;
    case TensorElement::kI32: return ElementType::kInt32;
    case TensorElement::kU64: return ElementType::kUint64;
    case TensorElement::kI64: return ElementType::kInt64;
    case TensorElement::kF16:
    case TensorElement::kF32: return ElementType::kFloat32;
    case TensorElement::kF64: return ElementType::kFloat64;
    case TensorElement::kBool: return ElementType::kBool;
  }
  return ElementType::kUint8;
}

template <class Take>
void with_image(const ImageView& image, Take take) {
  const std::uint64_t shape[] = {image.height, image.width, image.channels};
  take(ArrayView{ElementType::kUint8, shape, std::as_bytes(std::span(image.pixels, image.size_bytes()))});
}

// Dictionaries have no float16.
template <class Take>
void with_tensor(std::span<const std::byte> bytes, const TensorType& type, Take take) {
  const std::vector<std::uint64_t> shape(type.shape.begin(), type.shape.end());
  if (type.element != TensorElement::kF16) return take(ArrayView{element_type_of(type.element), shape, bytes});
  std::vector<float> wider(bytes.size() / sizeof(std::uint16_t));
  for (std::size_t i = 0; i < wider.size(); ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, bytes.data() + i * sizeof half, sizeof half);
    wider[i] = float_of_half(half);
  }
  take(ArrayView{ElementType::kFloat32, shape, std::as_bytes(std::span(wider))});
}

/// Calls `take` with the value at a row, as the builder takes it.
template <class Take>
void with_value(const Column& column, const Field& field, std::size_t row, Take take) {
  if (column.is_null(row)) return take(nullptr);
  switch (column.type()) {
    case Type::kInt64:
    case Type::kTimestamp: return take(column.int64s()[row]);
    case Type::kFloat64: return take(column.float64s()[row]);
    case Type::kBool: return take(get_bit(column.bits(), row));
    case Type::kUtf8: return take(column.text(row));
    case Type::kImage: return with_image(column.image(row), take);
    case Type::kTensor: return with_tensor(column.tensor(row), field.tensor, take);
  }
}

Status check_key_column(const RecordBatch& rows, std::size_t key) {
  const Column& column = rows.column(key);
  const std::string& name = rows.schema()[key].name;
  if (column.type() != Type::kUtf8 && column.type() != Type::kInt64) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("column \"{}\" cannot be the key: it is {}, expected utf8 or int64", name,
                             to_string(column.type())));
  }
  for (std::size_t row = 0; column.null_count() > 0; ++row) {
    if (!column.is_null(row)) continue;
    return Error(ErrorCode::kInvalidArgument, fmt::format("column \"{}\" cannot be the key: row {} is null", name, row))
        .record(static_cast<std::int64_t>(row));
  }
  return {};
}

}  // namespace

Status DictionaryBuilder::add_rows(const RecordBatch& rows, std::string_view key_column) {
  PENSTOCK_ASSIGN(const std::size_t key, rows.schema().find(key_column));
  PENSTOCK_TRY(check_key_column(rows, key));
  char digits[24];
  for (std::size_t row = 0; row < rows.num_rows(); ++row) {
    if (rows.column(key).type() == Type::kUtf8) {
      this->key(rows.column(key).text(row));
    } else {
      const auto end = std::to_chars(digits, digits + sizeof digits, rows.column(key).int64s()[row]).ptr;
      this->key({digits, static_cast<std::size_t>(end - digits)});
    }
    begin_dict();
    for (std::size_t column = 0; column < rows.num_columns(); ++column) {
      if (column == key) continue;
      this->key(rows.schema()[column].name);
      with_value(rows.column(column), rows.schema()[column], row, [this](const auto& each) { this->value(each); });
    }
    end_dict();
  }
  return {};
}

void DictionaryBuilder::add_columns(const RecordBatch& columns) {
  const std::uint64_t length = columns.num_rows();
  for (std::size_t i = 0; i < columns.num_columns(); ++i) {
    const Column& column = columns.column(i);
    const std::string& name = columns.schema()[i].name;
    if (column.null_count() == 0 && (column.type() == Type::kInt64 || column.type() == Type::kTimestamp)) {
      add(name, column.int64s());
    } else if (column.null_count() == 0 && column.type() == Type::kFloat64) {
      add(name, column.float64s());
    } else if (column.null_count() == 0 && column.type() == Type::kBool) {
      std::vector<std::byte> bools(length);
      for (std::size_t row = 0; row < length; ++row) bools[row] = std::byte{get_bit(column.bits(), row)};
      add(name, ArrayView{ElementType::kBool, {&length, 1}, bools});
    } else {
      key(name);
      begin_list();
      for (std::size_t row = 0; row < length; ++row) {
        with_value(column, columns.schema()[i], row, [this](const auto& each) { this->value(each); });
      }
      end_list();
    }
  }
}

}  // namespace penstock
