// SPDX-License-Identifier: MIT
// What records look like: types, fields, schemas.
#pragma once

#include <penstock/result.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// The types of columns.
enum class Type : std::uint8_t {
  kInt64,
  kFloat64,  ///< IEEE 754 binary64.
  kBool,
  kUtf8,       ///< Text; valid UTF-8.
  kTimestamp,  ///< Microseconds since 1970-01-01 00:00 UTC.
  kImage,      ///< Pixels: u8 [H, W, C], with H, W and C of its own in each row.
  kTensor,     ///< A dense array of the same element type and shape in each row: see TensorType.
};

/// Returns "int64", "float64", "bool", "utf8", "timestamp", "image" or "tensor".
const char* to_string(Type type) noexcept;
/// Takes the names of the types that are written as text, which images and tensors are not; kInvalidArgument with the
/// right name as a hint, also for "integer", "string" …
Result<Type> type_from_string(std::string_view name);

/// What a tensor's elements are. Dictionaries number theirs otherwise, and have no float16: `ElementType`.
enum class TensorElement : std::uint32_t { kU8 = 1, kI8, kU16, kI16, kU32, kI32, kU64, kI64, kF16, kF32, kF64, kBool };
/// In bytes; 0 for a number that is no element type.
std::size_t size_of(TensorElement type) noexcept;
/// Returns "u8", "f32" …; "?" for a number that is no element type.
const char* to_string(TensorElement type) noexcept;

/// What each row of a tensor column holds: for instance f32 [3, 224, 224], in C order.
struct TensorType {
  TensorElement element = TensorElement::kF32;
  std::vector<std::int64_t> shape = {};  ///< From the slowest dimension to the fastest; at most 32, each at least 1.

  /// Bytes of one row; nothing when the shape cannot be, or a row would have more than 1 GiB.
  std::optional<std::uint32_t> row_bytes() const noexcept;
  /// Returns "f32 [3, 224, 224]".
  std::string to_text() const;
  friend bool operator==(const TensorType&, const TensorType&) = default;
};
/// Takes what TensorType::to_text returns; kInvalidArgument says what is wrong.
Result<TensorType> tensor_type_from_string(std::string_view text);

/// An instant, for members of typed records.
struct Timestamp {
  std::int64_t micros = 0;  ///< Microseconds since 1970-01-01 00:00 UTC.
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

/// A named column's type. Every column may hold nulls.
struct Field {
  std::string name;
  Type type = Type::kUtf8;
  TensorType tensor = {};  ///< For tensors only.
  friend bool operator==(const Field&, const Field&) = default;
};

/// The columns of record batches, in order. Immutable once shared; thread-compatible.
class Schema {
 public:
  Schema() = default;
  explicit Schema(std::vector<Field> fields) : fields_(std::move(fields)) {}

  std::size_t size() const noexcept { return fields_.size(); }
  const Field& operator[](std::size_t index) const noexcept { return fields_[index]; }
  const std::vector<Field>& fields() const noexcept { return fields_; }

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  /// Returns the index of the column, or kNone. Cost: linear in the columns.
  std::size_t index_of(std::string_view name) const noexcept;
  /// Returns the index of the column, or kInvalidArgument with the columns and the nearest name.
  Result<std::size_t> find(std::string_view name) const;
  /// Returns "id: int64, country: utf8, vector: tensor f32 [512]".
  std::string to_text() const;

  friend bool operator==(const Schema&, const Schema&) = default;

 private:
  std::vector<Field> fields_;
};

using SchemaPtr = std::shared_ptr<const Schema>;

/// Returns the schema, or kInvalidArgument when a name is empty or given twice, or a tensor cannot have its shape.
Result<SchemaPtr> make_schema(std::vector<Field> fields);

}  // namespace penstock
