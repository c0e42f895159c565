// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/arrow.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/utf8.h"
#include "data/column_layout.h"

namespace penstock {
namespace {

/// Who has a struct calls its `release`, once.
template <class Struct>
class Owned {
 public:
  /// Moves it out of where the caller keeps it, as the specification has it.
  explicit Owned(Struct* from) : struct_(*from) { from->release = nullptr; }
  ~Owned() {
    if (struct_.release != nullptr) struct_.release(&struct_);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  const Struct& operator*() const noexcept { return struct_; }
  const Struct* operator->() const noexcept { return &struct_; }

 private:
  Struct struct_;
};

Error contradiction(std::string_view what, const std::string& column) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("the Arrow array of column \"{}\" {}", column, what));
}

/// The rows of one child that the batch has.
class ColumnImport {
 public:
  ColumnImport(const ArrowSchema& schema, const ArrowArray& array, std::int64_t offset, std::int64_t rows,
               std::shared_ptr<const void> keeper, BufferPool& pool)
      : format_(schema.format == nullptr ? "" : schema.format),
        name_(schema.name == nullptr ? "" : schema.name),
        array_(array),
        first_(static_cast<std::size_t>(array.offset + offset)),
        rows_(static_cast<std::size_t>(rows)),
        keeper_(std::move(keeper)),
        pool_(pool) {}

  Result<Column> column() {
    const bool is_text = format_ == "u" || format_ == "U";
    if (array_.dictionary != nullptr) return unsupported("is encoded by a dictionary");
    const bool is_known =
        format_.starts_with("tsu:") ||
        (format_.size() == 1 && std::string_view("lgbuUcCsSiIf").find(format_) != std::string_view::npos);
    if (!is_known) return unsupported("has no counterpart");
    if (array_.n_buffers != (is_text ? 3 : 2) || array_.n_children != 0) {
      return contradiction(fmt::format("has {} buffers and {} children, which its format \"{}\" does not allow",
                                       array_.n_buffers, array_.n_children, format_),
                           name_);
    }
    if (rows_ == 0) return ColumnBuilder(type(), pool_).finish();
    const auto* const validity = static_cast<const std::uint8_t*>(array_.buffers[0]);
    validity_ = array_.null_count == 0 ? nullptr : validity;
    for (std::size_t row = 0; validity_ != nullptr && row < rows_; ++row) nulls_ += is_null(row) ? 1 : 0;
    return of_format();
  }

 private:
  Result<Column> of_format() {
    if (format_ == "l" || type() == Type::kTimestamp) return numbers<std::int64_t>();
    if (format_ == "g") return numbers<double>();
    if (format_ == "b") return bools();
    if (format_ == "u") return texts();
    if (format_ == "U") return copied_texts<std::int64_t>();
    if (format_ == "c") return widened<std::int8_t>();
    if (format_ == "C") return widened<std::uint8_t>();
    if (format_ == "s") return widened<std::int16_t>();
    if (format_ == "S") return widened<std::uint16_t>();
    if (format_ == "i") return widened<std::int32_t>();
    if (format_ == "I") return widened<std::uint32_t>();
    return widened<float>();
  }

  Type type() const noexcept {
    if (format_ == "g" || format_ == "f") return Type::kFloat64;
    if (format_ == "b") return Type::kBool;
    if (format_ == "u" || format_ == "U") return Type::kUtf8;
    return format_.starts_with("tsu:") ? Type::kTimestamp : Type::kInt64;
  }

  Error unsupported(std::string_view why) const {
    return Error(ErrorCode::kUnsupported, fmt::format("column \"{}\" of Arrow format \"{}\" {}", name_, format_, why))
        .hint("cast it to int64, float64, bool, utf8, or a timestamp in microseconds");
  }

  template <class T>
  const T* values() const noexcept {
    return static_cast<const T*>(array_.buffers[1]) + first_;
  }
  bool is_null(std::size_t row) const noexcept { return validity_ != nullptr && !get_bit(validity_, first_ + row); }

  static bool is_aligned(const void* at) noexcept { return reinterpret_cast<std::uintptr_t>(at) % 64 == 0; }
  // The bits of a validity that begins inside of a byte would have to be shifted.
  bool validity_fits() const noexcept { return nulls_ == 0 || (first_ == 0 && is_aligned(validity_)); }
  Buffer wrap(const void* at, std::size_t bytes) const {
    return Buffer::wrap({static_cast<const std::uint8_t*>(at), bytes}, keeper_);
  }
  Buffer wrapped_validity() const { return nulls_ == 0 ? Buffer() : wrap(validity_, bitmap_bytes(rows_)); }

  template <class T>
  Result<Column> numbers() const {
    const T* const from = values<T>();
    bool shares = is_aligned(from) && validity_fits();
    for (std::size_t row = 0; shares && nulls_ != 0 && row < rows_; ++row) shares = !is_null(row) || from[row] == T{};
    if (!shares) return widened<T>();
    return Column(type(), rows_, nulls_, wrapped_validity(), wrap(from, rows_ * sizeof(T)));
  }

  template <class T>
  Result<Column> widened() const {
    const T* const from = values<T>();
    return copied([&](ColumnBuilder& builder, std::size_t row) -> Status {
      if (builder.type() == Type::kFloat64) {
        builder.append_float64(static_cast<double>(from[row]));
      } else {
        builder.append_int64(static_cast<std::int64_t>(from[row]));
      }
      return {};
    });
  }

