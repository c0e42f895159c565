// SPDX-License-Identifier: MIT
#include "embed/onnx_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "embed/onnx_fixture.h"

namespace penstock::embed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(OnnxGraph, HasInputsAndOutputsWithoutWeights) {
  const Result<OnnxGraph> graph = read_onnx_graph(fixture::small_model(0, 8));
  ASSERT_TRUE(graph);
  ASSERT_EQ(graph->inputs.size(), 1U);
  EXPECT_EQ(graph->inputs[0].name, "pixels");
  EXPECT_THAT(graph->inputs[0].shape, ElementsAre(OnnxValue::kAnySize, 3, 8, 8));
  EXPECT_EQ(graph->inputs[0].type_text(), "float32 [?, 3, 8, 8]");
  ASSERT_EQ(graph->outputs.size(), 1U);
  EXPECT_EQ(graph->outputs[0].type_text(), "float32 [?, 4]");
}

TEST(OnnxGraph, ValuesAreFoundByName) {
  const OnnxValue a{.name = "a", .element = 1};
  const OnnxValue b{.name = "b", .element = 7};
  EXPECT_EQ(onnx_value({a}, "", "input")->name, "a");
  EXPECT_EQ(onnx_value({a, b}, "b", "input")->name, "b");
  EXPECT_THAT(onnx_value({a, b}, "", "input").error().to_text(),
              HasSubstr("the model has 2 inputs: \"a\" float32, \"b\" int64"));
  EXPECT_THAT(onnx_value({a}, "c", "output").error().to_text(),
              HasSubstr("the model has no output \"c\", but \"a\" float32"));
}

TEST(OnnxGraph, RefusesWhatIsNoModel) {
  EXPECT_FALSE(read_onnx_graph(""));
  EXPECT_FALSE(read_onnx_graph("<html>no model</html>"));
  EXPECT_FALSE(read_onnx_graph(fixture::Message().integer(1, 7).bytes));
}

TEST(OnnxGraph, ReadsNoByteBehindTheEnd) {
  const std::string whole = fixture::small_model(2, 8);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string cut(whole.data(), size);  // of its own, so that a sanitizer sees its end
    (void)read_onnx_graph(cut);
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = '\xFF';
    (void)read_onnx_graph(damaged);
  }
}

}  // namespace
}  // namespace penstock::embed
