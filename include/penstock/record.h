// SPDX-License-Identifier: MIT
// What records look like: types, fields, schemas.
#pragma once

#include <penstock/result.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
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
};

/// Returns "int64", "float64", "bool", "utf8" or "timestamp".
const char* to_string(Type type) noexcept;
/// Takes the names of to_string, no others; kInvalidArgument with the right name as a hint, also for "integer",
/// "string" …
Result<Type> type_from_string(std::string_view name);

/// An instant, for members of typed records.
struct Timestamp {
  std::int64_t micros = 0;  ///< Microseconds since 1970-01-01 00:00 UTC.
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

/// A named column's type. Every column may hold nulls.
struct Field {
  std::string name;
  Type type = Type::kUtf8;
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
  /// Returns "id: int64, country: utf8".
  std::string to_text() const;

  friend bool operator==(const Schema&, const Schema&) = default;

 private:
  std::vector<Field> fields_;
};

using SchemaPtr = std::shared_ptr<const Schema>;

/// Returns the schema, or kInvalidArgument when a name is empty or given twice.
Result<SchemaPtr> make_schema(std::vector<Field> fields);

}  // namespace penstock
