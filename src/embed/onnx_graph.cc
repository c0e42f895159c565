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
  bool has_bytes = false;

  bool next() {
    if (rest_.empty() || broken_) return false;
    const std::uint64_t key = varint();
    number = key >> 3;
    integer = 0;
    bytes = {};
    has_bytes = (key & 7) == 2;
    switch (key & 7) {
      case 0: integer = varint(); break;
      case 1: skip(8); break;
      case 2: bytes = skip(varint()); break;
      case 5: skip(4); break;
      default: broken_ = true;
    }
    return !broken_;
  }
  /// Of a message that is nothing but integers, one behind the other.
  bool next_integer() {
    if (rest_.empty() || broken_) return false;
    integer = varint();
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

// Of a value in raw data; 0: it is of a type whose size is not known here.
std::uint64_t bytes_of_element(std::int32_t element) {
  switch (element) {
    case 2:
    case 3:
    case 9: return 1;
    case 4:
    case 5:
    case 10:
    case 16: return 2;
    case 1:
    case 6:
    case 12: return 4;
    case 7:
    case 11:
    case 13: return 8;
    default: return 0;
  }
}

/// TensorProto: its name and shape, and how much of its values there is.
struct Weights {
  OnnxValue value = {.has_shape = true};
  bool elsewhere = false;  // in another file
  bool raw = false;
  std::uint64_t amount = 0;  // of bytes when they are raw, else of values
};

// Values of four or eight bytes, or integers, of which each ends with a byte that has not the highest bit; or one
// value.
std::uint64_t values_in(const Fields& field, std::uint64_t width) {
  if (!field.has_bytes) return 1;
  if (width > 0) return field.bytes.size() / width;
  return static_cast<std::uint64_t>(
      std::count_if(field.bytes.begin(), field.bytes.end(), [](char byte) { return (byte & 0x80) == 0; }));
}

// dims = 1, data_type = 2, float_data = 4, int32_data = 5, int64_data = 7, name = 8, raw_data = 9, double_data = 10,
// uint64_data = 11, data_location = 14.
bool read_weights(std::string_view message, Weights& weights) {
  Fields fields(message);
  while (fields.next()) {
    switch (fields.number) {
      case 1: {
        Fields sizes(fields.bytes);
        if (!fields.has_bytes) weights.value.shape.push_back(static_cast<std::int64_t>(fields.integer));
        while (sizes.next_integer()) weights.value.shape.push_back(static_cast<std::int64_t>(sizes.integer));
        if (sizes.broken()) return false;
        break;
      }
      case 2: weights.value.element = static_cast<std::int32_t>(fields.integer); break;
      case 4: weights.amount += values_in(fields, 4); break;
      case 5:
      case 7:
      case 11: weights.amount += values_in(fields, 0); break;
      case 8: weights.value.name = std::string(fields.bytes); break;
      case 9:
        weights.raw = true;
        weights.amount = fields.bytes.size();
        break;
      case 10: weights.amount += values_in(fields, 8); break;
      case 14: weights.elsewhere = fields.integer == 1; break;
      default: break;
    }
  }
  return !fields.broken();
}

// OpenCV takes for granted that there are as many values as the shape says, and reads on behind them where there are
// not.
bool are_whole(const Weights& weights, std::string& why) {
  const std::uint64_t width = bytes_of_element(weights.value.element);
  if (width == 0 || weights.elsewhere) return true;
  std::uint64_t wanted = weights.raw ? width : 1;
  for (const std::int64_t size : weights.value.shape) {
    if (size < 0 || __builtin_mul_overflow(wanted, static_cast<std::uint64_t>(size), &wanted)) return false;
  }
  if (weights.amount == wanted) return true;
  why = fmt::format("the weights \"{}\" have {} {}, and {} has {}", weights.value.name, weights.amount,
                    weights.raw ? "bytes" : "values", weights.value.type_text(), wanted);
  return false;
}

// NodeProto: attribute = 5 { t = 5 }, a constant.
bool read_constants(std::string_view message, std::string& why) {
  Fields fields(message);
  while (fields.next()) {
    if (fields.number != 5) continue;
    Fields attribute(fields.bytes);
    while (attribute.next()) {
      if (attribute.number != 5) continue;
      Weights constant;
      if (!read_weights(attribute.bytes, constant) || !are_whole(constant, why)) return false;
    }
    if (attribute.broken()) return false;
  }
  return !fields.broken();
}

// GraphProto: node = 1, initializer = 5, input = 11, output = 12. `why`: of what is damaged, where more is known.
bool read_graph(std::string_view message, OnnxGraph& graph, std::string& why) {
  std::vector<std::string> names;
  Fields fields(message);
  while (fields.next()) {
    Weights weights;
    if (fields.number == 1 && !read_constants(fields.bytes, why)) return false;
    if (fields.number == 5) {
      if (!read_weights(fields.bytes, weights) || !are_whole(weights, why)) return false;
      names.push_back(std::move(weights.value.name));
    }
    if (fields.number == 11 && !read_value(fields.bytes, graph.inputs)) return false;
    if (fields.number == 12 && !read_value(fields.bytes, graph.outputs)) return false;
  }
  std::sort(names.begin(), names.end());
  std::erase_if(graph.inputs,
                [&](const OnnxValue& input) { return std::binary_search(names.begin(), names.end(), input.name); });
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
    std::string why = "the graph of the model is damaged";
    if (!read_graph(fields.bytes, graph, why)) return Error(ErrorCode::kDataLoss, why);
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
