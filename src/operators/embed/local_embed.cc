// SPDX-License-Identifier: MIT
#include "operators/embed/local_embed.h"

#include <cstring>
#include <optional>

namespace penstock {
namespace {

class LocalEmbed final : public Operator {
 public:
  LocalEmbed(LocalEmbedOptions options, std::unique_ptr<EmbedderSource> source)
      : options_(std::move(options)), source_(std::move(source)) {}

  OperatorTraits traits() const override { return {.stateless = true, .rows = RowEffect::kKeeps}; }
  std::string note() const override { return source_->note(); }

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(column_, find_tensors(options_.op, input, options_.columns));
    Result<std::unique_ptr<Embedder>> made = source_->make((*input.schema)[column_].tensor);
    if (!made) return std::move(made).error().at(options_.columns.place);
    embedder_ = std::move(*made);
    PENSTOCK_ASSIGN(schema_, with_vectors(input, options_.columns, embedder_->dimension()));
    return StreamType::of_schema(schema_);
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    const Column& tensors = rows.column(column_);
    vectors_.emplace((*schema_)[schema_->size() - 1], *context_->pool);  // what an attempt left that threw is forgotten
    vectors_->reserve(rows.num_rows());
    kept_.clear();
    std::uint32_t row = 0;
    while (row < rows.num_rows()) {
      if (context_->stop->cancelled()) return {};
      if (tensors.is_null(row)) {
        vectors_->append_null();
        kept_.push_back(row++);
        continue;
      }
      std::uint32_t end = row + 1;
      while (end < rows.num_rows() && end - row < options_.most_rows && !tensors.is_null(end)) ++end;
      PENSTOCK_TRY(embed(rows, row, end));
      row = end;
    }
    std::vector<Column> columns = rows.take(kept_, *context_->pool).columns();
    columns.push_back(vectors_->finish());
    out.emit(RecordBatch(schema_, std::move(columns), kept_.size()));
    return {};
  }

 private:
  // Rows that have tensors; these lie one behind the other.
  Status embed(const RecordBatch& rows, std::uint32_t begin, std::uint32_t end) {
    const Column& tensors = rows.column(column_);
    const std::size_t dimension = embedder_->dimension();
    made_.resize((end - begin) * dimension);
    const std::span<const std::byte> first = tensors.tensor(begin);
    PENSTOCK_TRY(embedder_->embed({first.data(), first.size() * (end - begin)}, made_));
    for (std::uint32_t row = begin; row < end; ++row) {
      const std::span<const float> vector(made_.data() + (row - begin) * dimension, dimension);
      if (const Status finite = check_finite(vector); !finite) {
        PENSTOCK_TRY(reject(rows, row, finite.error()));
        continue;
      }
      std::memcpy(vectors_->append_tensor().data(), vector.data(), vector.size_bytes());
      kept_.push_back(row);
    }
    return {};
  }

  Status reject(const RecordBatch& rows, std::uint32_t row, const Error& error) {
    return context_->errors->reject({.record = row,
                                     .reason = error.message(),
                                     .raw = context_->errors->raw_unused() ? std::string() : rows.row_to_json(row),
                                     .column = options_.columns.column});
  }

  const LocalEmbedOptions options_;
  const std::unique_ptr<EmbedderSource> source_;
  std::unique_ptr<Embedder> embedder_;
  std::size_t column_ = 0;
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
  std::optional<ColumnBuilder> vectors_;
  std::vector<std::uint32_t> kept_;
  std::vector<float> made_;
};

}  // namespace

EmbedderSource::~EmbedderSource() = default;

std::unique_ptr<Operator> make_local_embed(LocalEmbedOptions options, std::unique_ptr<EmbedderSource> source) {
  return std::make_unique<LocalEmbed>(std::move(options), std::move(source));
}

}  // namespace penstock
