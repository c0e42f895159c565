// SPDX-License-Identifier: MIT
// embed.onnx, with models that the tests write, on every runtime that is here (tests/program/onnxruntime_test.py brings
// one).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <numeric>
#include <span>

#include "embed/network_modules.h"
#include "embed/onnx_fixture.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using embed::fixture::kFilters;
using embed::fixture::small_model;
using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::in_batches_of;
using testing::run_operator;

constexpr std::int64_t kSide = 8;
constexpr std::size_t kFloats = 3 * kSide * kSide;

std::vector<float> picture(std::size_t number) {
  std::vector<float> values(kFloats);
  for (std::size_t i = 0; i < kFloats; ++i) values[i] = static_cast<float>((i * (number + 3)) % 17) / 8.0F - 1;
  return values;
}

/// So many pictures f32 [3, 8, 8]; the third is null.
RecordBatch pictures(std::size_t count, TensorType type = {TensorElement::kF32, {3, kSide, kSide}}) {
  RecordBatchBuilder builder(*make_schema({{"tensor", Type::kTensor, type}}), BufferPool::shared());
  for (std::size_t i = 0; i < count; ++i) {
    if (i == 2) {
      builder.column(0).append_null();
      continue;
    }
    const std::vector<float> values = picture(i);
    const std::span<std::byte> room = builder.column(0).append_tensor();
    std::memcpy(room.data(), values.data(), std::min(room.size(), kFloats * sizeof(float)));
  }
  return builder.finish();
}

class EmbedOnnx : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto module = embed::network_module(embed::runtime_of(GetParam()));
    if (!module) GTEST_SKIP() << module.error().to_text();
    runtime_ = (*module)->runtime();
  }
  bool is_opencv() const { return GetParam() == std::string("opencv"); }
  std::string file(const std::string& bytes) {
    const std::string path = folder_.file("model.onnx");
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string error_of(const std::string& bytes, Options options = {}, const RecordBatch& input = pictures(1)) {
    options.set("model", file(bytes)).set("runtime", GetParam());
    return run_operator("embed.onnx", options, input).error();
  }

  /// The vectors that the model makes of so many pictures, without that of the third, which is null.
  void expect_vectors(Options options, std::size_t count, std::size_t size,
                      const std::function<std::vector<float>(const float*)>& expected_of) {
    const HarnessResult result =
        run_operator("embed.onnx", std::move(options.set("runtime", GetParam())), in_batches_of(pictures(count), size));
    ASSERT_EQ(result.error(), "");
    std::size_t number = 0;
    for (const Batch& made : result.batches) {
      const Column& vectors = made.record_batch().column(1);
      for (std::size_t row = 0; row < vectors.size(); ++row, ++number) {
        ASSERT_EQ(vectors.is_null(row), number == 2);
        if (number == 2) continue;
        const std::vector<float> expected = expected_of(picture(number).data());
        for (std::size_t i = 0; i < expected.size(); ++i)
          EXPECT_NEAR(vectors.elements<float>()[row * expected.size() + i], expected[i], 1e-4) << number << ", " << i;
      }
    }
    EXPECT_EQ(number, count);
  }

  testing::TemporaryFolder folder_;
  std::string runtime_;
};

INSTANTIATE_TEST_SUITE_P(Runtimes, EmbedOnnx, ::testing::Values("opencv", "onnxruntime"),
                         [](const auto& runtime) { return std::string(runtime.param); });

TEST_P(EmbedOnnx, GivesTheOutputOfTheModel) {
  for (const std::int64_t batch : {0, 1, 4}) {
    const std::string model = file(small_model(batch, kSide));
    for (const std::size_t size : {1U, 3U, 7U}) {
      for (const int threads : {1, 2}) {
        expect_vectors({{"model", model}, {"batch", 3}, {"threads", threads}}, 7, size,
                       [](const float* pixels) { return embed::fixture::small_model_features(pixels, kSide); });
      }
    }
  }
}

TEST_P(EmbedOnnx, AddsAColumnOfVectors) {
  const HarnessResult result =
      run_operator("embed.onnx", {{"model", file(small_model(0, kSide))}, {"runtime", GetParam()}}, pictures(1));
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.type.schema->to_text(), "tensor: tensor f32 [3, 8, 8], vector: tensor f32 [4]");
}

TEST_P(EmbedOnnx, TakesTheOutputThatIsNamed) {
  const std::string model = file(embed::fixture::two_outputs_model(0, kSide));
  const auto of_channels = [](auto one) {
    return [one](const float* pixels) {
      std::vector<float> values;
      for (std::size_t c = 0; c < 3; ++c) values.push_back(one(std::span(pixels + c * kSide * kSide, kSide * kSide)));
      return values;
    };
  };
  expect_vectors({{"model", model}, {"output", "largest"}}, 2, 2, of_channels([](std::span<const float> channel) {
                   return *std::max_element(channel.begin(), channel.end());
                 }));
  expect_vectors({{"model", model}, {"output", "mean"}, {"input", "pixels"}}, 2, 2,
                 of_channels([](std::span<const float> channel) {
                   return std::accumulate(channel.begin(), channel.end(), 0.0F) / static_cast<float>(channel.size());
                 }));
  EXPECT_THAT(error_of(embed::fixture::two_outputs_model(0, kSide)), HasSubstr("\"largest\" float32 [?, 3]"));
}

TEST_P(EmbedOnnx, RunsAttention) {
  const std::string model = file(embed::fixture::attention_model(0, kSide));
  for (const std::size_t size : {1U, 4U}) {
    expect_vectors({{"model", model}, {"batch", 3}}, 4, size,
                   [](const float* pixels) { return embed::fixture::attention_features(pixels, kSide); });
  }
}

