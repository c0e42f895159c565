// SPDX-License-Identifier: MIT
#include "operators/etl/lookup_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace penstock {
namespace {

// A table of which some rows are missing would answer wrongly, so the first bad row ends the run.
class FailingErrors final : public RowErrors {
 public:
  Status reject(Rejection rejection) override {
    return Error(ErrorCode::kInvalidArgument, std::move(rejection.reason))
        .at(rejection.file.empty() ? std::string() : fmt::format("{}:{}", rejection.file, rejection.line))
        .hint("mend the row, or clean the table in a stage of its own first");
  }
  bool raw_unused() const noexcept override { return true; }
};

// Hands each batch to a function and remembers its first error.
template <class Use>
class EmitterTo final : public Emitter {
 public:
  explicit EmitterTo(Use use) : use_(std::move(use)) {}
  bool emit(Batch batch) override {
    if (status) status = use_(batch.record_batch());
    return !done();
  }
  bool done() const noexcept override { return !status; }

  Status status;

 private:
  Use use_;
};

// Rows whose key has no null.
std::vector<std::uint32_t> rows_with_key(const RecordBatch& rows, std::span<const std::size_t> keys) {
  std::vector<std::uint32_t> present;
  for (std::uint32_t row = 0; row < rows.num_rows(); ++row) {
    if (std::none_of(keys.begin(), keys.end(), [&](std::size_t key) { return rows.column(key).is_null(row); })) {
      present.push_back(row);
    }
  }
  return present;
}

}  // namespace

Status LookupTable::bind() {
  PENSTOCK_ASSIGN(const OperatorInfo* const info, Registry::global().find(options_.reader));
  PENSTOCK_ASSIGN(const Options checked, Registry::global().check_options(*info, options_.reader_options));
  PENSTOCK_ASSIGN(reader_, info->make(checked));
  Result<StreamType> type = reader_->bind({});
  if (!type) return Error(std::move(type).error()).at(options_.place);
  schema_ = type->schema;

  const std::string table = fmt::format("table {}", options_.path);
  Result<std::vector<std::size_t>> keys = find_columns(*schema_, options_.keys);
  if (!keys) return Error(std::move(keys).error()).at(table);
  keys_ = std::move(*keys);
  Result<std::vector<std::size_t>> columns = find_columns(*schema_, options_.columns);
  if (!columns) return Error(std::move(columns).error()).at(table);
  columns_ = std::move(*columns);
  if (options_.columns.empty()) {
    for (std::size_t i = 0; i < schema_->size(); ++i) {
      if (std::find(keys_.begin(), keys_.end(), i) == keys_.end()) columns_.push_back(i);
    }
  }
  std::vector<KeyColumn> key_columns;
  for (const std::size_t key : keys_) {
    key_fields_.push_back((*schema_)[key]);
    key_columns.push_back({.index = key, .type = (*schema_)[key].type});
  }
  for (const std::size_t column : columns_) value_fields_.push_back((*schema_)[column]);
  table_ = GroupTable(std::move(key_columns));
  return {};
}

Status LookupTable::load(const OperatorContext& context) {
  FailingErrors errors;
  context_ = context;
  context_.errors = &errors;
  memory_.open(context);
  builder_.emplace(std::make_shared<const Schema>(value_fields_), *context.pool);

  auto* const source = dynamic_cast<Source*>(reader_.get());
  if (source == nullptr) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("the operator \"{}\" reads no file", options_.reader));
  }
  PENSTOCK_TRY(source->open(context_));
  EmitterTo out([this](const RecordBatch& rows) { return add(rows); });
  for (Source::Next next = Source::Next::kMore; next == Source::Next::kMore && !out.done();) {
    PENSTOCK_ASSIGN(next, source->produce(out));
  }
  PENSTOCK_TRY(std::move(out.status));
  PENSTOCK_TRY(source->finish(out));
  reader_.reset();
  values_ = builder_->finish();
  // a table without columns to give still has rows
  if (value_fields_.empty()) values_ = RecordBatch(values_.schema_ptr(), {}, table_.size());
  return {};
}

Status LookupTable::add(const RecordBatch& all) {
  const RecordBatch rows = all.take(rows_with_key(all, keys_), *context_.pool);
  std::size_t known = table_.size();
  table_.add(rows, groups_);
  std::size_t text_bytes = 0;
  for (std::size_t row = 0; row < rows.num_rows(); ++row) {
    if (groups_[row] < known) {
      if (!options_.first_of_duplicates) return duplicate(rows, row);
      continue;
    }
    ++known;
    for (std::size_t i = 0; i < columns_.size(); ++i) builder_->column(i).append_from(rows.column(columns_[i]), row);
  }
  std::size_t pooled = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    text_bytes = std::max(text_bytes, builder_->column(i).text_bytes());
    pooled += builder_->column(i).text_bytes() + table_.size() * sizeof(std::int64_t);
  }
  PENSTOCK_TRY(memory_.set(table_.size_bytes(), pooled, fmt::format("the table {}", options_.path),
                           "name fewer \"columns\"; join is for tables that fit into memory"));
  if (text_bytes + all.size_bytes() > std::numeric_limits<std::int32_t>::max()) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("the table {} holds 2 GiB of text in one column", options_.path))
        .retryable(false)
        .hint("name fewer \"columns\"; join is for tables that fit into memory");
  }
  return {};
}

Error LookupTable::duplicate(const RecordBatch& rows, std::size_t row) const {
  std::vector<Column> columns;
  for (const std::size_t key : keys_) columns.push_back(rows.column(key));
  const RecordBatch keys(std::make_shared<const Schema>(key_fields_), std::move(columns), rows.num_rows());
  return Error(ErrorCode::kAlreadyExists,
               fmt::format("the table {} has two rows with the key {}", options_.path, keys.row_to_json(row)))
      .hint("remove one, or set duplicates = \"first\"");
}

void LookupTable::find(const RecordBatch& batch, RowKeys& keys, std::vector<std::uint32_t>& rows) const {
  table_.find(batch, keys, rows);
  for (const KeyColumn& key : keys.columns()) {
    const Column& column = batch.column(key.index);
    if (column.null_count() == 0) continue;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (column.is_null(row)) rows[row] = GroupTable::kNone;
    }
  }
}

}  // namespace penstock
