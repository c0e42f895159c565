// SPDX-License-Identifier: MIT
// generate: the records of the reference job, each a pure function of the seed and of its number.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/nearest_name.h"
#include "data/random.h"
#include "operators/io/formats.h"

namespace penstock {
namespace {

// Each column draws from a stream of its own, so that the choice of columns changes no value.
enum ColumnKind : std::uint32_t { kId, kValue1, kValue2, kCategory };
struct ColumnInfo {
  const char* name;
  Type type;
};
constexpr ColumnInfo kColumns[] = {
    {"id", Type::kInt64}, {"value1", Type::kFloat64}, {"value2", Type::kFloat64}, {"category", Type::kUtf8}};

void append_values(ColumnBuilder& to, ColumnKind kind, std::uint64_t seed, std::uint64_t begin, std::uint64_t end) {
  for (std::uint64_t i = begin; i < end; ++i) {
    Random random(seed, kind, i);
    switch (kind) {
      case kId: to.append_int64(static_cast<std::int64_t>(i)); break;
      case kValue1: to.append_float64(random.normal(100, 15)); break;
      case kValue2: to.append_float64(random.exponential(2)); break;
      case kCategory:
        to.append_text(std::string_view("ABCD").substr(static_cast<std::size_t>(random.integer(0, 3)), 1));
    }
  }
}

class Generate final : public Source {
 public:
  Generate(std::uint64_t records, std::uint64_t seed, std::vector<ColumnKind> columns)
      : records_(records), seed_(seed), columns_(std::move(columns)) {}

  Result<StreamType> bind(const StreamType&) override {
    std::vector<Field> fields;
    for (const ColumnKind kind : columns_) fields.push_back({kColumns[kind].name, kColumns[kind].type});
    PENSTOCK_ASSIGN(schema_, make_schema(std::move(fields)));
    return StreamType::of_schema(schema_);
  }
  OperatorTraits traits() const override { return {.divisible = true, .saves = true}; }
  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }
  Result<Next> produce(Emitter& out) override {
    const Range range = next_range();
    if (range.begin == range.end) return Next::kEnd;
    const bool wanted = out.emit(records_in(range));
    return wanted && range.end < records_ ? Next::kMore : Next::kEnd;
  }
  Result<std::unique_ptr<SourcePiece>> cut(std::unique_ptr<SourcePiece> spent) override {
    const Range range = next_range();
    if (range.begin == range.end) return nullptr;
    if (spent == nullptr) spent = std::make_unique<Piece>();
    static_cast<Piece&>(*spent).range = range;
    static_cast<Piece&>(*spent).schema = schema_;
    return spent;
  }
  Status read(SourcePiece& source_piece, Emitter& out) override {
    const auto& piece = static_cast<Piece&>(source_piece);
    schema_ = piece.schema;
    out.emit(records_in(piece.range));
    return {};
  }
  Status merge(Operator&) override { return {}; }
  Status save(StateWriter& to) override {
    to.integer(done_.load(std::memory_order_relaxed));
    return {};
  }
  Status restore(StateReader& from) override {
    done_.store(from.integer(), std::memory_order_relaxed);
    return {};
  }
  SourceProgress progress() const noexcept override {
    return {done_.load(std::memory_order_relaxed), records_, "records"};
  }

 private:
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  struct Piece final : SourcePiece {
    Range range;
    SchemaPtr schema;
  };

  Range next_range() {
    const std::uint64_t begin = done_.load(std::memory_order_relaxed);
    const std::uint64_t end = begin + std::min<std::uint64_t>(context_->batch_size, records_ - begin);
    done_.store(end, std::memory_order_relaxed);
    return {begin, end};
  }

  RecordBatch records_in(Range range) const {
    const auto rows = static_cast<std::size_t>(range.end - range.begin);
    RecordBatchBuilder builder(schema_, *context_->pool);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      builder.column(i).reserve(rows, columns_[i] == kCategory ? rows : 0);
      append_values(builder.column(i), columns_[i], seed_, range.begin, range.end);
    }
    return builder.finish();
  }

  std::uint64_t records_;
  std::uint64_t seed_;
  std::vector<ColumnKind> columns_;
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
  std::atomic<std::uint64_t> done_{0};
};

Result<std::vector<ColumnKind>> columns_of(const Options& options) {
  std::vector<ColumnKind> columns;
  for (const std::string& name : options.texts("columns")) {
    const auto* const found = std::find_if(std::begin(kColumns), std::end(kColumns),
                                           [&](const ColumnInfo& column) { return name == column.name; });
    if (found == std::end(kColumns)) {
      const std::vector<std::string> known = {"id", "value1", "value2", "category"};
      return Error(ErrorCode::kInvalidArgument, fmt::format("option \"columns\" names an unknown column: \"{}\"", name))
          .at(options.place("columns").to_text())
          .hint(suggest_name(name, known));
    }
    columns.push_back(static_cast<ColumnKind>(found - std::begin(kColumns)));
  }
  if (!columns.empty()) return columns;
  return Error(ErrorCode::kInvalidArgument, "option \"columns\" names no column")
      .at(options.place("columns").to_text())
      .hint("leave it out for all columns");
}

Result<std::unique_ptr<Operator>> make_generate(const Options& options) {
  const std::int64_t records = options.integer("records");
  if (records < 0) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("option \"records\" is {}, expected 0 or more", records))
        .at(options.place("records").to_text());
  }
  PENSTOCK_ASSIGN(std::vector<ColumnKind> columns, columns_of(options));
  return std::unique_ptr<Operator>(std::make_unique<Generate>(
      static_cast<std::uint64_t>(records), static_cast<std::uint64_t>(options.integer("seed")), std::move(columns)));
}

}  // namespace

OperatorInfo generate_info() {
  return {
      .name = "generate",
      .role = OperatorInfo::Role::kSource,
      .summary =
          "Generates the records of the reference job: id from 0, value1 normal (mean 100, deviation 15), value2 "
          "exponential (mean 2), category A, B, C or D with equal chances.",
      .options = {{.name = "records",
                   .kind = OptionKind::kInteger,
                   .doc = "How many; 0 or more.",
                   .default_value = 25'000,
                   .example = "100_000"},
                  {.name = "seed",
                   .kind = OptionKind::kInteger,
                   .doc =
                       "Record i depends on the seed and on i only: the same records for every batch size and machine, "
                       "and a longer run begins with those of a shorter one.",
                   .default_value = 42},
                  {.name = "columns",
                   .kind = OptionKind::kTexts,
                   .doc = "Which columns, in this order; the choice changes no value.",
                   .default_value = OptionValue::List{"id", "value1", "value2", "category"},
                   .example = "[\"id\", \"value1\"]"}},
      .make = make_generate,
      .example = "op = \"generate\"\nrecords = 100_000\nseed = 42\n",
  };
}

}  // namespace penstock
