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

/// The graph of a model with one tensor of weights, or with it as a constant.
Result<OnnxGraph> graph_with(const fixture::Message& tensor, bool constant = false) {
  fixture::Message graph;
  if (constant) {
    const fixture::Message attribute = fixture::Message().text(1, "value").message(5, tensor).integer(20, 4);
    graph.message(1, fixture::node("Constant", {}, "three", {attribute}));
  } else {
    graph.message(5, tensor);
  }
  return read_onnx_graph(fixture::model(graph));
}

/// Whose type and shape are f32 [2, 2].
fixture::Message four_floats() { return fixture::Message().integer(1, 2).integer(1, 2).integer(2, 1).text(8, "w"); }

TEST(OnnxGraph, WeightsHaveAsManyValuesAsTheirShapeSays) {
  const std::string text = "the weights \"w\" have 15 bytes, and float32 [2, 2] has 16";
  for (const bool constant : {false, true}) {
    EXPECT_TRUE(graph_with(four_floats().text(9, std::string(16, 'a')), constant));
    const auto cut = graph_with(four_floats().text(9, std::string(15, 'a')), constant);
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().message(), text);
  }
  EXPECT_THAT(graph_with(four_floats()).error().message(), HasSubstr("have 0 values, and float32 [2, 2] has 4"));
  EXPECT_TRUE(graph_with(four_floats().integer(14, 1))) << "they are in another file";
}

TEST(OnnxGraph, WeightsMayBeListsOfTheirType) {
  EXPECT_TRUE(graph_with(four_floats().text(4, std::string(16, 'a'))));
  EXPECT_FALSE(graph_with(four_floats().text(4, std::string(12, 'a'))));
  const auto integers = [](std::int64_t first) {
    return fixture::Message().text(1, "\x03").integer(2, 7).integer(7, first);
  };
  EXPECT_TRUE(graph_with(integers(1).text(7, std::string("\x80\x01\x05", 3)))) << "1, 128 and 5";
  EXPECT_FALSE(graph_with(integers(1).text(7, std::string("\x80\x01", 2))));
  const fixture::Message scalar = fixture::Message().integer(2, 11);
  EXPECT_TRUE(graph_with(fixture::Message(scalar).text(10, std::string(8, 'a'))));
  EXPECT_FALSE(graph_with(fixture::Message(scalar).text(10, std::string(16, 'a'))));
  EXPECT_TRUE(graph_with(fixture::Message().integer(1, 0).integer(2, 1))) << "none, and none is wanted";
  EXPECT_TRUE(graph_with(fixture::Message().integer(1, 4).integer(2, 8))) << "texts are not looked at";
}

TEST(OnnxGraph, WeightsStandInThePlaceOfTheirType) {
  const auto one_of = [](std::int64_t element) { return fixture::Message().integer(2, element); };
  for (const int element : {2, 3, 4, 5, 6, 9, 10, 16}) {
    EXPECT_TRUE(graph_with(one_of(element).integer(5, 7))) << element;
    EXPECT_TRUE(graph_with(one_of(element).text(5, "\x07"))) << element;
    EXPECT_FALSE(graph_with(one_of(element).integer(7, 7))) << element;
    EXPECT_FALSE(graph_with(one_of(element).text(4, "abcd"))) << element;
  }
  EXPECT_TRUE(graph_with(one_of(7).integer(7, 7)));
  EXPECT_FALSE(graph_with(one_of(7).integer(5, 7)));
  EXPECT_TRUE(graph_with(one_of(12).integer(11, 7)));
  EXPECT_TRUE(graph_with(one_of(13).integer(11, 7)));
  EXPECT_FALSE(graph_with(one_of(13).integer(7, 7)));
  EXPECT_TRUE(graph_with(one_of(11).text(10, "abcdefgh")));
  EXPECT_FALSE(graph_with(one_of(11).text(4, "abcd")));
  for (const int element : {8, 14, 17, 21, 22}) EXPECT_TRUE(graph_with(one_of(element).integer(5, 7).integer(5, 7)));

  for (const bool constant : {false, true}) {
    const auto integers = graph_with(four_floats().text(5, std::string(4, '\1')), constant);
    ASSERT_FALSE(integers);
    EXPECT_EQ(integers.error().message(), "the weights \"w\", float32 [2, 2], have values of another type");
  }
}

