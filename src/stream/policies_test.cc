// SPDX-License-Identifier: MIT
// Error policies, for typed callables and for operators on record batches, in every strategy, fused and unfused.
#include <gmock/gmock.h>
#include <penstock/stream.h>

#include <atomic>
#include <stdexcept>

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
using testing::keeping_sink;
using ::testing::Not;
using testing::read_text;
using testing::run_everywhere;
using testing::TemporaryFolder;

constexpr std::uint64_t kRecords = 2'500;

// Fails for every 100th record: with an exception or with an error.
std::uint64_t throwing(std::uint64_t n) {
  if (n % 100 == 42) throw std::invalid_argument("cannot digest " + std::to_string(n));
  return n;
}
Result<std::uint64_t> failing(std::uint64_t n) {
  if (n % 100 == 42) return Error(ErrorCode::kInvalidArgument, "cannot digest " + std::to_string(n));
  return n;
}

std::vector<std::uint64_t> digestible() {
  std::vector<std::uint64_t> records;
  for (std::uint64_t n = 0; n < kRecords; ++n) {
    if (n % 100 != 42) records.push_back(n);
  }
  return records;
}

const StepReport& step_of(const Report& report, const std::string& name) {
  for (const StepReport& step : report.steps) {
    if (step.name == name) return step;
  }
  ADD_FAILURE() << "no step " << name;
  return report.steps.at(0);
}

// The same stream with the steps free to be fused, or each on its own.
template <class F, class Body>
void with_and_without_fusion(F function, const StepOptions& options, Body&& body) {
  std::vector<std::uint64_t> out;
  const auto plus_zero = [](std::uint64_t n) { return n; };
  {
    SCOPED_TRACE("steps that may be fused");
    body(range(0, kRecords)
             .map(plus_zero)
             .map(function, options)
             .filter([](std::uint64_t) { return true; })
             .collect(out),
         out);
  }
  {
    SCOPED_TRACE("steps that cannot be fused");
    const Stream<std::uint64_t> source = range(0, kRecords);
    const Stream<std::uint64_t> before = source.map(plus_zero);
    const Stream<std::uint64_t> step = before.map(function, options);
    const Stream<std::uint64_t> after = step.filter([](std::uint64_t) { return true; });
    body(after.collect(out), out);
  }
}

TEST(FailPolicy, NamesTheStepAndTheRecordOfTheException) {
  with_and_without_fusion(throwing, {.name = "digest"}, [](const Pipeline& pipeline, auto& out) {
    run_everywhere([&](const RunOptions& options) {
      out.clear();
      const RunOutcome outcome = pipeline.run_to_outcome(options);
      ASSERT_FALSE(outcome.status);
      EXPECT_EQ(outcome.status.error().where(), "digest");
      EXPECT_EQ(outcome.status.error().record(), 42);
      EXPECT_THAT(error_text(outcome.status), HasSubstr("cannot digest 42"));
      EXPECT_EQ(outcome.report.outcome, Report::Outcome::kFailed);
    });
  });
}

TEST(FailPolicy, NamesTheStepAndTheRecordOfTheReturnedError) {
  with_and_without_fusion(failing, {.name = "digest"}, [](const Pipeline& pipeline, auto&) {
    run_everywhere([&](const RunOptions& options) {
      const Result<Report> report = pipeline.run(options);
      ASSERT_FALSE(report);
      EXPECT_EQ(report.error().where(), "digest");
      EXPECT_EQ(report.error().record(), 42);
      EXPECT_THAT(error_text(report), HasSubstr("cannot digest 42"));
    });
  });
}

TEST(FailPolicy, CountsTheRecordInTheStepsOwnInput) {
  // The third step sees every second record only.
  const auto pipeline =
      range(0, 1000)
          .filter([](std::uint64_t n) { return n % 2 == 0; })
          .map([](std::uint64_t n) -> std::uint64_t { return n == 100 ? throw std::runtime_error("no") : n; },
               {.name = "picky"})
          .pipeline();
  run_everywhere([&](const RunOptions& options) {
    const Result<Report> report = pipeline.run(options);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().record(), 50);
  });
}

