// SPDX-License-Identifier: MIT
// Batches: what flows between operators. Rows in columns with the Arrow memory layout, or typed records in a vector.
#pragma once

#include <penstock/buffer.h>
#include <penstock/record.h>

#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace penstock {

inline bool get_bit(const std::uint8_t* bits, std::size_t index) noexcept {
  return (bits[index >> 3] >> (index & 7) & 1) != 0;
}
inline void set_bit(std::uint8_t* bits, std::size_t index, bool value) noexcept {
  const auto mask = static_cast<std::uint8_t>(1U << (index & 7));
  bits[index >> 3] = static_cast<std::uint8_t>(value ? bits[index >> 3] | mask : bits[index >> 3] & ~mask);
}

/// An image in a column, not owned: u8 [height, width, channels] in C order. The bytes of its value are height, width,
/// channels and 0 as u32, then the pixels.
struct ImageView {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::uint32_t channels = 0;
  const std::uint8_t* pixels = nullptr;

  static constexpr std::size_t kHeaderBytes = 16;
  std::size_t size_bytes() const noexcept { return std::size_t{height} * width * channels; }
  /// Returns the image in the bytes of a value; one without pixels unless they are the bytes of an image.
  static ImageView of(std::string_view value) noexcept;
};

/// So many bytes of elements of one type: a row of a tensor column.
struct TensorRow {
  TensorElement element = TensorElement::kF32;
  std::uint32_t bytes = 0;
  friend bool operator==(TensorRow, TensorRow) = default;
};

/// One column, immutable; memory layout of the Arrow columnar format 1.4 without offset into the buffers:
/// validity bitmap (bit i set: not null; absent when there is no null), then values: int64/timestamp 8 bytes, float64
/// 8 bytes, bool one bit, utf8 int32 offsets [N + 1] and bytes, images the same, tensors row after row. Values under
/// nulls are zero or empty.
///
/// Copies share the buffers; thread-compatible.
class Column {
 public:
  Column() = default;
  /// Requires buffers of matching size. `bytes` is for utf8 and images only, where `values` holds the offsets; `row` is
  /// for tensors only.
  Column(Type type, std::size_t size, std::size_t null_count, Buffer validity, Buffer values, Buffer bytes = {},
         TensorRow row = {}) noexcept
      : type_(type),
        row_(row),
        size_(size),
        null_count_(null_count),
        validity_(std::move(validity)),
        values_(std::move(values)),
        bytes_(std::move(bytes)) {}

  Type type() const noexcept { return type_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t null_count() const noexcept { return null_count_; }
  /// Null when no value is null.
  const std::uint8_t* validity() const noexcept { return null_count_ == 0 ? nullptr : validity_.data(); }
  bool is_null(std::size_t row) const noexcept { return null_count_ != 0 && !get_bit(validity_.data(), row); }

  /// For int64 and timestamp.
  std::span<const std::int64_t> int64s() const noexcept {
    return {reinterpret_cast<const std::int64_t*>(values_.data()), size_};
  }
  std::span<const double> float64s() const noexcept { return {reinterpret_cast<const double*>(values_.data()), size_}; }
  /// For bool: one bit per row.
  const std::uint8_t* bits() const noexcept { return values_.data(); }
  /// For utf8 and images: where each one's bytes begin, and the end of the last, [N + 1].
  const std::int32_t* offsets() const noexcept { return reinterpret_cast<const std::int32_t*>(values_.data()); }
  const char* bytes() const noexcept { return reinterpret_cast<const char*>(bytes_.data()); }
  std::string_view text(std::size_t row) const noexcept {
    const std::int32_t* const at = offsets() + row;
    return {bytes() + at[0], static_cast<std::size_t>(at[1] - at[0])};
  }
  /// For images; that of a null has no pixels.
  ImageView image(std::size_t row) const noexcept { return ImageView::of(text(row)); }
  /// For tensors.
  TensorRow tensor_row() const noexcept { return row_; }
  std::span<const std::byte> tensor(std::size_t row) const noexcept {
    return {reinterpret_cast<const std::byte*>(values_.data()) + row * row_.bytes, row_.bytes};
  }
  /// For tensors of elements `T`: those of all rows one behind the other, aligned to 64.
  template <class T>
  std::span<const T> elements() const noexcept {
    return {reinterpret_cast<const T*>(values_.data()), size_ * row_.bytes / sizeof(T)};
  }

  /// Returns the rows of `rows` in that order; indices may repeat. Cost: linear in the result.
  Column take(std::span<const std::uint32_t> rows, BufferPool& pool) const;
  /// Returns the first `count` rows, sharing the buffers.
  Column head(std::size_t count) const;
  /// Bytes of the rows as stored, for progress and metrics.
  std::size_t size_bytes() const noexcept;

 private:
  Type type_ = Type::kInt64;
  TensorRow row_ = {};
  std::size_t size_ = 0;
  std::size_t null_count_ = 0;
  Buffer validity_;
  Buffer values_;
  Buffer bytes_;
};

/// Builds a column value by value. Thread-compatible.
///
/// The appending functions of the wrong type are a broken contract and not checked. A column of texts or images holds
/// at most 2^31 - 1 bytes of them; see `text_bytes`.
class ColumnBuilder {
 public:
  /// Requires a type that is not kTensor, or the row of one.
  ColumnBuilder(Type type, BufferPool& pool, TensorRow row = {});
  /// Requires the field of a schema by make_schema.
  ColumnBuilder(const Field& field, BufferPool& pool);