TEST(OnnxGraph, WeightsStandInOnePlace) {
  const fixture::Message raw = four_floats().text(9, std::string(16, 'a'));
  const auto both = graph_with(fixture::Message(raw).text(4, "abcd"));
  ASSERT_FALSE(both) << "OpenCV takes the list";
  EXPECT_EQ(both.error().message(), "the weights \"w\" have raw values and others");
  EXPECT_TRUE(graph_with(fixture::Message(raw).text(4, ""))) << "a list of none";
  EXPECT_TRUE(graph_with(four_floats().text(4, std::string(16, 'a')).text(9, ""))) << "no raw bytes";

  EXPECT_TRUE(graph_with(four_floats().integer(14, 1)));
  for (const fixture::Message& here : {four_floats().text(4, "abcd"), raw}) {
    const auto elsewhere = graph_with(fixture::Message(here).integer(14, 1));
    ASSERT_FALSE(elsewhere) << "OpenCV does not know other files";
    EXPECT_EQ(elsewhere.error().message(), "the weights \"w\" are in another file, and have values here");
  }
}

/// The graph of a model with a constant that is there in two parts.
Result<OnnxGraph> graph_with_halves(const fixture::Message& first, const fixture::Message& second) {
  const fixture::Message value =
      fixture::Message().text(1, "value").message(5, first).message(5, second).integer(20, 4);
  fixture::Message graph;
  graph.message(1, fixture::node("Constant", {}, "three", {value}));
  return read_onnx_graph(fixture::model(graph));
}

TEST(OnnxGraph, AMessageThatIsThereTwiceIsOne) {
  const fixture::Message raw = fixture::Message().text(9, std::string(16, 'a'));
  EXPECT_TRUE(graph_with_halves(four_floats(), raw));
  EXPECT_FALSE(graph_with_halves(four_floats().text(9, std::string(16, 'a')), fixture::Message().integer(1, 3)))
      << "protobuf adds the size to those of the first part";

  fixture::Message weights;
  weights.message(5, fixture::weights("filters", {1}, {1}));
  fixture::Message inputs;
  inputs.message(11, fixture::value_info("pixels", {0, 3})).message(11, fixture::value_info("filters", {1}));
  const auto graph = read_onnx_graph(fixture::Message().message(7, inputs).message(7, weights).bytes);
  ASSERT_TRUE(graph);
  ASSERT_EQ(graph->inputs.size(), 1U);
  EXPECT_EQ(graph->inputs[0].name, "pixels");
}

TEST(OnnxGraph, FieldsOfAnotherKindArePassedOver) {
  const fixture::Message cut = four_floats().text(9, "abcd");
  EXPECT_FALSE(graph_with(fixture::Message(cut).text(2, "x"))) << "the type is as it was";
  EXPECT_FALSE(graph_with(fixture::Message(cut).text(14, "\1"))) << "they are in no other file";
  EXPECT_FALSE(graph_with(four_floats().integer(9, 16)));
  EXPECT_FALSE(graph_with(four_floats().integer(4, 1).integer(4, 1).integer(4, 1).integer(4, 1))) << "no floats";
  EXPECT_TRUE(graph_with(four_floats().text(9, std::string(16, 'a')).integer(8, 1).integer(4, 1).integer(9, 1)));
}

TEST(OnnxGraph, TheTypeOfWeightsIsSaidOnce) {
  const fixture::Message raw = four_floats().text(9, std::string(16, 'a'));
  EXPECT_TRUE(graph_with(fixture::Message(raw).integer(2, 1)));
  const auto two = graph_with(fixture::Message(raw).integer(2, 99));
  ASSERT_FALSE(two) << "a protobuf that does not know the second one stays with the first";
  EXPECT_EQ(two.error().message(), "the weights \"w\" are of two types");
}

TEST(OnnxGraph, NumbersOfFieldsHaveNoMoreBitsThanProtobufReads) {
  const std::string key_of_raw_data_and_the_33rd_bit = "\xCA\x80\x80\x80\x10";
  const std::string field = key_of_raw_data_and_the_33rd_bit + std::string(1, '\1') + "a";
  fixture::Message tensor = four_floats().text(9, std::string(16, 'a'));
  tensor.bytes += field;
  EXPECT_FALSE(graph_with(tensor));
}

TEST(OnnxGraph, RefusesWeightsOfImpossibleShapes) {
  const auto shaped = [](std::int64_t size) {
    return graph_with(fixture::Message().integer(1, size).integer(1, size).integer(2, 1).text(9, "abcd"));
  };
  EXPECT_TRUE(shaped(1));
  EXPECT_FALSE(shaped(-1));
  EXPECT_FALSE(shaped(std::int64_t{1} << 31)) << "64 bits hold the number, and nothing else does";
  EXPECT_FALSE(shaped(std::int64_t{1} << 62));
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