TEST(FailPolicy, NamesTheSourceWhoseCallableThrows) {
  struct Throwing {
    int left = 10;
    std::optional<int> operator()() {
      if (left-- == 0) throw std::runtime_error("the line went dead");
      return left;
    }
  };
  std::vector<int> out;
  const auto pipeline =
      from_function(Throwing{}, {.name = "line"}).map([](int n) { return n; }, {.name = "behind"}).collect(out);
  run_everywhere([&](const RunOptions& options) {
    const Result<Report> report = pipeline.run(options);
    EXPECT_THAT(error_text(report), AllOf(HasSubstr("line: "), HasSubstr("the line went dead")));
  });
}

TEST(SkipPolicy, DropsAndCountsTheSameRecordsEverywhere) {
  const auto check = [](const Pipeline& pipeline, auto& out) {
    run_everywhere([&](const RunOptions& options) {
      out.clear();
      const Result<Report> report = pipeline.run(options);
      ASSERT_TRUE(report) << error_text(report);
      EXPECT_EQ(out, digestible());
      const StepReport& step = step_of(*report, "digest");
      EXPECT_EQ(step.records_in, kRecords);
      EXPECT_EQ(step.records_out, kRecords - 25);
      EXPECT_EQ(step.records_rejected, 25U);
      EXPECT_THAT(step.first_rejection, AllOf(HasSubstr("record 42: "), HasSubstr("cannot digest 42")));
      EXPECT_EQ(report->records_in, kRecords);
      EXPECT_EQ(report->records_rejected, 25U);
      EXPECT_EQ(report->records_out, kRecords - 25);
    });
  };
  with_and_without_fusion(throwing, {.name = "digest", .on_error = skip()}, check);
  with_and_without_fusion(failing, {.name = "digest", .on_error = skip()}, check);
}

TEST(SkipPolicy, HoldsForFiltersAndFlatMapsAndEnds) {
  std::vector<std::uint64_t> seen;
  const auto odd = [](std::uint64_t n) -> Result<bool> {
    if (n == 3) return Error(ErrorCode::kInvalidArgument, "undecided");
    return n % 2 == 1;
  };
  const auto twice = [](std::uint64_t n, Emit<std::uint64_t>& emit) {
    emit(n);
    if (n == 5) throw std::runtime_error("half done");
    emit(n);
  };
  const auto end = [&](std::uint64_t n) {
    if (n == 7) throw std::runtime_error("no sevens");
    seen.push_back(n);
  };
  const auto pipeline = range(0, 12)
                            .filter(odd, {.name = "odd", .on_error = skip()})
                            .flat_map<std::uint64_t>(twice, {.name = "twice", .on_error = skip()})
                            .for_each(end, {.name = "end", .on_error = skip()});
  run_everywhere([&](const RunOptions& options) {
    seen.clear();
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_THAT(seen, ElementsAre(1, 1, 9, 9, 11, 11));
    EXPECT_EQ(step_of(*report, "odd").records_rejected, 1U);
    EXPECT_EQ(step_of(*report, "odd").records_out, 5U);
    EXPECT_EQ(step_of(*report, "twice").records_rejected, 1U);
    EXPECT_EQ(step_of(*report, "twice").records_out, 8U);
    EXPECT_EQ(step_of(*report, "end").records_in, 8U);
    EXPECT_EQ(step_of(*report, "end").records_rejected, 2U);
    EXPECT_THAT(step_of(*report, "end").first_rejection, HasSubstr("record 2: "));
  });
}