  Type type() const noexcept { return type_; }
  std::size_t size() const noexcept { return size_; }
  /// Bytes of texts or images so far.
  std::size_t text_bytes() const noexcept { return text_bytes_; }
  /// Makes room for `rows` more rows and `text_bytes` more bytes of text.
  void reserve(std::size_t rows, std::size_t text_bytes = 0);

  /// For int64 and timestamp.
  void append_int64(std::int64_t value) {
    room_for_row();
    reinterpret_cast<std::int64_t*>(values_data_)[size_++] = value;
  }
  void append_float64(double value) {
    room_for_row();
    reinterpret_cast<double*>(values_data_)[size_++] = value;
  }
  void append_bool(bool value) {
    room_for_row();
    set_bit(values_data_, size_++, value);
  }
  void append_text(std::string_view value) {
    char* const to = begin_text(value.size());
    if (!value.empty()) std::memcpy(to, value.data(), value.size());
    end_text(value.size());
  }
  /// Returns room for a text of at most `max_bytes`, to be followed by `end_text`.
  char* begin_text(std::size_t max_bytes) {
    room_for_row();
    if (text_bytes_ + max_bytes > text_capacity_) [[unlikely]]
      grow_text(max_bytes);
    return reinterpret_cast<char*>(text_data_) + text_bytes_;
  }
  void end_text(std::size_t bytes) noexcept {
    text_bytes_ += bytes;
    reinterpret_cast<std::int32_t*>(values_data_)[++size_] = static_cast<std::int32_t>(text_bytes_);
  }
  /// Appends an image and returns the room for its pixels, to be filled before the next call of the builder.
  std::uint8_t* append_image(std::uint32_t height, std::uint32_t width, std::uint32_t channels);
  /// Appends a tensor and returns the room for its elements, to be filled before the next call of the builder.
  std::span<std::byte> append_tensor() {
    room_for_row();
    return {reinterpret_cast<std::byte*>(values_data_) + size_++ * row_.bytes, row_.bytes};
  }
  void append_null();
  /// Appends row `row` of `column`, which has the same type, and as a tensor the same row.
  void append_from(const Column& column, std::size_t row);
  /// Drops the last value.
  void pop_back() noexcept;

  /// Returns what was appended and starts anew.
  Column finish();

 private:
  void room_for_row() {
    if (size_ == capacity_) [[unlikely]]
      grow_rows(size_ + 1);
  }
  void grow_rows(std::size_t rows);
  void grow_text(std::size_t more_bytes);

