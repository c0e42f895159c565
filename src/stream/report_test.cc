// SPDX-License-Identifier: MIT
// Plans, reports and traces, as text and as JSON; strategies from outside and what is checked of their plans.
#include <gmock/gmock.h>
#include <penstock/stream.h>

#include <nlohmann/json.hpp>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using ::testing::AllOf;
using testing::calling;
using testing::Calls;
using testing::chain;
using testing::counting_source;
using ::testing::ElementsAre;
using testing::error_text;
using ::testing::HasSubstr;
using Json = nlohmann::json;

// Rejects 3 and passes the other odd numbers on.
Calls picky_calls() {
  Calls picky;
  const auto context = std::make_shared<OperatorContext*>();
  picky.traits = {.stateless = true, .unordered = true, .rows = RowEffect::kDrops};
  picky.open = [context](OperatorContext& given) {
    *context = &given;
    return Status();
  };
  picky.process = [context](Batch batch, Emitter& out) -> Status {
    std::vector<std::uint32_t> rest;
    const auto values = batch.record_batch().column(0).int64s();
    for (std::uint32_t row = 0; row < values.size(); ++row) {
      if (values[row] == 3)
        PENSTOCK_TRY((*context)->errors->reject({.record = row, .reason = "no threes", .raw = "3", .column = "n"}));
      if (values[row] != 3 && values[row] % 2 == 1) rest.push_back(row);
    }
    out.emit(batch.record_batch().take(rest, *(*context)->pool));
    return {};
  };
  return picky;
}

Pipeline example() {
  Pipeline pipeline("orders \"new\"");
  pipeline.add("count", calling(counting_source(10)), {.name = "source"}, Pipeline::kNone);
  pipeline.add("odd", testing::calling_each(picky_calls), {.on_error = retry(3, 0, skip())});
  Calls sink;
  sink.traits.light = true;
  pipeline.add("keep", calling(sink), {.name = "sink"});
  return pipeline;
}

TEST(Plan, IsTheSameEveryTime) {
  RunOptions options;
  options.strategy = threads(2);
  EXPECT_EQ(example().plan(options)->to_json(), example().plan(options)->to_json());
}

TEST(Plan, AsTextSaysWhatRunsWhereAndWhy) {
  RunOptions options;
  options.strategy = threads;
  options.memory_limit = 64 << 20;
  const Result<Plan> plan = example().plan(options);
  ASSERT_TRUE(plan);
  EXPECT_THAT(
      plan->to_text(),
      AllOf(HasSubstr("strategy threads, 2 segments, at most 4,096 records per batch, at most 64.0 MiB in flight"),
            HasSubstr("segment 0: 1 thread\n  why: a source\n  source (count)\n      emits n: int64\n"),
            HasSubstr("segment 1: 1 thread, fed through a channel of 8 batches\n"),
            HasSubstr("  odd, on error: skip after 3 attempts, unordered\n"), HasSubstr("  sink (keep)\n")));
}

TEST(Plan, AsJsonHoldsTheSame) {
  RunOptions options;
  options.strategy = threads;
  const Json plan = Json::parse(example().plan(options)->to_json());
  EXPECT_EQ(plan["version"], 1);
  EXPECT_EQ(plan["pipeline"], "orders \"new\"");
  EXPECT_EQ(plan["strategy"], "threads");
  EXPECT_EQ(plan["steps"].size(), 3U);
  EXPECT_EQ(plan["steps"][1]["inputs"], Json::array({0}));
  EXPECT_EQ(plan["steps"][1]["output"], "n: int64");
  EXPECT_EQ(plan["steps"][1]["unordered"], true);
  EXPECT_EQ(plan["segments"][1]["steps"], Json::array({1, 2}));
  EXPECT_EQ(plan["segments"][1]["queue_depth"], 8);
}

TEST(Plan, OfSerialIsOneLoopInTheCaller) {
  const Result<Plan> plan = example().plan();
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->segments.size(), 1U);
  EXPECT_EQ(plan->segments[0].worker, "caller");
  EXPECT_THAT(plan->segments[0].steps, ElementsAre(0, 1, 2));
}

