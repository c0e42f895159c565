// SPDX-License-Identifier: MIT
// ONNX files are messages of protobuf (onnx.proto): fields of a number and a kind, one behind the other. The few that
// matter here are read, the others skipped by their length.
#include "embed/onnx_graph.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock::embed {
namespace {

/// The fields of one message, one after the other. What does not fit ends it, and `broken` says so.
class Fields {
 public:
  explicit Fields(std::string_view bytes) noexcept : rest_(bytes) {}

  std::uint64_t number = 0;
  std::uint64_t integer = 0;    // of a varint
  std::string_view bytes = {};  // of what has a length

  bool next() {
    if (rest_.empty() || broken_) return false;
    const std::uint64_t key = varint();
    number = key >> 3;
    integer = 0;
    bytes = {};
    switch (key & 7) {
      case 0: integer = varint(); break;
      case 1: skip(8); break;
      case 2: bytes = skip(varint()); break;
      case 5: skip(4); break;
      default: broken_ = true;
    }
    return !broken_;
  }
  bool broken() const noexcept { return broken_; }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    broken_ = true;
    return 0;
  }
  std::string_view skip(std::uint64_t count) {
    if (count > rest_.size()) {
      broken_ = true;
      return {};
    }
    const std::string_view skipped = rest_.substr(0, static_cast<std::size_t>(count));
    rest_.remove_prefix(skipped.size());
    return skipped;
  }

  std::string_view rest_;
  bool broken_ = false;
};

const char* element_name(std::int32_t element) {
  switch (element) {
    case 1: return "float32";
    case 2: return "uint8";
    case 3: return "int8";
    case 6: return "int32";
    case 7: return "int64";
    case 10: return "float16";
    case 11: return "float64";
    case 16: return "bfloat16";
    default: return "another type";
  }
}

// TensorShapeProto: dim = 1 { dim_value = 1, dim_param = 2 }.
bool read_shape(std::string_view message, OnnxValue& value) {
  value.has_shape = true;
  Fields dimensions(message);
  while (dimensions.next()) {
    if (dimensions.number != 1) continue;
    std::int64_t size = OnnxValue::kAnySize;
    Fields dimension(dimensions.bytes);
    while (dimension.next()) {
      const auto said = static_cast<std::int64_t>(dimension.integer);
      if (dimension.number == 1 && said > 0) size = said;
    }
    if (dimension.broken()) return false;
    value.shape.push_back(size);
  }
  return !dimensions.broken();
}

// TypeProto: tensor_type = 1 { elem_type = 1, shape = 2 }.
bool read_type(std::string_view message, OnnxValue& value) {
  Fields type(message);
  while (type.next()) {
    if (type.number != 1) continue;
    Fields tensor(type.bytes);
    while (tensor.next()) {
      if (tensor.number == 1) value.element = static_cast<std::int32_t>(tensor.integer);
      if (tensor.number == 2 && !read_shape(tensor.bytes, value)) return false;
    }
    if (tensor.broken()) return false;
  }
  return !type.broken();
}

// ValueInfoProto: name = 1, type = 2.
bool read_value(std::string_view message, std::vector<OnnxValue>& to) {
  OnnxValue value;
  Fields fields(message);
  while (fields.next()) {
    if (fields.number == 1) value.name = std::string(fields.bytes);
    if (fields.number == 2 && !read_type(fields.bytes, value)) return false;
  }
  to.push_back(std::move(value));
  return !fields.broken();
}

// TensorProto: name = 8.
std::string name_of_tensor(std::string_view message) {
  std::string name;
  Fields fields(message);
  while (fields.next()) {
    if (fields.number == 8) name = std::string(fields.bytes);
  }
  return name;
}

// GraphProto: initializer = 5, input = 11, output = 12.
bool read_graph(std::string_view message, OnnxGraph& graph) {
  std::vector<std::string> weights;
  Fields fields(message);
  while (fields.next()) {
    if (fields.number == 5) weights.push_back(name_of_tensor(fields.bytes));
    if (fields.number == 11 && !read_value(fields.bytes, graph.inputs)) return false;
    if (fields.number == 12 && !read_value(fields.bytes, graph.outputs)) return false;
  }
  std::sort(weights.begin(), weights.end());
  std::erase_if(graph.inputs,
                [&](const OnnxValue& input) { return std::binary_search(weights.begin(), weights.end(), input.name); });
  return !fields.broken();
}

}  // namespace

std::string OnnxValue::type_text() const {
  std::string text = element_name(element);
  if (!has_shape) return text;
  text += " [";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += shape[i] == kAnySize ? "?" : std::to_string(shape[i]);
  }
  return text + "]";
}

// ModelProto: graph = 7.
Result<OnnxGraph> read_onnx_graph(std::string_view model) {
  OnnxGraph graph;
  bool found = false;
  Fields fields(model);
  while (fields.next()) {
    if (fields.number != 7) continue;
    found = true;
    if (!read_graph(fields.bytes, graph)) return Error(ErrorCode::kDataLoss, "the graph of the model is damaged");
  }
  if (fields.broken() || !found) return Error(ErrorCode::kDataLoss, "this is no ONNX file");
  return graph;
}

Result<OnnxValue> onnx_value(const std::vector<OnnxValue>& values, const std::string& name, const char* what) {
  if (name.empty() && values.size() == 1) return values.front();
  std::string all;
  for (const OnnxValue& value : values) {
    if (!name.empty() && value.name == name) return value;
    all += fmt::format("{}\"{}\" {}", all.empty() ? "" : ", ", value.name, value.type_text());
  }
  if (name.empty()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("the model has {} {}s: {}", values.size(), what, all))
        .hint(fmt::format("name one of them with the option \"{}\"", what));
  }
  return Error(ErrorCode::kInvalidArgument, fmt::format("the model has no {} \"{}\", but {}", what, name, all));
}

}  // namespace penstock::embed