  Type type_;
  TensorRow row_;
  BufferPool* pool_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;  // rows
  std::size_t null_count_ = 0;
  std::size_t text_bytes_ = 0;
  std::size_t text_capacity_ = 0;
  std::size_t validity_rows_ = 0;  // rows whose validity bit is written; the rest is valid
  std::uint8_t* values_data_ = nullptr;
  std::uint8_t* text_data_ = nullptr;
  Buffer validity_;
  Buffer values_;
  Buffer text_;
};

/// Rows in columns of equal length. Copies share the buffers; immutable; thread-compatible.
class RecordBatch {
 public:
  RecordBatch() : schema_(std::make_shared<const Schema>()) {}
  /// Requires one column per field, of its type, with `num_rows` values.
  RecordBatch(SchemaPtr schema, std::vector<Column> columns, std::size_t num_rows)
      : schema_(std::move(schema)), columns_(std::move(columns)), num_rows_(num_rows) {}

  const Schema& schema() const noexcept { return *schema_; }
  const SchemaPtr& schema_ptr() const noexcept { return schema_; }
  std::size_t num_rows() const noexcept { return num_rows_; }
  std::size_t num_columns() const noexcept { return columns_.size(); }
  const Column& column(std::size_t index) const noexcept { return columns_[index]; }
  const std::vector<Column>& columns() const noexcept { return columns_; }
  std::size_t size_bytes() const noexcept;

  /// Returns the rows of `rows` in that order; shares the buffers when these are all rows.
  RecordBatch take(std::span<const std::uint32_t> rows, BufferPool& pool) const;
  /// Returns the first `count` rows, sharing the buffers.
  RecordBatch head(std::size_t count) const;
  /// Returns one row as a JSON object on one line, for quarantine and messages; numbers in their shortest form, images
  /// and tensors of over 64 KiB as a text that says their shape.
  std::string row_to_json(std::size_t row) const;

 private:
  SchemaPtr schema_;
  std::vector<Column> columns_;
  std::size_t num_rows_ = 0;
};

/// Builds a record batch row by row: one builder per column.
class RecordBatchBuilder {
 public:
  RecordBatchBuilder(SchemaPtr schema, BufferPool& pool);
  ColumnBuilder& column(std::size_t index) noexcept { return columns_[index]; }
  std::size_t num_rows() const noexcept { return columns_.empty() ? 0 : columns_[0].size(); }
  const SchemaPtr& schema_ptr() const noexcept { return schema_; }
  /// Requires equally long columns. Starts anew.
  RecordBatch finish();

 private:
  SchemaPtr schema_;
  std::vector<ColumnBuilder> columns_;
};

/// What a batch holds: `RecordBatchData`, or `TypedRecords<T>`.
class BatchData {
 public:
  virtual ~BatchData();
  virtual std::size_t num_records() const noexcept = 0;
  /// Bytes that no buffer pool counts.
  virtual std::size_t unpooled_bytes() const noexcept = 0;
  /// Identifies the kind of records; see `record_key`.
  virtual const void* key() const noexcept = 0;
  /// Null when the records cannot be copied. Record batches share their buffers.
  virtual std::unique_ptr<BatchData> copy() const = 0;
  /// The bytes of records that mean the same in another process of the program; nothing when they do not, or when there
  /// are no records.
  virtual std::span<const std::byte> flat_bytes() const noexcept { return {}; }
  /// Whether the calling thread made it, and so probably allocated what its records hold.
  bool made_here() const noexcept { return maker_ == &thread_mark_; }

 private:
  static inline thread_local char thread_mark_ = 0;
  const void* maker_ = &thread_mark_;
};

/// The identity of a record type: the same address for the same `T` in all of one program.
template <class T>
const void* record_key() noexcept {
  static constexpr char kKey = 0;
  return &kKey;
}

/// Whether records of type `T` mean the same, byte by byte, in another process of the program: numbers do. Specialise
/// it as true for a struct that can be copied with memcpy and holds no pointers, no views and no file descriptors.
template <class T>
inline constexpr bool is_flat_record = (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) || std::is_enum_v<T>;

class RecordBatchData final : public BatchData {
 public:
  explicit RecordBatchData(RecordBatch batch) : batch(std::move(batch)) {}
  ~RecordBatchData() override;
  std::size_t num_records() const noexcept override { return batch.num_rows(); }
  std::size_t unpooled_bytes() const noexcept override { return 0; }
  const void* key() const noexcept override { return record_key<RecordBatch>(); }
  std::unique_ptr<BatchData> copy() const override { return std::make_unique<RecordBatchData>(batch); }

