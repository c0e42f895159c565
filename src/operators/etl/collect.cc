// SPDX-License-Identifier: MIT
// The operator `collect`: shows rows in the report.
#include <fmt/format.h>

#include "data/json_text.h"
#include "operators/etl/columns.h"
#include "operators/etl/etl_operators.h"

namespace penstock {
namespace {

// A report is read by people and kept with every run; more than this belongs into a file.
constexpr std::size_t kMostBytes = 1 << 20;

class Collect final : public Operator {
 public:
  explicit Collect(std::uint64_t limit) : limit_(limit) {}

  OperatorTraits traits() const override {
    return {.light = true, .effects = true, .saves = true, .rows = RowEffect::kKeeps};
  }
  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_TRY(schema_of(input));
    return input;
  }
  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    for (std::size_t row = 0; row < rows.num_rows() && !full_; ++row) keep(rows, row);
    seen_ += rows.num_rows();
    out.emit(std::move(batch));
    return {};
  }
  Status save(StateWriter& to) override {
    for (const std::uint64_t value : {seen_, kept_, std::uint64_t{full_}}) to.integer(value);
    to.text(rows_);
    return {};
  }
  Status restore(StateReader& from) override {
    seen_ = from.integer();
    kept_ = from.integer();
    full_ = from.integer() != 0;
    rows_ = from.text();
    return {};
  }
  std::string note() const override {
    if (kept_ == seen_) return {};
    return fmt::format("shows the first {} of {} records; write all of them with csv.write or json.write", kept_,
                       seen_);
  }
  std::string result() const override { return "[" + rows_ + "]"; }

 private:
  void keep(const RecordBatch& rows, std::size_t row) {
    const std::size_t before = rows_.size();
    full_ = kept_ == limit_;
    if (full_) return;
    if (before > 0) rows_ += ',';
    append_json_row(rows_, rows, row);
    full_ = rows_.size() > kMostBytes;
    if (full_) {
      rows_.resize(before);
    } else {
      ++kept_;
    }
  }

  std::uint64_t limit_;
  std::uint64_t kept_ = 0;
  std::uint64_t seen_ = 0;
  bool full_ = false;
  std::string rows_;  // objects with commas between them
};

}  // namespace

OperatorInfo collect_info() {
  return {.name = "collect",
          .role = OperatorInfo::Role::kSink,
          .summary = "Shows the first rows in the report and in the stage's output.json, and passes the records on.",
          .options = {{.name = "limit",
                       .kind = OptionKind::kInteger,
                       .doc = "How many rows are kept at most, at least 0; a MiB of JSON is the end too.",
                       .default_value = 1000,
                       .example = "20"}},
          .make = [](const Options& options) -> Result<std::unique_ptr<Operator>> {
            PENSTOCK_ASSIGN(const std::uint64_t limit, count_option(options, "limit", 0));
            return std::make_unique<Collect>(limit);
          },
          .example = "op = \"collect\"\nlimit = 20"};
}

}  // namespace penstock
