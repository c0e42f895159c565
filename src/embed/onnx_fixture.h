// SPDX-License-Identifier: MIT
// Small ONNX models for tests, written field by field as onnx.proto says.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace penstock::embed::fixture {

/// A message of protobuf.
class Message {
 public:
  Message& integer(std::uint32_t field, std::int64_t value) {
    varint(std::uint64_t{field} << 3);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  Message& text(std::uint32_t field, const std::string& bytes_of) {
    varint(std::uint64_t{field} << 3 | 2);
    varint(bytes_of.size());
    bytes += bytes_of;
    return *this;
  }
  Message& message(std::uint32_t field, const Message& inner) { return text(field, inner.bytes); }

  std::string bytes;

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
    bytes += static_cast<char>(value);
  }
};

/// ValueInfoProto; a size of 0 is left open under the name "N".
inline Message value_info(const std::string& name, const std::vector<std::int64_t>& shape, std::int32_t element = 1) {
  Message sizes;
  for (const std::int64_t size : shape)
    sizes.message(1, size > 0 ? Message().integer(1, size) : Message().text(2, "N"));
  return Message().text(1, name).message(2, Message().message(1, Message().integer(1, element).message(2, sizes)));
}

/// TensorProto of float32.
inline Message weights(const std::string& name, const std::vector<std::int64_t>& shape,
                       const std::vector<float>& values) {
  Message tensor;
  for (const std::int64_t size : shape) tensor.integer(1, size);
  std::string raw(values.size() * sizeof(float), '\0');
  std::memcpy(raw.data(), values.data(), raw.size());
  return tensor.integer(2, 1).text(8, name).text(9, raw);
}

/// TensorProto of int64.
inline Message integer_tensor(const std::string& name, const std::vector<std::int64_t>& values) {
  std::string raw(values.size() * sizeof(std::int64_t), '\0');
  std::memcpy(raw.data(), values.data(), raw.size());
  return Message().integer(1, static_cast<std::int64_t>(values.size())).integer(2, 7).text(8, name).text(9, raw);
}

/// AttributeProto of one integer.
inline Message integer(const std::string& name, std::int64_t value) {
  return Message().text(1, name).integer(3, value).integer(20, 2);
}

/// AttributeProto of several integers.
inline Message integers(const std::string& name, const std::vector<std::int64_t>& values) {
  Message attribute;
  attribute.text(1, name);
  for (const std::int64_t value : values) attribute.integer(8, value);
  return attribute.integer(20, 7);
}

/// NodeProto.
inline Message node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output,
                    const std::vector<Message>& attributes = {}) {
  Message message;
  for (const std::string& input : inputs) message.text(1, input);
  message.text(2, output).text(3, output + "_node").text(4, op);
  for (const Message& attribute : attributes) message.message(5, attribute);
  return message;
}

/// The bytes of a model of ONNX's operators of version 11.
inline std::string model(const Message& graph) {
  return Message()
      .integer(1, 7)
      .text(2, "penstock tests")
      .message(7, graph)
      .message(8, Message().text(1, "").integer(2, 11))
      .bytes;
}

inline constexpr std::int64_t kFilters = 4;
inline constexpr std::int64_t kChannels = 3;

/// Of the filters below: [kFilters, kChannels, 3, 3].
inline std::vector<float> filter_weights() {
  std::vector<float> values(static_cast<std::size_t>(kFilters * kChannels * 9));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>((i * 7) % 11) / 11.0F - 0.4F;
  return values;
}

/// "pixels" f32 [batch, 3, side, side] through a convolution of 3 x 3, max(0, x) and the mean over the picture to
/// "features" f32 [batch, 4]. A batch of 0 is left open.
inline std::string small_model(std::int64_t batch, std::int64_t side, const std::string& activation = "Relu",
                               const std::vector<float>& filters = filter_weights()) {
  Message graph;
  graph.message(1,
                node("Conv", {"pixels", "filters"}, "filtered",
                     {integers("kernel_shape", {3, 3}), integers("pads", {1, 1, 1, 1}), integers("strides", {1, 1})}));
  graph.message(1, node(activation, {"filtered"}, "positive"));
  graph.message(1, node("GlobalAveragePool", {"positive"}, "mean"));
  graph.message(1, node("Flatten", {"mean"}, "features"));
  graph.text(2, "small").message(5, weights("filters", {kFilters, kChannels, 3, 3}, filters));
  graph.message(11, value_info("pixels", {batch, kChannels, side, side}));
  graph.message(11, value_info("filters", {kFilters, kChannels, 3, 3}));
  graph.message(12, value_info("features", {batch, kFilters}));
  return model(graph);
}