TEST(QuarantinePolicy, KeepsTheSameRecordsEverywhere) {
  const TemporaryFolder folder;
  std::string expected;
  for (std::uint64_t n = 42; n < kRecords; n += 100) {
    expected += fmt::format(
        R"({{"operator":"digest","record":{0},"reason":"threw an exception: cannot digest {0}","raw":"{0}"}})"
        "\n",
        n);
  }
  with_and_without_fusion(throwing, {.name = "digest", .on_error = quarantine(folder.file("bad.jsonl"))},
                          [&](const Pipeline& pipeline, auto& out) {
                            run_everywhere([&](const RunOptions& options) {
                              out.clear();
                              const Result<Report> report = pipeline.run(options);
                              ASSERT_TRUE(report) << error_text(report);
                              EXPECT_EQ(out, digestible());
                              EXPECT_EQ(read_text(folder.file("bad.jsonl")), expected);
                              ASSERT_EQ(report->outputs.size(), 1U);
                              EXPECT_EQ(report->outputs[0].path, folder.file("bad.jsonl"));
                              EXPECT_EQ(report->outputs[0].kind, "quarantine");
                              EXPECT_EQ(report->outputs[0].records, 25U);
                              EXPECT_EQ(report->outputs[0].size_bytes, expected.size());
                              EXPECT_THAT(folder.names(), ElementsAre("bad.jsonl"));
                            });
                          });
}

struct Order {
  std::int64_t id = 0;
  std::string country;
  PENSTOCK_FIELDS(id, country)
};

TEST(QuarantinePolicy, WritesRecordsWithFieldsAsJson) {
  const TemporaryFolder folder;
  const auto refuse = [](const Order& order) -> Result<Order> {
    return Error(ErrorCode::kInvalidArgument, "no \"" + order.country + "\"");
  };
  RunOptions options;
  options.artifacts = folder.path() + "/artifacts";
  ASSERT_TRUE(from(std::vector<Order>{{7, "D\"E"}}).map(refuse, {.on_error = quarantine()}).pipeline().run(options));
  EXPECT_EQ(read_text(folder.file("artifacts/quarantine.jsonl")),
            R"({"operator":"map","record":0,"reason":"no \"D\"E\"","raw":"{\"id\":7,\"country\":\"D\\\"E\"}"})"
            "\n");
}

TEST(QuarantinePolicy, PutsTheStepsThatShareAFileInTheirOrder) {
  const TemporaryFolder folder;
  const std::string bad = folder.file("bad.jsonl");
  const auto refuse = [](std::uint64_t which) {
    return [which](std::uint64_t n) { return n == which ? throw std::runtime_error("no") : n; };
  };
  // The same file by two names.
  const auto pipeline = range(0, 2000)
                            .map(refuse(1999), {.name = "first", .on_error = quarantine(bad)})
                            .map(refuse(3), {.name = "second", .on_error = quarantine(folder.path() + "/./bad.jsonl")})
                            .pipeline();
  run_everywhere([&](const RunOptions& options) {
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(read_text(bad),
              "{\"operator\":\"first\",\"record\":1999,\"reason\":\"threw an exception: no\",\"raw\":\"1999\"}\n"
              "{\"operator\":\"second\",\"record\":3,\"reason\":\"threw an exception: no\",\"raw\":\"3\"}\n");
    ASSERT_EQ(report->outputs.size(), 1U);
    EXPECT_EQ(report->outputs[0].records, 2U);
  });
}

TEST(QuarantinePolicy, LeavesAnEmptyFileWhenNothingWasRejected) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("bad.jsonl")) << "of an earlier run\n";
  ASSERT_TRUE(range(0, 10)
                  .map([](std::uint64_t n) { return n; }, {.on_error = quarantine(folder.file("bad.jsonl"))})
                  .pipeline()
                  .run());
  EXPECT_EQ(read_text(folder.file("bad.jsonl")), "");
}

TEST(QuarantinePolicy, LeavesTheFileAloneWhenTheRunFails) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("bad.jsonl")) << "of an earlier run\n";
  const auto pipeline =
      range(0, kRecords)
          .map(throwing, {.on_error = quarantine(folder.file("bad.jsonl"))})
          .map([](std::uint64_t n) -> std::uint64_t { return n == 2000 ? throw std::runtime_error("no") : n; })
          .pipeline();
  run_everywhere([&](const RunOptions& options) {
    ASSERT_FALSE(pipeline.run(options));
    EXPECT_EQ(read_text(folder.file("bad.jsonl")), "of an earlier run\n");
    EXPECT_THAT(folder.names(), ElementsAre("bad.jsonl"));
  });
}

