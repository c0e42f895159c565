// SPDX-License-Identifier: MIT
// The operator `head`: the first rows.
#include "operators/etl/columns.h"
#include "operators/etl/etl_operators.h"

namespace penstock {
namespace {

class Head final : public Operator {
 public:
  explicit Head(std::uint64_t rows) : left_(rows) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_TRY(schema_of(input));
    return input;
  }

  OperatorTraits traits() const override {
    return {.light = true, .ends_early = true, .saves = true, .rows = RowEffect::kDrops};
  }
  std::uint64_t records_wanted() const noexcept override { return left_; }

  Status process(Batch batch, Emitter& out) override {
    if (left_ == 0) return {};
    if (batch.num_records() <= left_) {
      left_ -= batch.num_records();
      out.emit(std::move(batch));
      return {};
    }
    Batch first(batch.record_batch().head(static_cast<std::size_t>(left_)));
    left_ = 0;
    out.emit(std::move(first));
    return {};
  }

  Status save(StateWriter& to) override {
    to.integer(left_);
    return {};
  }
  Status restore(StateReader& from) override {
    left_ = from.integer();
    return {};
  }

 private:
  std::uint64_t left_;
};

}  // namespace

OperatorInfo head_info() {
  return {.name = "head",
          .summary = "Keeps the first rows and stops the source when it has them.",
          .options = {{.name = "n",
                       .kind = OptionKind::kInteger,
                       .doc = "How many rows, at least 0.",
                       .default_value = 10,
                       .example = "1000"}},
          .make = [](const Options& options) -> Result<std::unique_ptr<Operator>> {
            PENSTOCK_ASSIGN(const std::uint64_t rows, count_option(options, "n", 0));
            return std::make_unique<Head>(rows);
          },
          .example = "op = \"head\"\nn = 1000"};
}

}  // namespace penstock
