// SPDX-License-Identifier: MIT
// The operator `top`: the rows with the largest or smallest values of some columns, in that order.
#include <optional>

#include "operators/etl/best_rows.h"
#include "operators/etl/columns.h"
#include "operators/etl/etl_operators.h"
#include "operators/etl/state_memory.h"

namespace penstock {
namespace {

class Top final : public Operator {
 public:
  Top(std::vector<ColumnName> by, std::uint64_t rows, bool descending)
      : by_(std::move(by)), rows_(rows), descending_(descending) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(schema_, schema_of(input));
    PENSTOCK_ASSIGN(std::vector<KeyColumn> columns, key_columns(*schema_, by_));
    for (KeyColumn& column : columns) {
      column.descending = descending_;
      column.nulls_last = true;
    }
    keys_ = RowKeys(std::move(columns));
    return input;
  }

  OperatorTraits traits() const override { return {.saves = true}; }

  Status open(OperatorContext& context) override {
    context_ = &context;
    memory_.open(context);
    best_.emplace(schema_, static_cast<std::size_t>(rows_), *context.pool);
    return {};
  }

  Status process(Batch batch, Emitter&) override {
    const RecordBatch& rows = batch.record_batch();
    keys_.encode(rows);
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      if (best_->wants(keys_.key(row))) PENSTOCK_TRY(best_->add(rows, row, keys_.key(row)));
    }
    return memory_.set(best_->heap_bytes(), best_->pooled_bytes(), "the rows to keep", "ask for a smaller \"n\"");
  }

  Status save(StateWriter& to) override {
    best_->save(to);
    return {};
  }
  Status restore(StateReader& from) override { return best_->restore(from); }

  Status finish(Emitter& out) override {
    for (RecordBatch& batch : best_->finish(BestRows::Order::kByKey, context_->batch_size)) out.emit(std::move(batch));
    return {};
  }

 private:
  const std::vector<ColumnName> by_;
  const std::uint64_t rows_;
  const bool descending_;
  OperatorContext* context_ = nullptr;
  SchemaPtr schema_;
  StateMemory memory_;
  RowKeys keys_;
  std::optional<BestRows> best_;
};

}  // namespace

OperatorInfo top_info() {
  return {
      .name = "top",
      .summary =
          "Keeps the n rows with the largest (or smallest) values of some columns, in that order. Of equal rows the "
          "earlier one comes first; nulls come last in either order, NaN counts as larger than every number.",
      .options = {{.name = "by",
                   .kind = OptionKind::kTexts,
                   .doc = "The columns to compare, the most important first.",
                   .required = true,
                   .example = "[\"amount\"]"},
                  {.name = "n",
                   .kind = OptionKind::kInteger,
                   .doc = "How many rows, at least 0. They are kept in memory.",
                   .default_value = 10,
                   .example = "100"},
                  {.name = "order",
                   .kind = OptionKind::kChoice,
                   .doc = "descending: the largest first; ascending: the smallest first.",
                   .default_value = "descending",
                   .choices = {"descending", "ascending"},
                   .example = "\"ascending\""}},
      .make = [](const Options& options) -> Result<std::unique_ptr<Operator>> {
        PENSTOCK_ASSIGN(const std::uint64_t rows, count_option(options, "n", 0, BestRows::kMostRows));
        return std::make_unique<Top>(column_names(options, "by"), rows, options.text("order") == "descending");
      },
      .example = "op = \"top\"\nby = [\"amount\"]\nn = 100"};
}

}  // namespace penstock