TEST(QuarantinePolicy, KeepsRejectedRecordsOnDiskAndNotInMemory) {
  // Long before the end of the run, what was rejected is in a part file beside the quarantine file.
  const TemporaryFolder folder;
  const std::string bad = folder.file("bad.jsonl");
  std::uintmax_t most_bytes = 0;
  const auto reject_most = [&](std::uint64_t n) {
    if (n % 1000 != 999) throw std::runtime_error(std::string(200, 'x'));
    return n;
  };
  const auto look = [&](std::uint64_t) {
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      most_bytes = std::max(most_bytes, entry.file_size());
  };
  const auto pipeline = range(0, 4000).map(reject_most, {.on_error = quarantine(bad)}).for_each(look);
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    most_bytes = 0;
    RunOptions options;
    options.strategy = {strategy.name};
    options.batch_size = 100;
    options.queue_depth = 1;
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_GT(most_bytes, 4000U * 200 / 2);
  }
}

TEST(QuarantinePolicy, WritesWhatASourceRejectsBeforeItsFirstBatchIsFull) {
  // A source that finds nothing but bad records never emits, and reads its whole input in one call.
  const TemporaryFolder folder;
  std::uintmax_t most_bytes = 0;
  constexpr std::uint64_t kBad = 4000;
  OperatorContext* context = nullptr;
  Calls calls = counting_source(1);
  calls.open = [&](OperatorContext& given) {
    context = &given;
    return Status();
  };
  calls.produce = [&](Emitter&) -> Result<Source::Next> {
    for (std::uint64_t n = 0; n < kBad; ++n)
      PENSTOCK_TRY(context->errors->reject({.record = n, .reason = "bad", .raw = std::string(200, 'x')}));
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      most_bytes = std::max(most_bytes, entry.file_size());
    return Source::Next::kEnd;
  };
  calls.records_read = [] { return kBad; };
  Pipeline pipeline;
  pipeline.add("read", calling(calls), {.on_error = quarantine(folder.file("bad.jsonl"))}, Pipeline::kNone);
  run_everywhere([&](const RunOptions& options) {
    most_bytes = 0;
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_GT(most_bytes, kBad * 200 / 2);
    EXPECT_EQ(report->records_rejected, kBad);
  });
}

TEST(QuarantinePolicy, SaysWhyTheFileCannotBeWritten) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("plain")) << "no folder\n";
  const auto pipeline =
      range(0, kRecords).map(throwing, {.on_error = quarantine(folder.file("plain/bad.jsonl"))}).pipeline();
  run_everywhere(
      [&](const RunOptions& options) { EXPECT_THAT(error_text(pipeline.run(options)), HasSubstr("plain")); });
}

TEST(MaxErrors, LetsAsManyPassAsItSays) {
  const auto pipeline = range(0, kRecords).map(throwing, {.name = "digest", .on_error = skip()}).pipeline();
  run_everywhere([&](RunOptions options) {
    options.max_errors = 25;
    EXPECT_TRUE(pipeline.run(options));
    options.max_errors = 24;
    const Result<Report> report = pipeline.run(options);
    EXPECT_THAT(error_text(report),
                AllOf(HasSubstr("digest: "), HasSubstr("25 records were rejected, more than max_errors = 24"),
                      HasSubstr("cannot digest 2442")));
    options.max_errors = 0;
    EXPECT_THAT(error_text(pipeline.run(options)), HasSubstr("cannot digest 42"));
  });
}

TEST(MaxErrors, CountsAllStepsTogether) {
  std::vector<std::int64_t> kept;
  Pipeline pipeline =
      range(0, 100)
          .map([](std::uint64_t n) { return n < 10 ? throw std::runtime_error("low") : n; }, {.on_error = skip()})
          .map([](std::uint64_t n) { return n >= 90 ? throw std::runtime_error("high") : n; }, {.on_error = skip()})
          .pipeline();
  run_everywhere([&](RunOptions options) {
    options.max_errors = 20;
    EXPECT_TRUE(pipeline.run(options));
    options.max_errors = 19;
    EXPECT_FALSE(pipeline.run(options));
  });
}