TEST(Plan, OfThreadsUsesNoMoreWorkersThanAllowed) {
  const Pipeline pipeline = chain({{"source", counting_source(1)}, {"a", Calls()}, {"b", Calls()}, {"c", Calls()}});
  for (const std::uint32_t workers : {1U, 2U, 3U, 4U, 9U}) {
    RunOptions options;
    options.strategy = threads(workers);
    EXPECT_EQ(pipeline.plan(options)->segments.size(), std::min(workers, 4U));
  }
}

TEST(Report, CountsWhatCameInAndWhatBecameOfIt) {
  testing::run_everywhere([](const RunOptions& options) {
    const Result<Report> report = example().run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(report->records_in, 10U);
    EXPECT_EQ(report->records_out, 4U);
    EXPECT_EQ(report->records_rejected, 1U);
    EXPECT_EQ(report->records_dropped, 5U);
    if (!report->plan.adapting.on) {
      EXPECT_EQ(report->steps[1].batches, (10 + options.batch_size - 1) / options.batch_size);
    }
    EXPECT_THAT(report->to_text(),
                AllOf(HasSubstr("pipeline \"orders \"new\"\" done with strategy " + options.strategy.name),
                      HasSubstr("10 records in = 4 out + 1 rejected + 5 dropped"),
                      HasSubstr("rejected: odd: 1 record, the first: record 3: column \"n\": no threes\n")));
  });
}

TEST(Report, CountsRejectionsOfBranchesApart) {
  Pipeline pipeline("branches");
  const Pipeline::StepId source =
      pipeline.add("count", calling(counting_source(10)), {.name = "source"}, Pipeline::kNone);
  pipeline.add("keep", calling(Calls()), {.name = "all"}, source);
  pipeline.add("odd", testing::calling_each(picky_calls), {.on_error = skip()}, source);
  pipeline.add("keep", calling(Calls()), {.name = "odd ones"});
  testing::run_everywhere([&](const RunOptions& options) {
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(report->records_rejected, 0U);
    EXPECT_THAT(report->to_text(), HasSubstr("10 records in = 10 out + 0 rejected + 0 dropped; 1 rejected further on"));
    EXPECT_EQ(Json::parse(report->to_json())["records_rejected_further_on"], 1);
  });
}

TEST(Report, AsJsonHoldsEveryStep) {
  const Result<Report> report = example().run();
  ASSERT_TRUE(report);
  const Json json = Json::parse(report->to_json());
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["outcome"], "done");
  EXPECT_EQ(json["records_in"], 10);
  EXPECT_EQ(json["records_dropped"], 5);
  ASSERT_EQ(json["steps"].size(), 3U);
  EXPECT_EQ(json["steps"][1]["name"], "odd");
  EXPECT_EQ(json["steps"][1]["records_in"], 10);
  EXPECT_EQ(json["steps"][1]["records_rejected"], 1);
  EXPECT_EQ(json["steps"][1]["first_rejection"], "record 3: column \"n\": no threes");
  EXPECT_GE(json["memory_peak_bytes"], 1);
}

TEST(Report, OfARunThatFailedGoesAsFarAsTheRunCame) {
  Calls failing;
  failing.process = [](Batch batch, Emitter&) -> Status {
    if (batch.sequence == 2) return Error(ErrorCode::kDataLoss, "broken");
    return {};
  };
  RunOptions options;
  options.batch_size = 10;
  const RunOutcome outcome = chain({{"source", counting_source(100)}, {"sink", failing}}).run_to_outcome(options);
  EXPECT_FALSE(outcome.status);
  EXPECT_EQ(outcome.report.records_in, 30U);
  EXPECT_EQ(Json::parse(outcome.report.to_json())["outcome"], "failed");
}