TEST_P(EmbedOnnx, RunsWhatTransformersHaveOrNamesThePartThatItsRuntimeLacks) {
  const std::string model = embed::fixture::attention_model(0, kSide, "Erf");
  const std::string error = error_of(model);
  if (is_opencv() && !error.empty()) {  // that of Debian 12
    EXPECT_THAT(error, HasSubstr("OpenCV "));
    EXPECT_THAT(error, HasSubstr("Erf"));
    EXPECT_THAT(error, HasSubstr("take ONNX Runtime"));
    return;
  }
  expect_vectors({{"model", file(model)}}, 4, 4, [](const float* pixels) {
    std::vector<float> values = embed::fixture::attention_features(pixels, kSide);
    for (float& value : values) value = std::erf(value);
    return values;
  });
}

TEST_P(EmbedOnnx, HoldsNamesAndShapesAgainstTheModel) {
  EXPECT_THAT(error_of(small_model(0, kSide), {{"input", "image"}}),
              HasSubstr("the model has no input \"image\", but \"pixels\" float32 [?, 3, 8, 8]"));
  EXPECT_THAT(error_of(small_model(0, kSide), {{"output", "logits"}}),
              HasSubstr("the model has no output \"logits\", but \"features\" float32 [?, 4]"));
  EXPECT_THAT(error_of(small_model(0, 9)),
              HasSubstr("the model's input \"pixels\" is float32 [?, 3, 9, 9], which a batch of tensors f32 [3, 8, 8] "
                        "does not fit"));
  EXPECT_THAT(error_of(small_model(0, kSide), {}, pictures(1, {TensorElement::kU8, {3, kSide, kSide}})),
              HasSubstr("but the tensors are u8 [3, 8, 8]"));
  EXPECT_EQ(error_of(small_model(0, kSide), {{"input", "pixels"}, {"output", "features"}, {"threads", 2}}), "");
}

TEST_P(EmbedOnnx, SaysInTheWordsOfItsRuntimeWhatItCannotImport) {
  const std::string error = error_of(small_model(0, kSide, "Perplexity"));
  EXPECT_THAT(error, HasSubstr(runtime_));
  EXPECT_THAT(error, HasSubstr("cannot import the model"));
  EXPECT_THAT(error, HasSubstr("Perplexity"));
  EXPECT_THAT(error, HasSubstr("embed.http"));
}

TEST_P(EmbedOnnx, SaysWhatIsWrongWithTheFile) {
  EXPECT_THAT(error_of("no model"), HasSubstr("this is no ONNX file"));
  EXPECT_THAT(
      run_operator("embed.onnx", {{"model", folder_.file("none.onnx")}, {"runtime", GetParam()}}, pictures(1)).error(),
      HasSubstr("none.onnx"));
  std::string cut = small_model(0, kSide);
  cut.resize(cut.size() / 2);
  EXPECT_THAT(error_of(cut), HasSubstr("this is no ONNX file"));
  EXPECT_THAT(error_of(small_model(0, kSide), {{"threads", 0}}), HasSubstr("option \"threads\" is 0"));
}

TEST_P(EmbedOnnx, RefusesAModelWhoseWeightsAreCutOff) {
  EXPECT_THAT(error_of(small_model(0, kSide, "Relu", {1, 2, 3})),
              HasSubstr("the weights \"filters\" have 12 bytes, and float32 [4, 3, 3, 3] has 432"));
}

TEST_P(EmbedOnnx, RejectsVectorsThatAreNotFinite) {
  RecordBatchBuilder builder(pictures(0).schema_ptr(), BufferPool::shared());
  for (const float value : {1.0F, std::numeric_limits<float>::infinity(), 2.0F}) {
    const std::vector<float> values(kFloats, value);
    std::memcpy(builder.column(0).append_tensor().data(), values.data(), kFloats * sizeof(float));
  }
  const HarnessResult result =
      run_operator("embed.onnx", {{"model", file(small_model(0, kSide))}, {"runtime", GetParam()}}, builder.finish(),
                   {.on_error = skip()});
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 2U);
  ASSERT_EQ(result.rejections.size(), 1U);
  EXPECT_EQ(result.rejections[0].record, 1U);
  EXPECT_THAT(result.rejections[0].reason, HasSubstr("of the vector is"));
}

TEST_P(EmbedOnnx, GivesTheSameUnderEveryStrategy) {
  const std::string model = file(small_model(0, kSide));
  std::string expected;
  for (const StrategyInfo& strategy : all_strategies()) {
    Pipeline pipeline("test");
    testing::Calls source;
    std::size_t sent = 0;
    source.bind = [](const StreamType&) -> Result<StreamType> {
      return StreamType::of_schema(pictures(0).schema_ptr());
    };
    source.produce = [&](Emitter& out) -> Result<Source::Next> {
      out.emit(pictures(2));
      return ++sent < 6 ? Source::Next::kMore : Source::Next::kEnd;
    };
    pipeline.add("pictures", testing::calling(source));
    pipeline.add("embed.onnx", {{"model", model}, {"threads", 2}, {"runtime", GetParam()}});
    pipeline.add("select", {{"columns", OptionValue::List{"vector"}}});
    pipeline.add("collect");
    RunOptions options;
    options.strategy = {strategy.name};
    const auto report = pipeline.run(options);
    ASSERT_TRUE(report) << strategy.name << ": " << testing::error_text(report);
    if (expected.empty()) expected = report->results[0].rows;
    EXPECT_EQ(report->results[0].rows, expected) << strategy.name;
  }
}

}  // namespace
}  // namespace penstock