// Fails for the first `failures` attempts at every record that is a multiple of ten.
struct Flaky {
  std::uint32_t failures;
  std::uint64_t current = ~std::uint64_t{0};
  std::uint32_t tries = 0;
  std::uint64_t operator()(const std::uint64_t& n) {
    if (n != current) tries = 0;
    current = n;
    if (n % 10 == 0 && tries++ < failures) throw std::runtime_error("busy");
    return n;
  }
};

TEST(RetryPolicy, TriesASingleRecordAgain) {
  std::vector<std::uint64_t> out;
  const auto pipeline = range(0, 100).map(Flaky{2}, {.name = "flaky", .on_error = retry(3, 0)}).collect(out);
  run_everywhere([&](const RunOptions& options) {
    out.clear();
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(out.size(), 100U);
    EXPECT_EQ(step_of(*report, "flaky").retries, 20U);
    EXPECT_EQ(step_of(*report, "flaky").records_rejected, 0U);
  });
}

TEST(RetryPolicy, DoesWhatComesThenWhenAllAttemptsFailed) {
  const auto failing_run = range(0, 100).map(Flaky{3}, {.on_error = retry(3, 0)}).pipeline();
  const auto skipping_run = range(0, 100).map(Flaky{3}, {.name = "flaky", .on_error = retry(3, 0, skip())}).pipeline();
  run_everywhere([&](const RunOptions& options) {
    EXPECT_THAT(error_text(failing_run.run(options)), HasSubstr("busy"));
    const Result<Report> report = skipping_run.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(step_of(*report, "flaky").records_rejected, 10U);
    EXPECT_EQ(step_of(*report, "flaky").retries, 20U);
  });
}

TEST(Fallback, MakesTheRecordsThatFailed) {
  std::vector<std::uint64_t> out;
  const auto repair = [](std::uint64_t n, const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("cannot digest"));
    return n + 1'000'000;
  };
  const auto pipeline = range(0, 200).map(with_fallback(throwing, repair), {.name = "digest"}).collect(out);
  run_everywhere([&](const RunOptions& options) {
    out.clear();
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    ASSERT_EQ(out.size(), 200U);
    EXPECT_EQ(out[42], 1'000'042U);
    EXPECT_EQ(out[142], 1'000'142U);
    EXPECT_EQ(step_of(*report, "digest").fallbacks, 2U);
    EXPECT_EQ(step_of(*report, "digest").records_rejected, 0U);
  });
}

TEST(Fallback, IsSubjectToThePolicyWhenItFailsToo) {
  std::vector<std::uint64_t> out;
  const auto repair = [](std::uint64_t n, const Error&) -> std::uint64_t {
    if (n == 42) throw std::runtime_error("beyond repair");
    return n;
  };
  const auto stream = range(0, 200);
  const auto skipping_run =
      stream.map(with_fallback(throwing, repair), {.name = "digest", .on_error = skip()}).collect(out);
  const auto failing_run = stream.map(with_fallback(throwing, repair), {.name = "digest"}).collect(out);
  run_everywhere([&](const RunOptions& options) {
    out.clear();
    const Result<Report> report = skipping_run.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(out.size(), 199U);
    EXPECT_EQ(step_of(*report, "digest").records_rejected, 1U);
    EXPECT_EQ(step_of(*report, "digest").records_in, 200U);
    EXPECT_THAT(error_text(failing_run.run(options)),
                AllOf(HasSubstr("digest: "), HasSubstr("beyond repair"), HasSubstr("record 42")));
  });
}

// ---- Operators on record batches: what fails is the batch ----------------------------------------------------------

// Refuses batches that hold 500, after it emitted half a batch.
Calls fails_at_500() {
  Calls calls;
  calls.traits.stateless = true;
  calls.process = [](Batch batch, Emitter& out) -> Status {
    out.emit(batch.copy());
    for (const std::int64_t n : batch.record_batch().column(0).int64s()) {
      if (n == 500) throw std::runtime_error("hit 500");
    }
    return {};
  };
  return calls;
}

Pipeline batch_pipeline(Calls calls, ErrorPolicy policy, std::vector<std::int64_t>& out) {
  Pipeline pipeline = chain({{"source", counting_source(1000)}});
  pipeline.add("fragile", calling(std::move(calls)), {.on_error = std::move(policy)});
  pipeline.add("sink", calling(keeping_sink(out)));
  return pipeline;
}