TEST(Report, ShowsTheRecordsThatAStepKeptForIt) {
  Calls keeper;
  keeper.result = [] { return std::string(R"([{"n":7,"word":"\u001b[1m"},{"n":null,"word":"b"}])"); };
  const RunOutcome outcome = chain({{"source", counting_source(1)}, {"kept", keeper}}).run_to_outcome({});
  ASSERT_TRUE(outcome.status);
  EXPECT_THAT(outcome.report.to_text(), ::testing::EndsWith("\nkept: 2 records\nn  word\n7  \\x1b[1m\n   b\n"));
  EXPECT_EQ(Json::parse(outcome.report.to_json())["results"],
            Json::parse(R"([{"name":"kept","rows":[{"n":7,"word":"\u001b[1m"},{"n":null,"word":"b"}]}])"));
}

TEST(Report, ShowsAtMostFiftyOfThem) {
  Calls keeper;
  keeper.result = [] {
    Json rows = Json::array();
    for (int n = 0; n < 73; ++n) rows.push_back({{"n", n}});
    return rows.dump();
  };
  const RunOutcome outcome = chain({{"source", counting_source(1)}, {"kept", keeper}}).run_to_outcome({});
  EXPECT_THAT(outcome.report.to_text(), ::testing::EndsWith("\n49\n... and 23 more\n"));
}

TEST(Report, ShowsNoRecordsOfARunThatFailed) {
  Calls keeper;
  keeper.result = [] { return std::string("[]"); };
  Calls failing;
  failing.commit = [] { return Status(Error(ErrorCode::kDataLoss, "broken")); };
  const RunOutcome outcome =
      chain({{"source", counting_source(1)}, {"kept", keeper}, {"failing", failing}}).run_to_outcome({});
  EXPECT_FALSE(outcome.status);
  EXPECT_TRUE(outcome.report.results.empty());
}

TEST(Report, OfAPipelineThatIsWrongNamesIt) {
  Pipeline pipeline("wrong");
  const RunOutcome outcome = pipeline.run_to_outcome({});
  EXPECT_FALSE(outcome.status);
  EXPECT_EQ(outcome.report.pipeline, "wrong");
  EXPECT_EQ(outcome.report.outcome, Report::Outcome::kFailed);
}

TEST(Report, MarksStepsThatRanInOneLoop) {
  std::vector<std::uint64_t> out;
  const auto pipeline = range(0, 10).map([](std::uint64_t n) { return n; }).collect(out);
  const Result<Report> report = pipeline.run();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->steps[0].fused);
  EXPECT_TRUE(report->steps[1].fused);
  EXPECT_FALSE(report->steps[2].fused);
  EXPECT_EQ(report->steps[1].records_out, 10U);
  const Result<Report> apart = pipeline.run(threads);
  ASSERT_TRUE(apart);
  EXPECT_FALSE(apart->steps[0].fused);
}

TEST(Report, MeasuresNoTimesWithoutMetricsButCountsRecords) {
  RunOptions options;
  options.metrics = false;
  const Result<Report> report = example().run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->steps[1].busy_seconds, 0);
  EXPECT_EQ(report->steps[1].records_in, 10U);
}

TEST(Trace, HoldsOneSpanPerBatchAndStep) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    RunOptions options;
    options.strategy = {strategy.name};
    options.batch_size = 5;
    options.trace = true;
    const Result<Report> report = example().run(options);
    ASSERT_TRUE(report);
    const Json trace = Json::parse(report->trace_to_json());
    int spans = 0;
    for (const Json& event : trace["traceEvents"]) {
      if (event["ph"] != "X") continue;
      ++spans;
      EXPECT_GE(event["ts"], 0);
      EXPECT_GE(event["dur"], 0);
      EXPECT_THAT(event["name"].get<std::string>(), ::testing::AnyOf("source", "odd", "sink"));
    }
    std::uint64_t batches = 0;
    for (const StepReport& step : report->steps) batches += step.batches;
    EXPECT_EQ(spans, static_cast<int>(batches));
    for (const Report::Span& span : report->trace) EXPECT_LE(span.begin_ns, span.end_ns);
  }
}

