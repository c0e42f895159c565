// SPDX-License-Identifier: MIT
// The operator `distinct`: the first row of each key, in the order of the input.
#include "operators/etl/columns.h"
#include "operators/etl/etl_operators.h"
#include "operators/etl/group_table.h"
#include "operators/etl/state_memory.h"

namespace penstock {
namespace {

class Distinct final : public Operator {
 public:
  explicit Distinct(std::vector<ColumnName> by) : by_(std::move(by)) {}

  OperatorTraits traits() const override { return {.saves = true, .rows = RowEffect::kDrops}; }
  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(const SchemaPtr schema, schema_of(input));
    std::vector<ColumnName> by = by_;
    if (by.empty()) {
      for (const Field& field : schema->fields()) by.push_back({field.name, {}});
    }
    PENSTOCK_ASSIGN(std::vector<KeyColumn> columns, key_columns(*schema, by));
    table_ = GroupTable(std::move(columns));
    return input;
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    memory_.open(context);
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    std::size_t known = table_.size();
    table_.add(rows, groups_);
    PENSTOCK_TRY(memory_.set(table_.size_bytes(), 0, "the distinct keys", "name fewer columns in \"by\""));
    first_.clear();
    for (std::uint32_t row = 0; row < groups_.size(); ++row) {
      if (groups_[row] < known) continue;  // groups are numbered in order of appearance
      ++known;
      first_.push_back(row);
    }
    if (!first_.empty()) out.emit(rows.take(first_, *context_->pool));
    return {};
  }

  Status save(StateWriter& to) override {
    table_.save(to);
    return {};
  }
  Status restore(StateReader& from) override {
    table_.restore(from);
    return {};
  }

 private:
  const std::vector<ColumnName> by_;
  OperatorContext* context_ = nullptr;
  StateMemory memory_;
  GroupTable table_;
  std::vector<std::uint32_t> groups_;
  std::vector<std::uint32_t> first_;
};

}  // namespace

OperatorInfo distinct_info() {
  return {.name = "distinct",
          .summary =
              "Keeps the first row of each key, in the order of the input. Nulls are equal to each other. It remembers "
              "every key; when these alone pass the memory limit, the run fails.",
          .options = {{.name = "by",
                       .kind = OptionKind::kTexts,
                       .doc = "The columns that make the key; all columns when it is left out.",
                       .example = "[\"id\"]"}},
          .make = [](const Options& options) -> Result<std::unique_ptr<Operator>> {
            return std::make_unique<Distinct>(column_names(options, "by"));
          },
          .example = "op = \"distinct\"\nby = [\"id\"]"};
}

}  // namespace penstock