TEST(BatchPolicy, RejectsTheWholeBatchAndEmitsNothingOfIt) {
  std::vector<std::int64_t> out;
  const Pipeline pipeline = batch_pipeline(fails_at_500(), skip(), out);
  run_everywhere([&](const RunOptions& options) {
    out.clear();
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(step_of(*report, "fragile").records_rejected, options.batch_size == 7 ? 7U : options.batch_size);
    EXPECT_EQ(out.size(), 1000 - step_of(*report, "fragile").records_rejected);
    EXPECT_THAT(out, Not(::testing::Contains(500)));
    EXPECT_EQ(report->records_in, 1000U);
    EXPECT_EQ(report->records_out + report->records_rejected, 1000U);
  });
}

TEST(BatchPolicy, PutsEveryRowOfTheBatchIntoQuarantine) {
  const TemporaryFolder folder;
  std::vector<std::int64_t> out;
  const Pipeline pipeline = batch_pipeline(fails_at_500(), quarantine(folder.file("bad.jsonl")), out);
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    RunOptions options;
    options.strategy = {strategy.name};
    options.batch_size = 2;
    ASSERT_TRUE(pipeline.run(options));
    EXPECT_EQ(read_text(folder.file("bad.jsonl")),
              "{\"operator\":\"fragile\",\"record\":500,\"reason\":\"threw an exception: hit "
              "500\",\"raw\":\"{\\\"n\\\":500}\"}\n"
              "{\"operator\":\"fragile\",\"record\":501,\"reason\":\"threw an exception: hit "
              "500\",\"raw\":\"{\\\"n\\\":501}\"}\n");
  }
}

TEST(BatchPolicy, FailNamesTheStep) {
  std::vector<std::int64_t> out;
  const Pipeline pipeline = batch_pipeline(fails_at_500(), fail(), out);
  run_everywhere([&](const RunOptions& options) {
    EXPECT_THAT(error_text(pipeline.run(options)), AllOf(HasSubstr("fragile: "), HasSubstr("hit 500")));
  });
}

TEST(BatchPolicy, RetriesTheWholeBatch) {
  struct State {
    int failures = 0;
  };
  const auto state = std::make_shared<State>();
  Calls calls;
  calls.open = [state](OperatorContext&) {
    state->failures = 0;
    return Status();
  };
  calls.process = [state](Batch batch, Emitter& out) -> Status {
    out.emit(batch.copy());
    if (state->failures++ < 2) return Error(ErrorCode::kUnavailable, "busy");
    return {};
  };
  std::vector<std::int64_t> out;
  const Pipeline pipeline = batch_pipeline(calls, retry(3, 0), out);
  run_everywhere([&](const RunOptions& options) {
    out.clear();
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(out.size(), 1000U);
    EXPECT_EQ(step_of(*report, "fragile").retries, 2U);
  });
}

TEST(BatchPolicy, ForgetsWhatAFailedAttemptRejected) {
  // The first attempt rejects a row and then fails; the second rejects it again and goes well.
  const auto attempts = std::make_shared<int>(0);
  const auto context = std::make_shared<OperatorContext*>();
  Calls calls;
  calls.open = [=](OperatorContext& given) {
    *context = &given;
    *attempts = 0;
    return Status();
  };
  calls.process = [=](Batch batch, Emitter& out) -> Status {
    PENSTOCK_TRY((*context)->errors->reject({.record = 0, .reason = "odd", .raw = "raw"}));
    if ((*attempts)++ == 0) return Error(ErrorCode::kUnavailable, "busy");
    std::vector<std::uint32_t> rest;
    for (std::uint32_t i = 1; i < batch.num_records(); ++i) rest.push_back(i);
    out.emit(batch.record_batch().take(rest, *(*context)->pool));
    return {};
  };
  const TemporaryFolder folder;
  std::vector<std::int64_t> out;
  const Pipeline pipeline = batch_pipeline(calls, retry(2, 0, quarantine(folder.file("bad.jsonl"))), out);
  RunOptions options;
  options.batch_size = 1000;
  options.max_errors = 1;
  const Result<Report> report = pipeline.run(options);
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_EQ(step_of(*report, "fragile").records_rejected, 1U);
  EXPECT_EQ(out.size(), 999U);
  EXPECT_EQ(read_text(folder.file("bad.jsonl")),
            "{\"operator\":\"fragile\",\"record\":0,\"reason\":\"odd\",\"raw\":\"raw\"}\n");
}

