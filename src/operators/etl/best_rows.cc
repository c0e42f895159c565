// SPDX-License-Identifier: MIT
#include "operators/etl/best_rows.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "data/batch_bytes.h"
#include "data/column_layout.h"

namespace penstock {
namespace {

constexpr std::size_t kSpare = 1024;
constexpr std::size_t kMostTextBytes = std::numeric_limits<std::int32_t>::max();

}  // namespace

BestRows::BestRows(SchemaPtr schema, std::size_t limit, BufferPool& pool)
    : limit_(limit), pool_(&pool), rows_(std::move(schema), pool) {}

bool BestRows::texts_fit(const RecordBatch& batch, std::size_t row) {
  for (std::size_t i = 0; i < batch.num_columns(); ++i) {
    if (!has_offsets(batch.column(i).type())) continue;
    if (rows_.column(i).text_bytes() + batch.column(i).text(row).size() > kMostTextBytes) return false;
  }
  return true;
}

Status BestRows::add(const RecordBatch& batch, std::size_t row, std::string_view key) {
  if (entries_.size() >= 2 * limit_ + kSpare) compact();
  if (!texts_fit(batch, row)) {
    compact();
    if (!texts_fit(batch, row)) {
      return Error(ErrorCode::kResourceExhausted, "the rows to keep hold more than 2 GiB of text in one column")
          .retryable(false)
          .hint("ask for fewer rows, or drop long columns with select first");
    }
  }
  entries_.push_back({{keys_.add(key), key.size()}, static_cast<std::uint32_t>(rows_.num_rows())});
  for (std::size_t i = 0; i < batch.num_columns(); ++i) rows_.column(i).append_from(batch.column(i), row);
  return {};
}

void BestRows::compact() {
  if (entries_.size() <= limit_) return;
  std::nth_element(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(limit_), entries_.end());
  entries_.resize(limit_);
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.row < b.row; });

  ByteArena keys;
  std::vector<std::uint32_t> kept;
  for (Entry& entry : entries_) {
    kept.push_back(entry.row);
    entry = {{keys.add(entry.key), entry.key.size()}, static_cast<std::uint32_t>(kept.size() - 1)};
  }
  const RecordBatch all = rows_.finish();
  for (std::size_t i = 0; i < all.num_columns(); ++i) {
    for (const std::uint32_t row : kept) rows_.column(i).append_from(all.column(i), row);
  }
  keys_ = std::move(keys);
  full_ = true;
  worst_ = std::max_element(entries_.begin(), entries_.end())->key;
}

void BestRows::take_rows_of(const RecordBatch& batch) {
  for (std::size_t i = 0; i < batch.num_columns(); ++i) {
    for (std::size_t row = 0; row < batch.num_rows(); ++row) rows_.column(i).append_from(batch.column(i), row);
  }
}

// After a compaction row i belongs to entry i.
void BestRows::save(StateWriter& to) {
  compact();
  to.integer(full_ ? 1 : 0);
  to.integer(entries_.size());
  for (const Entry& entry : entries_) to.text(entry.key);
  const RecordBatch rows = rows_.finish();
  Buffer block = pool_->allocate(encoded_size(rows));
  block.set_size(encoded_size(rows));
  encode_batch(rows, std::as_writable_bytes(std::span(block.mutable_data(), block.size())));
  to.text({reinterpret_cast<const char*>(block.data()), block.size()});
  take_rows_of(rows);
}

Status BestRows::restore(StateReader& from) {
  full_ = from.integer() != 0;
  const std::uint64_t count = from.integer();
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view key = from.text();
    entries_.push_back({{keys_.add(key), key.size()}, static_cast<std::uint32_t>(i)});
  }
  const std::string_view bytes = from.text();
  Buffer block = pool_->allocate(bytes.size());
  block.set_size(bytes.size());
  if (!bytes.empty()) std::memcpy(block.mutable_data(), bytes.data(), bytes.size());
  PENSTOCK_ASSIGN(const RecordBatch rows, decode_batch(std::as_bytes(std::span(block.data(), block.size())), nullptr));
  if (rows.num_rows() != entries_.size() || rows.num_columns() != rows_.schema_ptr()->size())
    return Error(ErrorCode::kDataLoss, "the rows in the checkpoint are not those of this operator");
  take_rows_of(rows);
  if (full_ && !entries_.empty()) worst_ = std::max_element(entries_.begin(), entries_.end())->key;
  return {};
}

std::vector<RecordBatch> BestRows::finish(Order order, std::size_t batch_size) {
  compact();
  if (order == Order::kByKey) std::sort(entries_.begin(), entries_.end());
  std::vector<std::uint32_t> rows;
  for (const Entry& entry : entries_) rows.push_back(entry.row);
  const RecordBatch all = rows_.finish();
  std::vector<RecordBatch> batches;
  for (std::size_t begin = 0; begin < rows.size(); begin += batch_size) {
    const std::size_t size = std::min(batch_size, rows.size() - begin);
    batches.push_back(all.take(std::span(rows).subspan(begin, size), *pool_));
  }
  return batches;
}

std::size_t BestRows::pooled_bytes() const noexcept {
  std::size_t bytes = 0;
  auto& rows = const_cast<RecordBatchBuilder&>(rows_);  // its accessor has no const form
  for (std::size_t i = 0; i < rows.schema_ptr()->size(); ++i) {
    const ColumnBuilder& column = rows.column(i);
    const Field& field = (*rows.schema_ptr())[i];
    bytes += column.text_bytes() + column.size() * (sizeof(std::int64_t) + tensor_row(field).bytes);
  }
  return bytes;
}

}  // namespace penstock
