// SPDX-License-Identifier: MIT
// Typed records as rows: `PENSTOCK_FIELDS` names the members of a struct that are columns.
#pragma once

#include <penstock/batch.h>

#include <limits>
#include <optional>
#include <tuple>

/// Inside a struct: lists the members that are columns, in order. Members may be integers, float, double, bool,
/// std::string, penstock::Timestamp, and std::optional of these for columns with nulls.
#define PENSTOCK_FIELDS(...)                                                            \
  static constexpr const char* penstock_field_names() noexcept { return #__VA_ARGS__; } \
  auto penstock_fields() noexcept { return ::std::tie(__VA_ARGS__); }                   \
  auto penstock_fields() const noexcept { return ::std::tie(__VA_ARGS__); }

namespace penstock {

/// A struct with PENSTOCK_FIELDS.
template <class T>
concept Record = requires(T& record) {
  T::penstock_field_names();
  record.penstock_fields();
};

/// Splits "id, country" into its names.
std::vector<std::string> split_field_names(const char* names);

namespace detail {

template <class M>
struct FieldType {
  static_assert(sizeof(M) == 0,
                "penstock: PENSTOCK_FIELDS: a member of this type cannot be a column; integers, float, double, bool, "
                "std::string, "
                "penstock::Timestamp and std::optional of these can");
};
template <class M>
  requires(std::is_integral_v<M> && !std::is_same_v<M, bool>)
struct FieldType<M> {
  static constexpr Type kType = Type::kInt64;
  static void append(ColumnBuilder& to, M value) { to.append_int64(static_cast<std::int64_t>(value)); }
  static const char* read(const Column& from, std::size_t row, M& value) {
    const std::int64_t wide = from.int64s()[row];
    value = static_cast<M>(wide);
    const bool fits = static_cast<std::int64_t>(value) == wide && (wide >= 0 || std::is_signed_v<M>);
    return fits ? nullptr : "the number does not fit into the member";
  }
};
template <class M>
  requires(std::is_floating_point_v<M>)
struct FieldType<M> {
  static constexpr Type kType = Type::kFloat64;
  static void append(ColumnBuilder& to, M value) { to.append_float64(static_cast<double>(value)); }
  static const char* read(const Column& from, std::size_t row, M& value) {
    value =
        static_cast<M>(from.type() == Type::kInt64 ? static_cast<double>(from.int64s()[row]) : from.float64s()[row]);
    return nullptr;
  }
};
template <>
struct FieldType<bool> {
  static constexpr Type kType = Type::kBool;
  static void append(ColumnBuilder& to, bool value) { to.append_bool(value); }
  static const char* read(const Column& from, std::size_t row, bool& value) {
    value = get_bit(from.bits(), row);
    return nullptr;
  }
};
template <>
struct FieldType<std::string> {
  static constexpr Type kType = Type::kUtf8;
  static void append(ColumnBuilder& to, const std::string& value) { to.append_text(value); }
  static const char* read(const Column& from, std::size_t row, std::string& value) {
    value = from.text(row);
    return nullptr;
  }
};
template <>
struct FieldType<Timestamp> {
  static constexpr Type kType = Type::kTimestamp;
  static void append(ColumnBuilder& to, Timestamp value) { to.append_int64(value.micros); }
  static const char* read(const Column& from, std::size_t row, Timestamp& value) {
    value.micros = from.int64s()[row];
    return nullptr;
  }
};
template <class M>
struct FieldType<std::optional<M>> {
  static constexpr Type kType = FieldType<M>::kType;
  static void append(ColumnBuilder& to, const std::optional<M>& value) {
    if (value) {
      FieldType<M>::append(to, *value);
    } else {
      to.append_null();
    }
  }
  static const char* read(const Column& from, std::size_t row, std::optional<M>& value) {
    return FieldType<M>::read(from, row, value.emplace());
  }
};

template <class M>
inline constexpr bool kIsOptional = false;
template <class M>
inline constexpr bool kIsOptional<std::optional<M>> = true;

template <class M>
const char* read_field(const Column& from, std::size_t row, M& value) {
  if (!from.is_null(row)) return FieldType<M>::read(from, row, value);
  value = M();
  return kIsOptional<M> ? nullptr : "the value is null, but the member is not a std::optional";
}

template <class... M>
std::vector<Type> field_types(const std::tuple<M&...>&) {
  return {FieldType<std::remove_const_t<M>>::kType...};
}

/// Finds the fields in the columns of `schema`; see `columns_for_record`.
Result<std::vector<std::size_t>> find_fields(const Schema& schema, const char* names, const std::vector<Type>& types,
                                             const std::string& record_name);

}  // namespace detail

/// The schema of a record type.
template <Record T>
SchemaPtr schema_of() {
  static const SchemaPtr schema = [] {
    T record{};
    const std::vector<Type> types = detail::field_types(record.penstock_fields());
    const std::vector<std::string> names = split_field_names(T::penstock_field_names());
    std::vector<Field> fields;
    for (std::size_t i = 0; i < types.size(); ++i) fields.push_back({names[i], types[i]});
    return std::make_shared<const Schema>(std::move(fields));
  }();
  return schema;
}

/// Appends a record as a row. The builder has the schema of `T`.
template <Record T>
void append_record(RecordBatchBuilder& to, const T& record) {
  std::size_t index = 0;
  std::apply(
      [&](const auto&... member) {
        (detail::FieldType<std::remove_cvref_t<decltype(member)>>::append(to.column(index++), member), ...);
      },
      record.penstock_fields());
}

/// Why a row is not a record of the wanted type.
struct FieldMismatch {
  std::size_t field = 0;         ///< Index among the fields of the record.
  const char* reason = nullptr;  ///< Null: the row was read.
};

/// Reads row `row` into `record`; `columns[i]` is the column of field i.
template <Record T>
FieldMismatch read_record(const RecordBatch& batch, std::size_t row, const std::vector<std::size_t>& columns,
                          T& record) {
  FieldMismatch mismatch;
  std::size_t index = 0;
  const auto read_one = [&](auto& member) {
    const char* const reason = detail::read_field(batch.column(columns[index]), row, member);
    if (reason != nullptr && mismatch.reason == nullptr) mismatch = {index, reason};
    ++index;
  };
  std::apply([&](auto&... member) { (read_one(member), ...); }, record.penstock_fields());
  return mismatch;
}

}  // namespace penstock