TEST(BatchPolicy, NumbersRejectedRowsThroughTheWholeRun) {
  const auto context = std::make_shared<OperatorContext*>();
  Calls calls;
  calls.open = [=](OperatorContext& given) {
    *context = &given;
    return Status();
  };
  calls.process = [=](Batch batch, Emitter&) -> Status {
    const auto values = batch.record_batch().column(0).int64s();
    for (std::size_t row = 0; row < values.size(); ++row) {
      if (values[row] % 400 == 123)
        PENSTOCK_TRY((*context)->errors->reject({.record = row, .reason = "odd", .raw = ""}));
    }
    return {};
  };
  const TemporaryFolder folder;
  std::vector<std::int64_t> out;
  const Pipeline pipeline = batch_pipeline(calls, quarantine(folder.file("bad.jsonl")), out);
  run_everywhere([&](const RunOptions& options) {
    ASSERT_TRUE(pipeline.run(options));
    EXPECT_EQ(read_text(folder.file("bad.jsonl")),
              "{\"operator\":\"fragile\",\"record\":123,\"reason\":\"odd\",\"raw\":\"\"}\n"
              "{\"operator\":\"fragile\",\"record\":523,\"reason\":\"odd\",\"raw\":\"\"}\n"
              "{\"operator\":\"fragile\",\"record\":923,\"reason\":\"odd\",\"raw\":\"\"}\n");
  });
}

/// Keeps what it is told.
class Told final : public RejectionListener {
 public:
  void rejected(const std::string& step, const Rejection& rejection) override {
    told.push_back(step + " " + std::to_string(rejection.record) + ": " + rejection.reason + ", " + rejection.raw);
  }
  std::vector<std::string> told;
};

TEST(Rejections, AreToldOnceInOrderWhenTheyAreCertain) {
  std::vector<std::uint64_t> out;
  const Pipeline skipping = range(0, 250).map(failing, {.name = "digest", .on_error = skip()}).collect(out);
  const Pipeline retrying =
      range(0, 250).map(failing, {.name = "digest", .on_error = retry(3, 0, skip())}).collect(out);
  for (const Pipeline* const pipeline : {&skipping, &retrying}) {
    run_everywhere([&](RunOptions options) {
      Told listener;
      options.rejections = &listener;
      ASSERT_TRUE(pipeline->run(options));
      EXPECT_THAT(listener.told, ElementsAre("digest 42: cannot digest 42, 42", "digest 142: cannot digest 142, 142",
                                             "digest 242: cannot digest 242, 242"));
    });
  }
}

TEST(BatchPolicy, SurvivesRecordsThatThrowWhenTheyAreCopied) {
  // A policy keeps a copy of the batch in case it must be tried again.
  struct Uncooperative {
    int n = 0;
    Uncooperative() = default;
    explicit Uncooperative(int number) : n(number) {}
    Uncooperative(const Uncooperative&) { throw std::runtime_error("not to be copied"); }
    Uncooperative(Uncooperative&&) = default;
  };
  Calls calls;
  calls.process = [](Batch, Emitter&) { return Status(); };
  struct Numbers {
    int n = 0;
    std::optional<Uncooperative> operator()() {
      return n < 3 ? std::optional<Uncooperative>(Uncooperative(n++)) : std::nullopt;
    }
  };
  Pipeline pipeline = from_function(Numbers{}).pipeline();
  pipeline.add("sink", calling(calls), {.on_error = skip()});
  run_everywhere([&](const RunOptions& options) {
    EXPECT_THAT(error_text(pipeline.run(options)), AllOf(HasSubstr("sink: "), HasSubstr("not to be copied")));
  });
}

}  // namespace
}  // namespace penstock