// However long a run is, its timeline takes some MiB at most.
TEST(Trace, EndsAfterTheFirstBatchesOfALongRun) {
  RunOptions options;
  options.batch_size = 1;
  options.trace = true;
  const Result<Report> report = chain({{"source", counting_source(5'000)}, {"sink", {}}}).run(options);
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_EQ(report->steps[1].batches, 5'000U);
  EXPECT_EQ(report->trace.size(), 2 * 4'096U);
  EXPECT_EQ(Json::parse(report->trace_to_json())["traceEvents"].size(), 2 * 4'096U + report->plan.segments.size());
}

TEST(Trace, NamesStepsAsJson) {
  RunOptions options;
  options.trace = true;
  const Result<Report> report = chain({{"source", counting_source(1)}, {"a \"sink\"\n", {}}}).run(options);
  ASSERT_TRUE(report) << error_text(report);
  const Json trace = Json::parse(report->trace_to_json());
  EXPECT_EQ(trace["traceEvents"].back()["name"], "a \"sink\"\n");
}

TEST(Trace, IsEmptyUnlessAskedFor) {
  const Result<Report> report = example().run();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->trace.empty());
}

// ---- Strategies from outside ---------------------------------------------------------------------------------------

TEST(AddStrategy, RefusesANameThatIsTaken) {
  const Status status = add_strategy({"serial", "another one", nullptr});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kAlreadyExists);
}

TEST(AddStrategy, MakesItKnown) {
  const auto by_hand = [](const StrategyInput& input) -> Result<Plan> {
    EXPECT_EQ(input.steps[1].name, "odd");
    EXPECT_TRUE(input.steps[1].traits.stateless);
    EXPECT_THAT(input.steps[0].consumers, ElementsAre(1));
    Plan plan;
    plan.reason = "because";
    plan.segments.resize(2);
    plan.segments[0].steps = {0};
    plan.segments[1].steps = {1, 2};
    plan.segments[1].queue_depth = 3;
    return plan;
  };
  ASSERT_TRUE(add_strategy({"by hand in the tests", testing::kForOneTest, by_hand}));
  const Result<Report> report = Pipeline(example()).run(Strategy{"by hand in the tests"});
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_EQ(report->plan.reason, "because");
  EXPECT_EQ(report->records_out, 4U);
}

TEST(AddStrategy, LetsNoPlanThroughThatDoesNotFit) {
  struct Case {
    const char* name;
    Result<Plan> (*decide)(const StrategyInput&);
    const char* message;
  };
  static const auto with = [](std::vector<std::vector<std::size_t>> segments) {
    Plan plan;
    for (auto& steps : segments) plan.segments.push_back({.steps = std::move(steps), .reason = ""});
    return Result<Plan>(std::move(plan));
  };
  const Case cases[] = {
      {"leaves out", [](const StrategyInput&) { return with({{0, 1}}); }, "left out the step \"sink\""},
      {"twice", [](const StrategyInput&) { return with({{0, 1, 2}, {2}}); }, "do not fit"},
      {"beyond", [](const StrategyInput&) { return with({{0, 1, 2, 3}}); }, "do not fit"},
      {"not fed", [](const StrategyInput&) { return with({{0, 2}, {1}}); }, "do not fit"},
      {"nothing", [](const StrategyInput&) { return with({}); }, "left out the step \"source\""},
      {"empty", [](const StrategyInput&) { return with({{}, {0, 1, 2}}); }, "empty segment"},
      {"fails",
       [](const StrategyInput&) { return Result<Plan>(Error(ErrorCode::kUnsupported, "not on this machine")); },
       "not on this machine"},
  };
  for (const Case& tried : cases) {
    const std::string name = fmt::format("wrong in the tests: {}", tried.name);
    SCOPED_TRACE(name);
    ASSERT_TRUE(add_strategy({name, testing::kForOneTest, tried.decide}));
    EXPECT_THAT(error_text(example().run(Strategy{name})), HasSubstr(tried.message));
  }
}

}  // namespace
}  // namespace penstock
