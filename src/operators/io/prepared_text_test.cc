// SPDX-License-Identifier: MIT
// Sinks whose text workers make ahead: the same file, the same rejected records, as when one worker does it all.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <penstock/pipeline.h>

#include <limits>
#include <ostream>

#include "operators/io/io_test_files.h"

namespace penstock {
namespace {

using ::testing::HasSubstr;

struct Sink {
  std::string name;
  std::string op;
  Options options;

  friend void PrintTo(const Sink& sink, std::ostream* out) { *out << sink.op; }
};

// Adds to each record a text that needs quotes, and a time; every 50th is one that no text can say.
class TextAndTime final : public Operator {
 public:
  Result<StreamType> bind(const StreamType&) override {
    PENSTOCK_ASSIGN(schema_, make_schema({{"id", Type::kInt64}, {"text", Type::kUtf8}, {"at", Type::kTimestamp}}));
    return StreamType::of_schema(schema_);
  }
  OperatorTraits traits() const override { return {.stateless = true, .rows = RowEffect::kKeeps}; }
  Status process(Batch batch, Emitter& out) override {
    RecordBatchBuilder builder(schema_, BufferPool::shared());
    for (const std::int64_t id : batch.record_batch().column(0).int64s()) {
      builder.column(0).append_int64(id);
      builder.column(1).append_text(
          fmt::format("a \"{}\",\n{}", id, std::string(static_cast<std::size_t>(id % 90), 'x')));
      builder.column(2).append_int64(id % 50 == 0 ? std::numeric_limits<std::int64_t>::max() : id);
    }
    out.emit(builder.finish());
    return {};
  }

 private:
  SchemaPtr schema_;
};

class TextAndTimeFactory final : public OperatorFactory {
 public:
  Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<TextAndTime>(); }
};

class PreparedText : public testing::FolderTest, public ::testing::WithParamInterface<Sink> {
 protected:
  std::string write(const Strategy& strategy, std::size_t batch_size, std::int64_t records) {
    Pipeline pipeline("test");
    pipeline.add("generate", Options{{"records", records}}, {}, Pipeline::kNone);
    pipeline.add("text and time", std::make_shared<TextAndTimeFactory>());
    Options options = GetParam().options;
    options.set("path", path("out"));
    StepOptions quarantined;
    quarantined.on_error = quarantine(path("rejected.jsonl"));
    pipeline.add(GetParam().op, options, quarantined);
    RunOptions run;
    run.strategy = strategy;
    run.batch_size = batch_size;
    const Result<Report> report = pipeline.run(run);
    EXPECT_TRUE(report) << report.error().to_text();
    const std::string rejected = get("rejected.jsonl");
    if (GetParam().op == "csv.write" && records > 0) {
      EXPECT_THAT(rejected, HasSubstr("\"record\":50,"));
    }
    return get("out") + "\n-- rejected:\n" + rejected;
  }
};

TEST_P(PreparedText, IsTheTextThatOneWorkerMakes) {
  constexpr std::pair<std::size_t, std::int64_t> kSizes[] = {
      {1, 120}, {7, 500}, {1'000, 20'000}, {20'000, 40'000}, {10, 0}};
  for (const auto& [batch_size, records] : kSizes) {
    SCOPED_TRACE(batch_size);
    const std::string alone = write(serial, batch_size, records);
    EXPECT_EQ(write(parallel(3), batch_size, records), alone);
    EXPECT_EQ(write(automatic, batch_size, records), alone);
  }
}

INSTANTIATE_TEST_SUITE_P(All, PreparedText,
                         ::testing::Values(Sink{"csv", "csv.write", {}}, Sink{"json_lines", "json.write", {}},
                                           Sink{"json_array", "json.write", {{"format", "array"}}},
                                           Sink{"text", "text.write", {{"column", "text"}}}),
                         [](const auto& sink) { return sink.param.name; });

}  // namespace
}  // namespace penstock
