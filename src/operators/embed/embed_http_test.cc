// SPDX-License-Identifier: MIT
// embed.http, against a real server.
#ifdef PENSTOCK_HTTP
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>
#include <unistd.h>

#include <cstring>

#include "platform/python_server_fixture.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::in_batches_of;
using testing::run_operator;

// embed_server.py, as long as the object lives.
class EmbedServer : public testing::PythonServer {
 public:
  EmbedServer() : PythonServer(PENSTOCK_SOURCE_DIR "/src/operators/embed/embed_server.py") {}
};

/// Row i is {tensor: [i, 10 i, -i]}; row 3 is null.
RecordBatch tensors(std::size_t count) {
  RecordBatchBuilder builder(*make_schema({{"tensor", Type::kTensor, {TensorElement::kF32, {3}}}}),
                             BufferPool::shared());
  for (std::size_t i = 0; i < count; ++i) {
    if (i == 3) {
      builder.column(0).append_null();
      continue;
    }
    const auto value = static_cast<float>(i);
    const std::array<float, 3> values = {value, 10 * value, 0 - value};
    std::memcpy(builder.column(0).append_tensor().data(), values.data(), sizeof values);
  }
  return builder.finish();
}

class EmbedHttp : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server = new EmbedServer; }
  static void TearDownTestSuite() { delete server; }

  static Options options(const std::string& path, Options more = {}) {
    more.set("url", server->url + path).set("dimension", 4);
    return more;
  }
  static HarnessResult embed(const std::string& path, std::size_t count, Options more = {},
                             const testing::HarnessOptions& harness = {}) {
    return run_operator("embed.http", options(path, std::move(more)), tensors(count), harness);
  }

  static EmbedServer* server;
};
EmbedServer* EmbedHttp::server = nullptr;

TEST_F(EmbedHttp, AddsTheVectorsOfTheServerInOrder) {
  for (const char* const path : {"/embed", "/json"}) {
    const HarnessResult result = embed(path, 5, {{"batch", 2}});
    ASSERT_EQ(result.error(), "");
    EXPECT_EQ(result.type.schema->to_text(), "tensor: tensor f32 [3], vector: tensor f32 [4]");
    EXPECT_THAT(result.rows(),
                ElementsAre(R"({"tensor":[0,0,0],"vector":[0,0,0,2]})", R"({"tensor":[1,10,-1],"vector":[1,10,-1,2]})",
                            R"({"tensor":[2,20,-2],"vector":[2,20,-2,1]})", R"({"tensor":null,"vector":null})",
                            R"({"tensor":[4,40,-4],"vector":[4,40,-4,1]})"))
        << path;
  }
}

TEST_F(EmbedHttp, KeepsTheOrderOfManyBatches) {
  const HarnessResult result =
      run_operator("embed.http", options("/embed", {{"max_concurrent", 8}}), in_batches_of(tensors(60), 3));
  ASSERT_EQ(result.error(), "");
  ASSERT_EQ(result.num_rows(), 60U);
  for (std::size_t i = 4; i < 60; ++i)
    EXPECT_THAT(result.rows()[i], HasSubstr("\"vector\":[" + std::to_string(i) + ","));
}

TEST_F(EmbedHttp, SendsHeaders) {
  const Options token = {{"headers", OptionValue::Table{{"Authorization", "Bearer 123"}}}};
  EXPECT_EQ(embed("/secret", 2, token).error(), "");
  EXPECT_THAT(embed("/secret", 2).error(), HasSubstr("/secret: the server answered 401: no token"));
}

TEST_F(EmbedHttp, TriesAgainWhatMayChange) {
  const auto run = [](const std::string& path, const std::string& strategy) {
    Pipeline pipeline("test");
    testing::Calls source;
    source.bind = [](const StreamType&) -> Result<StreamType> {
      return StreamType::of_schema(tensors(0).schema_ptr());
    };
    source.produce = [](Emitter& out) -> Result<Source::Next> {
      out.emit(tensors(3));
      return Source::Next::kEnd;
    };
    pipeline.add("tensors", testing::calling(source));
    pipeline.add("embed.http", options(path), {.on_error = retry(3, 1000, skip())});
    pipeline.add("collect");
    RunOptions options;
    options.strategy = {strategy};
    return *pipeline.run(options);
  };
  for (const StrategyInfo& strategy : all_strategies()) {
    const Report report = run("/flaky/" + std::string(strategy.name), strategy.name);
    EXPECT_EQ(report.steps[1].retries, 2U) << strategy.name;
    EXPECT_EQ(report.steps[1].records_out, 3U) << strategy.name;
  }
  EXPECT_EQ(run("/status/503", "serial").steps[1].retries, 2U);
  EXPECT_EQ(run("/drop", "serial").steps[1].retries, 2U);
  EXPECT_EQ(run("/status/422", "serial").steps[1].retries, 0U);
  EXPECT_EQ(run("/status/422", "serial").steps[1].records_out, 0U);
}

TEST_F(EmbedHttp, RejectsTheRowsOfACallThatFailed) {
  const HarnessResult result = embed("/status/500", 5, {{"batch", 2}}, {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"tensor":null,"vector":null})"));
  std::vector<std::uint64_t> records;
  for (const Rejection& rejection : result.rejections) records.push_back(rejection.record);
  EXPECT_THAT(records, ElementsAre(0, 1, 2, 4));
  EXPECT_THAT(result.reasons(), Each(HasSubstr("/status/500: the server answered 500: as asked")));
  EXPECT_EQ(result.rejections[3].raw, R"({"tensor":[4,40,-4]})");
}

TEST_F(EmbedHttp, RejectsOnlyTheRowsWhoseVectorIsNotFinite) {
  const HarnessResult result = embed("/nan", 5, {}, {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 4U);
  EXPECT_THAT(result.reasons(), ElementsAre("value 0 of the vector is nan"));
  EXPECT_EQ(result.rejections[0].record, 2U);
}

TEST_F(EmbedHttp, SaysWhatIsWrongWithAnAnswer) {
  EXPECT_THAT(embed("/few", 3).error(),
              HasSubstr("the server answered 8 values for 3 tensors, 4 for each were expected"));
  EXPECT_THAT(embed("/wide", 3).error(), HasSubstr("the server answered a vector of 5 values, 4 were expected"));
  EXPECT_THAT(embed("/text", 3).error(), HasSubstr("the server answered no {\"vectors\": …}"));
  EXPECT_THAT(embed("/hang", 3, {{"call_timeout", "100ms"}}).error(), HasSubstr("it took longer than 100 ms"));
  EXPECT_THAT(embed("/drop", 3).error(), HasSubstr("/drop: "));
}

TEST_F(EmbedHttp, SaysWhatIsWrongWithItsOptions) {
  EXPECT_THAT(embed("/embed", 1, {{"batch", 0}}).error(), HasSubstr("option \"batch\" is 0"));
  EXPECT_THAT(embed("/embed", 1, {{"column", "pixels"}}).error(), HasSubstr("pixels"));
}

}  // namespace
}  // namespace penstock
#endif
