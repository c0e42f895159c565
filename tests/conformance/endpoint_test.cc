// SPDX-License-Identifier: MIT
// What every source and every sink of the registry must keep to. One that is new needs an entry in the tables below;
// a test says so.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <penstock/pipeline_file.h>
#include <penstock/testing.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <ostream>
#include <set>

#include "data/random.h"
#include "platform/file_modes_hold.h"
#include "sample_pipelines.h"
#include "stream/stream_kit.h"

namespace penstock::conformance {

using penstock::testing::HarnessOptions;
using penstock::testing::HarnessResult;
using penstock::testing::run_operator;
using penstock::testing::run_source;
using penstock::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// How to try a source: on a file of `write_sample_inputs`, or without a file.
struct SourceSample {
  std::string op;
  Options options;
  std::string file;        ///< Empty: it reads no file.
  bool rejects = false;    ///< The sample holds records that it must reject.
  bool divisible = false;  ///< Several workers may read it.
};

/// How to try a sink: it takes {n: int64, text: utf8} and writes to the option "path".
struct SinkSample {
  std::string op;
  Options options;
  bool files_only = false;  ///< It cannot write to a device.
};

void PrintTo(const SourceSample& sample, std::ostream* out) { *out << sample.op; }
void PrintTo(const SinkSample& sample, std::ostream* out) { *out << sample.op; }

namespace {

std::vector<SourceSample> sources() {
  return {
      {"csv.read", {}, "orders.csv", true, true},
      {"json.read", {}, "events.jsonl", true},
      {"text.read", {}, "lines.txt"},
      {"generate", {{"records", 2500}, {"seed", 7}}, "", false, true},
  };
}

std::vector<SourceSample> file_sources() {
  std::vector<SourceSample> samples = sources();
  std::erase_if(samples, [](const SourceSample& sample) { return sample.file.empty(); });
  return samples;
}

std::vector<SourceSample> divisible_sources() {
  std::vector<SourceSample> samples = sources();
  std::erase_if(samples, [](const SourceSample& sample) { return !sample.divisible; });
  return samples;
}

std::vector<SinkSample> sinks() {
  return {
      {"csv.write", {}},
      {"json.write", {}},
      {"text.write", {{"column", "text"}}},
      {"npy.write", {{"column", "n"}}, true},
  };
}

template <class Sample>
std::string test_name(const ::testing::TestParamInfo<Sample>& sample) {
  std::string name = sample.param.op;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

bool has_path(const OperatorInfo& info) {
  return std::any_of(info.options.begin(), info.options.end(),
                     [](const auto& option) { return option.name == "path"; });
}

// Sources that end by themselves, or sinks that write a file. http.serve needs clients, and image.list and image.shards
// find files rather than reading one: http_serve_test.cc, image_list_test.cc and image_shards_test.cc have them.
std::vector<std::string> registered(OperatorInfo::Role role) {
  std::vector<std::string> names;
  for (const OperatorInfo* info : Registry::global().all()) {
    if (info->name == "http.serve" || info->name.starts_with("image.")) continue;
    if (info->role == role && (role == OperatorInfo::Role::kSource || has_path(*info))) names.push_back(info->name);
  }
  return names;
}

template <class Samples>
std::vector<std::string> names_of(const Samples& samples) {
  std::vector<std::string> names;
  for (const auto& sample : samples) names.push_back(sample.op);
  return names;
}

TEST(Registry, HasASampleForEverySource) {
  EXPECT_THAT(names_of(sources()), ::testing::UnorderedElementsAreArray(registered(OperatorInfo::Role::kSource)));
}
TEST(Registry, HasASampleForEverySinkThatWritesAFile) {
  EXPECT_THAT(names_of(sinks()), ::testing::UnorderedElementsAreArray(registered(OperatorInfo::Role::kSink)));
}

// The options in the documentation of an operator.
Result<Options> example_options(const OperatorInfo& info) {
  std::string text = fmt::format("[[operator]]\n{}\n", info.example);
  if (info.role != OperatorInfo::Role::kSource) text = "[[operator]]\nop = \"generate\"\n\n" + text;
  PENSTOCK_ASSIGN(const PipelineFile file, parse_pipeline_file(text, info.name + ".toml"));
  return file.stages.at(0).steps.back().options;
}

TEST(Registry, HasAValidExampleForEveryOperator) {
  for (const OperatorInfo* info : Registry::global().all()) {
    SCOPED_TRACE(info->name);
    EXPECT_FALSE(info->summary.empty());
    const Result<Options> options = example_options(*info);
    ASSERT_TRUE(options) << options.error().to_text() << "\nin:\n" << info->example;
    EXPECT_TRUE(Registry::global().check_options(*info, *options));
  }
}

TEST(Registry, HasNoTransformThatTakesWhatItCannotRead) {
  StreamType typed;
  typed.key = record_key<int>();
  typed.record_name = "int";
  for (const OperatorInfo* info : Registry::global().all()) {
    if (info->role == OperatorInfo::Role::kSource) continue;
    SCOPED_TRACE(info->name);
    const Result<Options> options = example_options(*info);
    ASSERT_TRUE(options);
    const Result<std::unique_ptr<Operator>> op = Registry::global().make(info->name, *options);
    if (!op) continue;  // its example refers to a file
    for (const StreamType& input : {typed, StreamType{}}) {
      const Result<StreamType> output = (*op)->bind(input);
      ASSERT_FALSE(output);
      EXPECT_FALSE(output.error().message().empty());
    }
  }
}

// ---- Sources -------------------------------------------------------------------------------------------------------

class EverySource : public ::testing::TestWithParam<SourceSample> {
 protected:
  EverySource() { write_sample_inputs(folder_.path()); }

  Options options(const std::string& path) const {
    Options options = GetParam().options;
    if (!GetParam().file.empty()) options.set("path", path);
    return options;
  }
  Options options() const { return options(folder_.file(GetParam().file)); }
  std::unique_ptr<Operator> make() const {
    Result<std::unique_ptr<Operator>> op = Registry::global().make(GetParam().op, options());
    EXPECT_TRUE(op) << op.error().to_text();
    return op ? std::move(*op) : nullptr;
  }

  TemporaryFolder folder_;
};

TEST_P(EverySource, EmitsBatchesOfItsSchemaAndSize) {
  for (const std::size_t batch_size : {1U, 7U, 1000U, 100'000U}) {
    SCOPED_TRACE(batch_size);
    const HarnessResult result = run_source(*make(), {.batch_size = batch_size, .on_error = skip()});
    ASSERT_TRUE(result.status) << result.error();
    ASSERT_TRUE(result.type.is_record_batch());
    ASSERT_GT(result.num_rows(), 0U);
    for (const Batch& batch : result.batches) {
      ASSERT_LE(batch.num_records(), batch_size);
      ASSERT_TRUE(batch.is_record_batch());
      const RecordBatch& rows = batch.record_batch();
      ASSERT_EQ(rows.schema().to_text(), result.type.schema->to_text());
      ASSERT_EQ(rows.num_columns(), rows.schema().fields().size());
      for (std::size_t i = 0; i < rows.num_columns(); ++i) {
        ASSERT_EQ(rows.column(i).type(), rows.schema().fields()[i].type);
        ASSERT_EQ(rows.column(i).size(), rows.num_rows());
      }
    }
  }
}

TEST_P(EverySource, EmitsAndRejectsTheSameRecordsForEveryBatchSize) {
  const HarnessResult expected = run_source(*make(), {.batch_size = 500, .on_error = skip()});
  EXPECT_EQ(!expected.rejections.empty(), GetParam().rejects);
  for (const std::size_t batch_size : {1U, 7U, 1000U, 100'000U}) {
    SCOPED_TRACE(batch_size);
    const HarnessResult result = run_source(*make(), {.batch_size = batch_size, .on_error = skip()});
    EXPECT_EQ(result.rows(), expected.rows());
    EXPECT_EQ(result.reasons(), expected.reasons());
    ASSERT_EQ(result.rejections.size(), expected.rejections.size());
    for (std::size_t i = 0; i < result.rejections.size(); ++i) {
      EXPECT_EQ(result.rejections[i].record, expected.rejections[i].record);
      EXPECT_EQ(result.rejections[i].line, expected.rejections[i].line);
      EXPECT_EQ(result.rejections[i].raw, expected.rejections[i].raw);
    }
  }
}

TEST_P(EverySource, IsDivisibleAsTheTableSays) {
  const std::unique_ptr<Operator> op = make();
  ASSERT_TRUE(op->bind({}));
  EXPECT_EQ(op->traits().divisible, GetParam().divisible);
}

TEST_P(EverySource, AccountsForEveryRecordThatItRead) {
  for (const std::size_t most_batches : {std::size_t{1}, std::size_t{3}, std::size_t{1} << 30}) {
    SCOPED_TRACE(most_batches);
    const std::unique_ptr<Operator> op = make();
    const HarnessResult result = run_source(*op, {.batch_size = 100, .on_error = skip(), .most_batches = most_batches});
    ASSERT_TRUE(result.status) << result.error();
    const std::uint64_t read = static_cast<Source&>(*op).records_read();
    if (read == Source::kUnknown) continue;
    EXPECT_EQ(read, result.num_rows() + result.rejections.size());
  }
}

TEST_P(EverySource, EndsEarlyInARunWhoseAccountsHold) {
  for (const StrategyInfo& strategy : all_strategies()) {
    SCOPED_TRACE(strategy.name);
    Pipeline pipeline;
    pipeline.add(GetParam().op, options(), {.on_error = skip()}, Pipeline::kNone);
    pipeline.add("head", Options{{"n", 5}});
    RunOptions run;
    run.strategy = {strategy.name};
    run.batch_size = 10;
    const Result<Report> report = pipeline.run(run);
    ASSERT_TRUE(report) << report.error().to_text();
    EXPECT_EQ(report->steps.back().records_out, 5U);
  }
}

TEST_P(EverySource, KnowsHowFarItIs) {
  const std::unique_ptr<Operator> op = make();
  ASSERT_TRUE(run_source(*op, {.on_error = skip()}).status);
  const SourceProgress progress = static_cast<Source&>(*op).progress();
  EXPECT_GT(progress.done, 0U);
  if (progress.total != 0) {
    EXPECT_EQ(progress.done, progress.total);
  }
}

TEST_P(EverySource, StartsAnewInEveryRun) {
  Pipeline pipeline;
  pipeline.add(GetParam().op, options(), {.on_error = skip()}, Pipeline::kNone);
  const Result<Report> first = pipeline.run();
  const Result<Report> second = pipeline.run();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->records_out, second->records_out);
}

class EveryDivisibleSource : public EverySource {};

TEST_P(EveryDivisibleSource, EmitsAndRejectsTheSameWhenItIsDivided) {
  const std::unique_ptr<Operator> whole = make();
  const HarnessResult expected = run_source(*whole, {.batch_size = 500, .on_error = skip()});
  for (const std::size_t batch_size : {1U, 7U, 1000U, 100'000U}) {
    SCOPED_TRACE(batch_size);
    const std::unique_ptr<Operator> cutter = make();
    const std::unique_ptr<Operator> readers[] = {make(), make()};
    const HarnessResult result = penstock::testing::run_divided(
        static_cast<Source&>(*cutter), {static_cast<Source*>(readers[0].get()), static_cast<Source*>(readers[1].get())},
        {.batch_size = batch_size, .on_error = skip()});
    ASSERT_TRUE(result.status) << result.error();
    EXPECT_EQ(result.rows(), expected.rows());
    ASSERT_EQ(result.rejections.size(), expected.rejections.size());
    for (std::size_t i = 0; i < result.rejections.size(); ++i) {
      EXPECT_EQ(result.rejections[i].record, expected.rejections[i].record);
      EXPECT_EQ(result.rejections[i].line, expected.rejections[i].line);
      EXPECT_EQ(result.rejections[i].reason, expected.rejections[i].reason);
    }
    EXPECT_EQ(static_cast<Source&>(*cutter).records_read(), static_cast<Source&>(*whole).records_read());
    EXPECT_EQ(result.note, expected.note);
  }
}

class EveryFileSource : public EverySource {};

TEST_P(EveryFileSource, NamesTheFileThatIsNotThere) {
  EXPECT_THAT(run_source(GetParam().op.c_str(), options(folder_.file("nosuch"))).error(), HasSubstr("nosuch"));
}

TEST_P(EveryFileSource, RefusesAFolder) {
  std::filesystem::create_directory(folder_.file("folder"));
  EXPECT_THAT(run_source(GetParam().op.c_str(), options(folder_.file("folder"))).error(), HasSubstr("folder"));
}

TEST_P(EveryFileSource, NamesTheFileThatMayNotBeRead) {
  std::filesystem::permissions(folder_.file(GetParam().file), std::filesystem::perms::none);
  const testing::FileModesHold as_others;
  EXPECT_THAT(run_source(*make()).error(), HasSubstr(GetParam().file));
}

// ---- Damaged files
// ---------------------------------------------------------------------------------------------------

// Changes some bytes: to others, to nothing, into more; or cuts the end off.
std::string damaged(std::string text, std::uint64_t seed) {
  static constexpr std::string_view kBytes("\0\n\r\t\"\\,;:{}[]x0-.\xC3\xFF\xEF", 20);
  Random random(seed, 0, 0);
  const auto below = [&random](std::size_t size) {
    return static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(size) - 1));
  };
  for (std::int64_t i = random.integer(1, 20); i > 0 && text.size() > 1; --i) {
    const std::size_t at = below(text.size());
    switch (random.integer(0, 4)) {
      case 0: text[at] = kBytes[below(kBytes.size())]; break;
      case 1: text[at] = static_cast<char>(text[at] ^ (1 << below(8))); break;
      case 2: text.erase(at, 1 + below(10)); break;
      case 3: text.insert(at, 1 + below(3), kBytes[below(kBytes.size())]); break;
      default: text.insert(at, text.substr(below(text.size()), below(100))); break;
    }
  }
  if (random.chance(0.2)) text.resize(below(text.size()) + 1);
  return text;
}

// The records, or none when the source refuses the file.
void expect_all_accounted(Operator& source, const HarnessResult& result) {
  if (!result.status) return;
  std::vector<std::uint64_t> rejected;
  for (const Rejection& rejection : result.rejections) rejected.push_back(rejection.record);
  const std::size_t records = result.num_rows() + rejected.size();
  EXPECT_TRUE(std::is_sorted(rejected.begin(), rejected.end(), std::less_equal<>())) << "a record was rejected twice";
  EXPECT_TRUE(rejected.empty() || rejected.back() < records);
  const std::uint64_t read = static_cast<Source&>(source).records_read();
  EXPECT_TRUE(read == Source::kUnknown || read == records)
      << read << " read, " << records << " came out or were rejected";
}

TEST_P(EveryFileSource, LosesNothingOfADamagedFile) {
  const std::string whole = penstock::testing::read_text(folder_.file(GetParam().file)).substr(0, 3000);
  const std::string file = folder_.file("damaged");
  for (std::uint64_t seed = 1; seed <= 300 && !HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::ofstream(file, std::ios::binary) << damaged(whole, seed);
    std::optional<HarnessResult> expected;
    for (const std::size_t batch_size : {1000U, 1U, 7U}) {
      const Result<std::unique_ptr<Operator>> op = Registry::global().make(GetParam().op, options(file));
      ASSERT_TRUE(op);
      HarnessResult result = run_source(**op, {.batch_size = batch_size, .on_error = skip()});
      expect_all_accounted(**op, result);
      if (!expected) {
        expected = std::move(result);
        continue;
      }
      EXPECT_EQ(result.error(), expected->error());
      EXPECT_EQ(result.rows(), expected->rows());
      EXPECT_EQ(result.reasons(), expected->reasons());
    }
  }
}

TEST_P(EveryFileSource, TakesAnEmptyFileForNoRecordsOrSaysWhatIsMissing) {
  std::ofstream(folder_.file("empty"));
  const HarnessResult result = run_source(GetParam().op.c_str(), options(folder_.file("empty")));
  if (result.status) {
    EXPECT_EQ(result.num_rows(), 0U);
  } else {
    EXPECT_THAT(result.error(), HasSubstr("empty"));
  }
}

// Where the number of records can be counted without the reader: lines.
TEST(DamagedFile, GivesARecordOrARejectionPerLine) {
  const TemporaryFolder folder;
  write_sample_inputs(folder.path());
  const std::string whole = penstock::testing::read_text(folder.file("events.jsonl")).substr(0, 3000);
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const std::string text = damaged(whole, seed);
    std::ofstream(folder.file("damaged"), std::ios::binary) << text;
    const HarnessResult result = run_source("text.read", {{"path", folder.file("damaged")}}, {.on_error = skip()});
    ASSERT_EQ(result.error(), "");
    const auto feeds = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    EXPECT_EQ(result.num_rows() + result.rejections.size(), feeds + (text.ends_with('\n') ? 0 : 1)) << "seed " << seed;
  }
}

// A whole pipeline over a damaged log: what goes in comes out, is rejected or is dropped, whatever the plan.
TEST(DamagedFile, IsAccountedForBehindEveryOperator) {
  const TemporaryFolder folder;
  write_sample_inputs(folder.path());
  const std::string whole = penstock::testing::read_text(folder.file("lines.txt")).substr(0, 3000);
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    std::ofstream(folder.file("damaged"), std::ios::binary) << damaged(whole, seed);
    std::set<std::vector<std::uint64_t>> counts;
    for (const StrategyInfo& strategy : all_strategies()) {
      for (const std::size_t batch_size : {1U, 7U, 1000U}) {
        Pipeline pipeline;
        pipeline.add("text.read", Options{{"path", folder.file("damaged")}}, {.on_error = skip()}, Pipeline::kNone);
        pipeline.add("regex",
                     Options{{"pattern", R"(^line (?P<number>\d+) (?P<rest>x*)$)"},
                             {"types", OptionValue::Table{{"number", "int64"}}}},
                     {.on_error = skip()});
        pipeline.add("filter", Options{{"where", "number % 2 = 0"}});
        const Result<Report> report = pipeline.run({.strategy = {strategy.name}, .batch_size = batch_size});
        ASSERT_TRUE(report) << report.error().to_text();
        EXPECT_EQ(report->records_in, report->records_out + report->records_rejected + report->records_dropped);
        EXPECT_EQ(report->steps[1].records_in, report->steps[1].records_out + report->steps[1].records_rejected);
        std::vector<std::uint64_t> count = {report->records_in, report->records_out, report->records_rejected,
                                            report->records_dropped};
        for (const StepReport& step : report->steps) count.push_back(step.records_rejected);
        counts.insert(count);
      }
    }
    EXPECT_EQ(counts.size(), 1U) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Registered, EverySource, ::testing::ValuesIn(sources()), test_name<SourceSample>);
INSTANTIATE_TEST_SUITE_P(Registered, EveryFileSource, ::testing::ValuesIn(file_sources()), test_name<SourceSample>);
INSTANTIATE_TEST_SUITE_P(Registered, EveryDivisibleSource, ::testing::ValuesIn(divisible_sources()),
                         test_name<SourceSample>);

// ---- Sinks ---------------------------------------------------------------------------------------------------------

class EverySink : public ::testing::TestWithParam<SinkSample> {
 protected:
  Result<std::unique_ptr<Operator>> make(const std::string& path) const {
    Options options = GetParam().options;
    options.set("path", path);
    return Registry::global().make(GetParam().op, options);
  }
  HarnessResult write(const std::string& path, std::size_t batch_size = 100, const HarnessOptions& how = {}) const {
    Result<std::unique_ptr<Operator>> op = make(path);
    if (!op) return {.status = op.error()};
    const RecordBatch all = rows();
    return run_operator(**op, all.schema_ptr(), penstock::testing::in_batches_of(all, batch_size), how);
  }
  static RecordBatch rows() {
    std::vector<std::vector<penstock::testing::Value>> rows;
    for (std::int64_t i = 0; i < 1000; ++i) {
      rows.push_back({i, i % 9 == 0 ? penstock::testing::Value(nullptr) : fmt::format("text, \"{}\"", i)});
    }
    return penstock::testing::table({{"n", Type::kInt64}, {"text", Type::kUtf8}}, rows);
  }