/// What the model makes of one picture f32 [3, side, side].
inline std::vector<float> small_model_features(const float* pixels, std::int64_t side) {
  const std::vector<float> filters = filter_weights();
  std::vector<float> features;
  for (std::int64_t f = 0; f < kFilters; ++f) {
    double sum = 0;
    for (std::int64_t y = 0; y < side; ++y) {
      for (std::int64_t x = 0; x < side; ++x) {
        double value = 0;
        for (std::int64_t k = 0; k < kChannels * 9; ++k) {
          const std::int64_t from_y = y + k % 9 / 3 - 1;
          const std::int64_t from_x = x + k % 3 - 1;
          if (from_y < 0 || from_x < 0 || from_y >= side || from_x >= side) continue;
          value += double{filters[static_cast<std::size_t>(f * kChannels * 9 + k)]} *
                   pixels[(k / 9 * side + from_y) * side + from_x];
        }
        sum += value > 0 ? value : 0;
      }
    }
    features.push_back(static_cast<float>(sum / static_cast<double>(side * side)));
  }
  return features;
}

/// "pixels" f32 [batch, 3, side, side] to two outputs f32 [batch, 3]: "mean" of each channel, and its "largest".
inline std::string two_outputs_model(std::int64_t batch, std::int64_t side) {
  Message graph;
  graph.message(1, node("GlobalAveragePool", {"pixels"}, "pooled"));
  graph.message(1, node("Flatten", {"pooled"}, "mean"));
  graph.message(1, node("GlobalMaxPool", {"pixels"}, "most"));
  graph.message(1, node("Flatten", {"most"}, "largest"));
  graph.text(2, "two").message(11, value_info("pixels", {batch, kChannels, side, side}));
  graph.message(12, value_info("mean", {batch, kChannels})).message(12, value_info("largest", {batch, kChannels}));
  return model(graph);
}

/// Attention among the channels, the heart of a transformer: with X = pixels as [batch, 3, side * side] the mean over
/// the last size of softmax(X X^T) X, f32 [batch, 3], through `activation`. Both factors of its products
/// are calculated; none is a weight.
inline std::string attention_model(std::int64_t batch, std::int64_t side, const std::string& activation = "Identity") {
  Message graph;
  graph.message(1, node("Reshape", {"pixels", "flat"}, "x"));
  graph.message(1, node("Transpose", {"x"}, "x_turned", {integers("perm", {0, 2, 1})}));
  graph.message(1, node("MatMul", {"x", "x_turned"}, "scores"));
  graph.message(1, node("Softmax", {"scores"}, "shares", {integer("axis", 2)}));
  graph.message(1, node("MatMul", {"shares", "x"}, "mixed"));
  graph.message(1, node("ReduceMean", {"mixed"}, "means", {integers("axes", {2}), integer("keepdims", 0)}));
  graph.message(1, node(activation, {"means"}, "features"));
  graph.text(2, "attention").message(5, integer_tensor("flat", {0, kChannels, side * side}));
  graph.message(11, value_info("pixels", {batch, kChannels, side, side}));
  graph.message(12, value_info("features", {batch, kChannels}));
  return model(graph);
}

/// What that model makes of one picture, before the activation.
inline std::vector<float> attention_features(const float* pixels, std::int64_t side) {
  const std::int64_t size = side * side;
  std::vector<float> features;
  for (std::int64_t c = 0; c < kChannels; ++c) {
    std::vector<double> scores;
    for (std::int64_t other = 0; other < kChannels; ++other) {
      scores.push_back(0);
      for (std::int64_t i = 0; i < size; ++i) scores.back() += double{pixels[c * size + i]} * pixels[other * size + i];
    }
    const double most = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - most);
    double mean = 0;
    for (std::int64_t other = 0; other < kChannels; ++other) {
      const double share = scores[static_cast<std::size_t>(other)] / sum;
      for (std::int64_t i = 0; i < size; ++i) mean += share * pixels[other * size + i];
    }
    features.push_back(static_cast<float>(mean / static_cast<double>(size)));
  }
  return features;
}

}  // namespace penstock::embed::fixture
