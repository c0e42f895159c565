// SPDX-License-Identifier: MIT
#include "stream/graph.h"

#include <gmock/gmock.h>
#include <penstock/stream.h>

#include <stdexcept>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using ::testing::AllOf;
using testing::calling;
using testing::Calls;
using testing::chain;
using testing::counting_source;
using testing::error_text;
using ::testing::HasSubstr;

struct Point {
  std::int64_t x = 0;
  double y = 0;
  PENSTOCK_FIELDS(x, y)
};

TEST(GraphCheck, RefusesAnEmptyPipeline) {
  EXPECT_THAT(error_text(Pipeline("photos").check()),
              AllOf(HasSubstr("\"photos\" has no operators"), HasSubstr("begin with a source")));
}

TEST(GraphCheck, RefusesAnOperatorWithoutInput) {
  Pipeline pipeline;
  pipeline.add("select", Options{{"columns", OptionValue::List{"a"}}}, {.name = "pick"}, Pipeline::kNone);
  EXPECT_THAT(error_text(pipeline.check()),
              AllOf(HasSubstr("pick: "), HasSubstr("\"select\" needs input, but nothing comes before it"),
                    HasSubstr("begin with a source")));
}

TEST(GraphCheck, RefusesASourceBehindAnOperator) {
  const Pipeline pipeline = chain({{"first", counting_source(1)}, {"second", counting_source(1)}});
  EXPECT_THAT(error_text(pipeline.check()), HasSubstr("\"second\" is a source, but \"first\" comes before it"));
}

TEST(GraphCheck, SuggestsTheNearestOperator) {
  Pipeline pipeline;
  pipeline.add("csv.raed", Options{{"path", "a.csv"}}, {}, Pipeline::kNone);
  EXPECT_THAT(error_text(pipeline.check()),
              AllOf(HasSubstr("unknown operator: \"csv.raed\""), HasSubstr("did you mean \"csv.read\"?")));
}

TEST(GraphCheck, SaysWhereInTheFileTheOperatorStands) {
  Pipeline pipeline;
  Options options;
  options.origin = {"orders.toml", 12, 9};
  pipeline.add("nosuch", options, {}, Pipeline::kNone);
  EXPECT_THAT(error_text(pipeline.check()), HasSubstr("orders.toml:12:9"));
}

TEST(GraphCheck, RefusesTypedRecordsWhereRecordBatchesAreExpected) {
  Pipeline pipeline = range(0, 3).pipeline();
  pipeline.add("select", Options{{"columns", OptionValue::List{"a"}}});
  const Status status = pipeline.check();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error_text(status), HasSubstr("select: "));
}

TEST(GraphCheck, RefusesRecordBatchesWhereTypedRecordsAreExpected) {
  Pipeline pipeline = chain({{"source", counting_source(3)}});
  pipeline.add("map", detail::factory_of<detail::FromRecordBatches<Point>>());
  EXPECT_THAT(error_text(pipeline.check()), AllOf(HasSubstr("map/"), HasSubstr("Point"), HasSubstr("no column \"x\"")));
}

TEST(GraphCheck, RefusesAnOperatorBehindTheEndOfAStream) {
  Pipeline pipeline = range(0, 3).for_each([](std::uint64_t) {});
  pipeline.add("map", detail::factory_of<detail::ToRecordBatches<Point>>(), {.name = "after"});
  EXPECT_THAT(error_text(pipeline.check()), AllOf(HasSubstr("after: "), HasSubstr("its input is nothing")));
}

TEST(GraphCheck, TakesAnExceptionInBindForAnError) {
  Calls calls;
  calls.bind = [](const StreamType&) -> Result<StreamType> { throw std::runtime_error("no such device"); };
  const Pipeline pipeline = chain({{"source", counting_source(3)}, {"odd", calls}});
  EXPECT_THAT(error_text(pipeline.check()), AllOf(HasSubstr("odd: "), HasSubstr("no such device")));
}

TEST(GraphCheck, TakesAnExceptionInAFactoryForAnError) {
  class Throwing final : public OperatorFactory {
    Result<std::unique_ptr<Operator>> make() const override { throw std::runtime_error("out of handles"); }
  };
  Pipeline pipeline;
  pipeline.add("made", std::make_shared<Throwing>(), {}, Pipeline::kNone);
  EXPECT_THAT(error_text(pipeline.check()), AllOf(HasSubstr("made: "), HasSubstr("out of handles")));
}

TEST(GraphCheck, GivesStepsOfOneOperatorDifferentNames) {
  const Pipeline pipeline =
      range(0, 3).map([](std::uint64_t n) { return n; }).map([](std::uint64_t n) { return n; }).pipeline();
  EXPECT_EQ(pipeline.steps()[1].name, "map");
  EXPECT_EQ(pipeline.steps()[2].name, "map-2");
}

TEST(GraphCheck, RunsNothing) {
  bool ran = false;
  const Pipeline pipeline = range(0, 3).for_each([&](std::uint64_t) { ran = true; });
  EXPECT_TRUE(pipeline.check());
  EXPECT_TRUE(pipeline.plan());
  EXPECT_FALSE(ran);
}

TEST(GraphCheck, ChecksTheTypeOfEveryFieldOfATypedRecord) {
  Pipeline pipeline;
  pipeline.add("source", calling(counting_source(3)), {}, Pipeline::kNone);
  struct Text {
    std::string n;
    PENSTOCK_FIELDS(n)
  };
  const auto stream = Stream<RecordBatch>(pipeline, pipeline.last()).as<Text>();
  EXPECT_THAT(error_text(stream.pipeline().check()), AllOf(HasSubstr("\"n\""), HasSubstr("int64"), HasSubstr("utf8")));
}

}  // namespace
}  // namespace penstock