  TemporaryFolder folder_;
};

TEST_P(EverySink, WritesTheSameBytesForEveryBatchSize) {
  ASSERT_TRUE(write(folder_.file("expected"), 1000).status);
  const std::string expected = penstock::testing::read_text(folder_.file("expected"));
  ASSERT_FALSE(expected.empty());
  for (const std::size_t batch_size : {1U, 7U, 400U}) {
    const HarnessResult result = write(folder_.file("file"), batch_size);
    ASSERT_TRUE(result.status) << result.error();
    EXPECT_TRUE(penstock::testing::read_text(folder_.file("file")) == expected) << "batch size " << batch_size;
  }
}

TEST_P(EverySink, PassesItsInputOn) {
  const HarnessResult result = write(folder_.file("file"), 7);
  ASSERT_TRUE(result.status) << result.error();
  EXPECT_EQ(result.num_rows(), 1000U);
  EXPECT_EQ(result.type.schema->to_text(), rows().schema().to_text());
}

TEST_P(EverySink, ShowsNoFileBeforeItCommits) {
  Result<std::unique_ptr<Operator>> op = make(folder_.file("file"));
  ASSERT_TRUE(op);
  const RecordBatch all = rows();
  penstock::testing::CollectingEmitter out;
  penstock::testing::CollectingErrors errors;
  const StopSignal stop;
  const ErrorPolicy policy;
  OperatorContext context{
      .name = "sink", .pool = &BufferPool::shared(), .errors = &errors, .policy = &policy, .stop = &stop};
  ASSERT_TRUE((*op)->bind(StreamType::of_schema(all.schema_ptr())));
  ASSERT_TRUE((*op)->open(context));
  ASSERT_TRUE((*op)->process(all, out));
  ASSERT_TRUE((*op)->finish(out));
  EXPECT_FALSE(std::filesystem::exists(folder_.file("file")));
  ASSERT_TRUE((*op)->commit());
  EXPECT_THAT(folder_.names(), ElementsAre("file"));
  EXPECT_TRUE((*op)->traits().effects);
}

TEST_P(EverySink, LeavesNothingBehindWhenItIsAborted) {
  ASSERT_TRUE(write(folder_.file("file"), 100, {.commit = false}).status);
  EXPECT_THAT(folder_.names(), IsEmpty());
}

TEST_P(EverySink, KeepsTheOldFileWhenItIsAborted) {
  std::ofstream(folder_.file("file")) << "old";
  ASSERT_TRUE(write(folder_.file("file"), 100, {.commit = false}).status);
  EXPECT_EQ(penstock::testing::read_text(folder_.file("file")), "old");
  EXPECT_THAT(folder_.names(), ElementsAre("file"));
}

TEST_P(EverySink, ReplacesTheOldFileWhenItCommits) {
  std::ofstream(folder_.file("file")) << "old";
  ASSERT_TRUE(write(folder_.file("file")).status);
  EXPECT_NE(penstock::testing::read_text(folder_.file("file")), "old");
  EXPECT_THAT(folder_.names(), ElementsAre("file"));
}

TEST_P(EverySink, SaysWhatItLeftBehind) {
  const HarnessResult result = write(folder_.file("file"));
  ASSERT_EQ(result.outputs.size(), 1U);
  EXPECT_EQ(result.outputs[0].path, folder_.file("file"));
  EXPECT_EQ(result.outputs[0].records + result.rejections.size(), 1000U);
  EXPECT_EQ(result.outputs[0].size_bytes, std::filesystem::file_size(folder_.file("file")));
}

TEST_P(EverySink, MakesAFileOfNoRecordsToo) {
  Result<std::unique_ptr<Operator>> op = make(folder_.file("file"));
  ASSERT_TRUE(op);
  const HarnessResult result = run_operator(**op, rows().schema_ptr(), {});
  ASSERT_TRUE(result.status) << result.error();
  EXPECT_THAT(folder_.names(), ElementsAre("file"));
}

TEST_P(EverySink, SaysWhenTheDiskIsFull) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  if (GetParam().files_only) {
    EXPECT_THAT(write("/dev/full").error(), HasSubstr("cannot be written to /dev/full"));
    return;
  }
  EXPECT_THAT(write("/dev/full").error(), ::testing::AllOf(HasSubstr("/dev/full"), HasSubstr("no space left")));
}

TEST_P(EverySink, NamesTheFolderThatCannotBe) {
  std::ofstream(folder_.file("plain")) << "a file";
  EXPECT_THAT(write(folder_.file("plain/file")).error(), HasSubstr("plain"));
}

TEST_P(EverySink, RefusesAFolder) {
  std::filesystem::create_directory(folder_.file("folder"));
  EXPECT_THAT(write(folder_.file("folder")).error(), HasSubstr("folder"));
  EXPECT_THAT(folder_.names(), ElementsAre("folder"));
}

INSTANTIATE_TEST_SUITE_P(Registered, EverySink, ::testing::ValuesIn(sinks()), test_name<SinkSample>);

}  // namespace
}  // namespace penstock::conformance