  RecordBatch batch;
};

template <class T>
class TypedRecords final : public BatchData {
 public:
  std::size_t num_records() const noexcept override { return records.size(); }
  std::size_t unpooled_bytes() const noexcept override { return records.capacity() * sizeof(T); }
  const void* key() const noexcept override { return record_key<T>(); }
  std::unique_ptr<BatchData> copy() const override {
    if constexpr (std::is_copy_constructible_v<T>) {
      auto same = std::make_unique<TypedRecords>();
      same->records = std::vector<T>(records);  // not by assignment: T may only be copy-constructible
      return same;
    } else {
      return nullptr;
    }
  }
  std::span<const std::byte> flat_bytes() const noexcept override {
    if constexpr (is_flat_record<T>) return std::as_bytes(std::span(records));
    return {};
  }
  /// The records whose `flat_bytes` these are; null when the bytes are no whole number of records.
  static std::unique_ptr<BatchData> from_flat(std::span<const std::byte> bytes)
    requires is_flat_record<T>
  {
    static_assert(std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>,
                  "penstock: is_flat_record: the record type is not plain bytes");
    if (bytes.size() % sizeof(T) != 0) return nullptr;
    auto data = std::make_unique<TypedRecords>();
    data->records.resize(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(data->records.data(), bytes.data(), bytes.size());
    return data;
  }

  std::vector<T> records;
};

/// A batch of records in order: the unit of scheduling. Move-only; two pointers and a number.
class Batch {
 public:
  Batch() noexcept = default;
  Batch(RecordBatch batch)
      : data_(std::make_unique<RecordBatchData>(std::move(batch))) {}  // NOLINT: implicit on purpose
  explicit Batch(std::unique_ptr<BatchData> data) noexcept : data_(std::move(data)) {}

  std::size_t num_records() const noexcept { return data_ == nullptr ? 0 : data_->num_records(); }
  std::size_t unpooled_bytes() const noexcept { return data_ == nullptr ? 0 : data_->unpooled_bytes(); }
  explicit operator bool() const noexcept { return data_ != nullptr; }
  bool made_here() const noexcept { return data_ == nullptr || data_->made_here(); }
  bool is_record_batch() const noexcept { return data_ != nullptr && data_->key() == record_key<RecordBatch>(); }
  std::span<const std::byte> flat_bytes() const noexcept {
    return data_ == nullptr ? std::span<const std::byte>() : data_->flat_bytes();
  }
  /// Requires `is_record_batch()`.
  RecordBatch& record_batch() noexcept { return static_cast<RecordBatchData&>(*data_).batch; }
  const RecordBatch& record_batch() const noexcept { return static_cast<const RecordBatchData&>(*data_).batch; }
  /// Requires typed records of `T`; the graph check of the pipeline guarantees it.
  template <class T>
  std::vector<T>& records() noexcept {
    return static_cast<TypedRecords<T>&>(*data_).records;
  }

  /// Returns a batch with the same records, or an empty one when they cannot be copied.
  Batch copy() const {
    Batch same(data_ == nullptr ? nullptr : data_->copy());
    same.sequence = sequence;
    return same;
  }

  /// Position in the order of the stream, from 0, given by the engine.
  std::uint64_t sequence = 0;
  /// What the operator that it goes to made of it ahead of its turn, by `Operator::prepare`; mostly empty. Copies have
  /// none.
  Buffer prepared;

 private:
  std::unique_ptr<BatchData> data_;
};

/// What flows on one edge of a pipeline, known before the first record moves.
struct StreamType {
  SchemaPtr schema = {};         ///< Of record batches; null for typed records.
  const void* key = nullptr;     ///< `record_key` of the records; null for the (absent) input of a source.
  std::string record_name = {};  ///< For messages: "record batch" or the name of the C++ type.
  /// Makes typed records from their bytes; null when they cannot leave their process.
  std::unique_ptr<BatchData> (*from_flat)(std::span<const std::byte> bytes) = nullptr;

  static StreamType of_schema(SchemaPtr schema) {
    return {std::move(schema), record_key<RecordBatch>(), "record batch"};
  }
  bool is_record_batch() const noexcept { return key == record_key<RecordBatch>(); }
  /// Whether batches of it can be handed to another process.
  bool can_cross_processes() const noexcept { return is_record_batch() || from_flat != nullptr; }
};

}  // namespace penstock