  Result<Column> bools() const {
    const auto* const bits = static_cast<const std::uint8_t*>(array_.buffers[1]);
    return copied([&](ColumnBuilder& builder, std::size_t row) -> Status {
      builder.append_bool(get_bit(bits, first_ + row));
      return {};
    });
  }

  Result<Column> texts() const {
    const auto* const offsets = values<std::int32_t>();
    const void* const bytes = array_.buffers[2];
    bool shares = is_aligned(offsets) && is_aligned(bytes) && offsets[0] == 0 && validity_fits();
    for (std::size_t row = 0; row < rows_; ++row) {
      PENSTOCK_TRY(check_text(offsets[row], offsets[row + 1], row));
      shares = shares && (!is_null(row) || offsets[row] == offsets[row + 1]);
    }
    if (!shares) return copied_texts<std::int32_t>();
    const auto size = static_cast<std::size_t>(offsets[rows_]);
    return Column(Type::kUtf8, rows_, nulls_, wrapped_validity(), wrap(offsets, (rows_ + 1) * sizeof(std::int32_t)),
                  wrap(bytes, size));
  }

  template <class Offset>
  Result<Column> copied_texts() const {
    constexpr std::size_t kMost = 0x7FFF'FFFF;
    const auto* const offsets = values<Offset>();
    const char* const bytes = static_cast<const char*>(array_.buffers[2]);
    return copied([&](ColumnBuilder& builder, std::size_t row) -> Status {
      PENSTOCK_TRY(check_text(offsets[row], offsets[row + 1], row));
      const auto size = static_cast<std::size_t>(offsets[row + 1] - offsets[row]);
      if (size > kMost - builder.text_bytes()) return unsupported("has more than 2 GiB of text in one batch");
      builder.append_text(size == 0 ? std::string_view() : std::string_view(bytes + offsets[row], size));
      return {};
    });
  }

  Status check_text(std::int64_t begin, std::int64_t end, std::size_t row) const {
    if (begin < 0 || end < begin) return contradiction(fmt::format("has falling offsets at row {}", row), name_);
    if (is_null(row) || begin == end) return {};
    const std::string_view text(static_cast<const char*>(array_.buffers[2]) + begin,
                                static_cast<std::size_t>(end - begin));
    return is_utf8(text) ? Status() : contradiction(fmt::format("has a text that is not UTF-8 at row {}", row), name_);
  }

  template <class Append>
  Result<Column> copied(Append append) const {
    ColumnBuilder builder(type(), pool_);
    builder.reserve(rows_);
    for (std::size_t row = 0; row < rows_; ++row) {
      if (is_null(row)) {
        builder.append_null();
      } else {
        PENSTOCK_TRY(append(builder, row));
      }
    }
    return builder.finish();
  }

  const std::string_view format_;
  const std::string name_;
  const ArrowArray& array_;
  const std::size_t first_;
  const std::size_t rows_;
  const std::shared_ptr<const void> keeper_;
  BufferPool& pool_;
  const std::uint8_t* validity_ = nullptr;
  std::size_t nulls_ = 0;
};

bool has_null_rows(const ArrowArray& array) {
  if (array.null_count == 0 || array.n_buffers < 1 || array.buffers[0] == nullptr) return false;
  const auto* const validity = static_cast<const std::uint8_t*>(array.buffers[0]);
  for (std::int64_t row = 0; row < array.length; ++row) {
    if (!get_bit(validity, static_cast<std::size_t>(array.offset + row))) return true;
  }
  return false;
}

}  // namespace

Result<RecordBatch> import_from_arrow(ArrowSchema* schema, ArrowArray* array, BufferPool& pool) {
  const Owned<ArrowSchema> types(schema);
  const auto keeper = std::make_shared<const Owned<ArrowArray>>(array);
  const ArrowArray& rows = **keeper;
  if (types->format == nullptr || std::string_view(types->format) != "+s") {
    return Error(ErrorCode::kUnsupported, fmt::format("a record batch has the Arrow format \"+s\", but this is \"{}\"",
                                                      types->format == nullptr ? "" : types->format))
        .hint("make a struct or a record batch of it");
  }
  if (types->n_children != rows.n_children || rows.length < 0 || rows.offset < 0) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("an Arrow schema has {} columns, its array {} and {} rows from {} on", types->n_children,
                             rows.n_children, rows.length, rows.offset));
  }
  if (has_null_rows(rows)) {
    return Error(ErrorCode::kInvalidArgument,
                 "an Arrow struct has rows that are null as a whole; those of a batch "
                 "cannot be")
        .hint("drop these rows first");
  }
  std::vector<Field> fields;
  std::vector<Column> columns;
  for (std::int64_t i = 0; i < rows.n_children; ++i) {
    const ArrowSchema& type = *types->children[i];
    const ArrowArray& child = *rows.children[i];
    const std::string name = type.name == nullptr ? "" : type.name;
    if (child.offset < 0 || child.length < rows.offset + rows.length) {
      return contradiction(fmt::format("has {} rows, but {} are asked for", child.length, rows.offset + rows.length),
                           name);
    }
    ColumnImport import(type, child, rows.offset, rows.length, keeper, pool);
    PENSTOCK_ASSIGN(Column column, import.column());
    fields.push_back({name, column.type()});
    columns.push_back(std::move(column));
  }
  PENSTOCK_ASSIGN(SchemaPtr made, make_schema(std::move(fields)));
  return RecordBatch(std::move(made), std::move(columns), static_cast<std::size_t>(rows.length));
}

}  // namespace penstock
