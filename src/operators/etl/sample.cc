// SPDX-License-Identifier: MIT
// The operator `sample`: some rows by chance, the same ones in every run and for every batch size.
#include <optional>

#include "data/random.h"
#include "operators/etl/best_rows.h"
#include "operators/etl/columns.h"
#include "operators/etl/etl_operators.h"
#include "operators/etl/state_memory.h"

namespace penstock {
namespace {

constexpr std::uint32_t kStream = 0x5A3B1E;  // apart from the streams with which `generate` fills its columns

// One random draw per row of the stream, by its number: no state to lose, no order to keep.
Random draw(std::uint64_t seed, std::uint64_t row) noexcept { return {seed, kStream, row}; }

class SampleFraction final : public Operator {
 public:
  SampleFraction(double fraction, std::uint64_t seed) : fraction_(fraction), seed_(seed) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_TRY(schema_of(input));
    return input;
  }

  OperatorTraits traits() const override { return {.light = true, .saves = true, .rows = RowEffect::kDrops}; }

  Status open(OperatorContext& context) override {
    pool_ = context.pool;
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    chosen_.clear();
    for (std::uint32_t row = 0; row < rows.num_rows(); ++row) {
      if (draw(seed_, seen_ + row).chance(fraction_)) chosen_.push_back(row);
    }
    seen_ += rows.num_rows();
    if (!chosen_.empty()) out.emit(rows.take(chosen_, *pool_));
    return {};
  }

  Status save(StateWriter& to) override {
    to.integer(seen_);
    return {};
  }
  Status restore(StateReader& from) override {
    seen_ = from.integer();
    return {};
  }

 private:
  const double fraction_;
  const std::uint64_t seed_;
  BufferPool* pool_ = nullptr;
  std::uint64_t seen_ = 0;
  std::vector<std::uint32_t> chosen_;
};

// The rows with the n smallest draws: every set of n rows is equally likely.
class SampleRows final : public Operator {
 public:
  SampleRows(std::uint64_t rows, std::uint64_t seed) : rows_(rows), seed_(seed) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(schema_, schema_of(input));
    return input;
  }

  OperatorTraits traits() const override { return {.light = true, .saves = true, .rows = RowEffect::kDrops}; }

  Status open(OperatorContext& context) override {
    context_ = &context;
    memory_.open(context);
    best_.emplace(schema_, static_cast<std::size_t>(rows_), *context.pool);
    return {};
  }

  Status process(Batch batch, Emitter&) override {
    const RecordBatch& rows = batch.record_batch();
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      const std::uint64_t drawn = __builtin_bswap64(draw(seed_, seen_ + row).bits());
      const std::string_view key(reinterpret_cast<const char*>(&drawn), sizeof drawn);
      if (best_->wants(key)) PENSTOCK_TRY(best_->add(rows, row, key));
    }
    seen_ += rows.num_rows();
    return memory_.set(best_->heap_bytes(), best_->pooled_bytes(), "the rows to keep", "ask for a smaller \"n\"");
  }

  Status save(StateWriter& to) override {
    to.integer(seen_);
    best_->save(to);
    return {};
  }
  Status restore(StateReader& from) override {
    seen_ = from.integer();
    return best_->restore(from);
  }

  Status finish(Emitter& out) override {
    for (RecordBatch& batch : best_->finish(BestRows::Order::kAsTheyCame, context_->batch_size))
      out.emit(std::move(batch));
    return {};
  }

 private:
  const std::uint64_t rows_;
  const std::uint64_t seed_;
  OperatorContext* context_ = nullptr;
  SchemaPtr schema_;
  StateMemory memory_;
  std::uint64_t seen_ = 0;
  std::optional<BestRows> best_;
};

Result<std::unique_ptr<Operator>> make_sample(const Options& options) {
  if (options.has("fraction") == options.has("n")) {
    return Error(ErrorCode::kInvalidArgument, "the operator \"sample\" needs either \"fraction\" or \"n\"")
        .at(options.origin.to_text())
        .hint("fraction = 0.01 keeps about every hundredth row, n = 1000 exactly a thousand rows");
  }
  const auto seed = static_cast<std::uint64_t>(options.integer("seed"));
  if (options.has("n")) {
    PENSTOCK_ASSIGN(const std::uint64_t rows, count_option(options, "n", 0, BestRows::kMostRows));
    return std::make_unique<SampleRows>(rows, seed);
  }
  const double fraction = options.number("fraction");
  if (!(fraction >= 0 && fraction <= 1)) {
    return Error(ErrorCode::kInvalidArgument,
                 "option \"fraction\" must be from 0 to 1, but is " + options.find("fraction")->to_text())
        .at(options.place("fraction").to_text());
  }
  return std::make_unique<SampleFraction>(fraction, seed);
}

}  // namespace

OperatorInfo sample_info() {
  return {
      .name = "sample",
      .summary =
          "Keeps rows chosen at random, in the order of the input. The choice depends on the seed and the number of "
          "the row only.",
      .options =
          {{.name = "fraction",
            .kind = OptionKind::kNumber,
            .doc = "The chance of each row to be kept, from 0 to 1.",
            .example = "0.01"},
           {.name = "n",
            .kind = OptionKind::kInteger,
            .doc = "How many rows to keep (all when there are fewer), instead of \"fraction\". They are kept in memory "
                   "until the input ends.",
            .example = "1000"},
           {.name = "seed",
            .kind = OptionKind::kInteger,
            .doc = "Another seed gives another choice.",
            .default_value = 0,
            .example = "42"}},
      .make = make_sample,
      .example = "op = \"sample\"\nfraction = 0.01\nseed = 42"};
}

}  // namespace penstock
