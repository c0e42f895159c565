// SPDX-License-Identifier: MIT
// ONNX files are messages of protobuf (onnx.proto): fields of a number and a kind, one behind the other. The few that
// matter here are read, the others skipped by their length. As runtimes read them with protobuf, what it does with odd
// ones is done here, too: a field of another kind than its number says is passed over, and the parts of a message that
// is there twice are one message.
#include "embed/onnx_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace penstock::embed {
namespace {

/// The fields of one message, one after the other. What does not fit ends it, and `broken` says so.
class Fields {
 public:
  explicit Fields(std::string_view bytes) noexcept : rest_(bytes) {}

  std::uint64_t number = 0;
  std::uint64_t integer = 0;    // of a varint
  std::string_view bytes = {};  // of what has a length

  bool is_integer(std::uint64_t field) const noexcept { return number == field && kind_ == kInteger; }
  bool is_bytes(std::uint64_t field) const noexcept { return number == field && kind_ == kBytes; }
  bool has_bytes() const noexcept { return kind_ == kBytes; }
  /// Of a number of so many bytes, 4 or 8.
  bool has_fixed(std::uint64_t width) const noexcept { return kind_ == (width == 4 ? kFixed4 : kFixed8); }
  bool has_integer() const noexcept { return kind_ == kInteger; }

  bool next() {
    if (rest_.empty() || broken_) return false;
    const std::uint64_t key = varint();
    number = key >> 3;
    kind_ = key & 7;
    integer = 0;
    bytes = {};
    broken_ = broken_ || number == 0 || key > UINT32_MAX;
    switch (kind_) {
      case kInteger: integer = varint(); break;
      case kFixed8: skip(8); break;
      case kBytes: bytes = skip(varint()); break;
      case kFixed4: skip(4); break;
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

  static constexpr std::uint64_t kInteger = 0;
  static constexpr std::uint64_t kFixed8 = 1;
  static constexpr std::uint64_t kBytes = 2;
  static constexpr std::uint64_t kFixed4 = 5;

  std::string_view rest_;
  std::uint64_t kind_ = kInteger;
  bool broken_ = false;
};

/// A type of values in tensors.
struct Element {
  const char* name;
  std::uint64_t width = 0;  ///< Bytes of a value in raw data; 0: that is not looked at.
  std::size_t list = 0;     ///< The field of TensorProto that is a list of such values.
};

constexpr std::size_t kFloats = 4;
constexpr std::size_t kIntegers = 5;
constexpr std::size_t kTexts = 6;
constexpr std::size_t kLongIntegers = 7;
constexpr std::size_t kRaw = 9;
constexpr std::size_t kDoubles = 10;
constexpr std::size_t kUnsigned = 11;

Element element_of(std::int32_t number) {
  switch (number) {
    case 1: return {"float32", 4, kFloats};
    case 2: return {"uint8", 1, kIntegers};
    case 3: return {"int8", 1, kIntegers};
    case 4: return {"uint16", 2, kIntegers};
    case 5: return {"int16", 2, kIntegers};
    case 6: return {"int32", 4, kIntegers};
    case 7: return {"int64", 8, kLongIntegers};
    case 9: return {"bool", 1, kIntegers};
    case 10: return {"float16", 2, kIntegers};
    case 11: return {"float64", 8, kDoubles};
    case 12: return {"uint32", 4, kUnsigned};
    case 13: return {"uint64", 8, kUnsigned};
    case 16: return {"bfloat16", 2, kIntegers};
    default: return {"another type"};
  }
}

// TensorShapeProto: dim = 1 { dim_value = 1, dim_param = 2 }.
bool read_shape(std::string_view message, OnnxValue& value) {
  value.has_shape = true;
  Fields dimensions(message);
  while (dimensions.next()) {
    if (!dimensions.is_bytes(1)) continue;
    std::int64_t size = OnnxValue::kAnySize;
    Fields dimension(dimensions.bytes);
    while (dimension.next()) {
      const auto said = static_cast<std::int64_t>(dimension.integer);
      if (dimension.is_integer(1) && said > 0) size = said;
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
    if (!type.is_bytes(1)) continue;
    Fields tensor(type.bytes);
    while (tensor.next()) {
      if (tensor.is_integer(1)) value.element = static_cast<std::int32_t>(tensor.integer);
      if (tensor.is_bytes(2) && !read_shape(tensor.bytes, value)) return false;
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
    if (fields.is_bytes(1)) value.name = std::string(fields.bytes);
    if (fields.is_bytes(2) && !read_type(fields.bytes, value)) return false;
  }
  to.push_back(std::move(value));
  return !fields.broken();
}

/// TensorProto: its name and shape, and how much there is of its values.
struct Weights {
  OnnxValue value = {.has_shape = true};
  bool elsewhere = false;                                 // in another file
  bool of_two_types = false;                              // which of them counts is not the same in all versions
  std::array<std::uint64_t, kUnsigned + 1> amounts = {};  // by field; of kRaw of bytes, else of values

  std::uint64_t all() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t amount : amounts) sum += amount;
    return sum;
  }
};

// Sizes stand one by one, or several in a field.
bool read_sizes(const Fields& field, std::vector<std::int64_t>& sizes) {
  if (field.has_integer()) sizes.push_back(static_cast<std::int64_t>(field.integer));
  Fields packed(field.bytes);
  while (packed.next_integer()) sizes.push_back(static_cast<std::int64_t>(packed.integer));
  return !packed.broken();
}

// So do values: of four or eight bytes, or integers, of which each ends with a byte that has not the highest bit.
// `width`: 0 of integers.
std::uint64_t values_in(const Fields& field, std::uint64_t width) {
  if (!field.has_bytes()) return (width > 0 ? field.has_fixed(width) : field.has_integer()) ? 1 : 0;
  if (width > 0) return field.bytes.size() / width;
  return static_cast<std::uint64_t>(
      std::count_if(field.bytes.begin(), field.bytes.end(), [](char byte) { return (byte & 0x80) == 0; }));
}

// dims = 1, data_type = 2, float_data = 4, int32_data = 5, string_data = 6, int64_data = 7, name = 8, raw_data = 9,
// double_data = 10, uint64_data = 11, data_location = 14.
bool read_weights(std::string_view message, Weights& weights) {
  Fields fields(message);
  while (fields.next()) {
    switch (fields.number) {
      case 1:
        if (!read_sizes(fields, weights.value.shape)) return false;
        break;
      case 2:
        if (!fields.has_integer()) break;
        weights.of_two_types =
            weights.of_two_types ||
            (weights.value.element != 0 && weights.value.element != static_cast<std::int32_t>(fields.integer));
        weights.value.element = static_cast<std::int32_t>(fields.integer);
        break;
      case kFloats: weights.amounts[kFloats] += values_in(fields, 4); break;
      case kIntegers:
      case kLongIntegers:
      case kUnsigned: weights.amounts[fields.number] += values_in(fields, 0); break;
      case kTexts: weights.amounts[kTexts] += fields.has_bytes() ? 1 : 0; break;
      case 8:
        if (fields.has_bytes()) weights.value.name = std::string(fields.bytes);
        break;
      case kRaw:
        if (fields.has_bytes()) weights.amounts[kRaw] = fields.bytes.size();
        break;
      case kDoubles: weights.amounts[kDoubles] += values_in(fields, 8); break;
      case 14:
        if (fields.has_integer()) weights.elsewhere = fields.integer == 1;
        break;
      default: break;
    }
  }
  return !fields.broken();
}

// OpenCV takes for granted that there are as many values as the shape says, in any one field that it looks at, and
// reads on behind them where there are not. So they may stand in one place only, the list of their type or raw.
bool are_whole(const Weights& weights, std::string& why) {
  const auto refuse = [&](std::string_view what) {
    why = fmt::format("the weights \"{}\"{}", weights.value.name, what);
    return false;
  };
  if (weights.of_two_types) return refuse(" are of two types");
  const Element element = element_of(weights.value.element);
  if (element.width == 0) return true;
  const std::uint64_t all = weights.all();
  if (weights.elsewhere) return all == 0 || refuse(" are in another file, and have values here");
  const bool raw = weights.amounts[kRaw] > 0;
  const std::uint64_t amount = weights.amounts[raw ? kRaw : element.list];
  if (amount != all) {
    return refuse(raw ? " have raw values and others"
                      : fmt::format(", {}, have values of another type", weights.value.type_text()));
  }
  std::uint64_t wanted = raw ? element.width : 1;
  for (const std::int64_t size : weights.value.shape) {
    if (size < 0 || __builtin_mul_overflow(wanted, static_cast<std::uint64_t>(size), &wanted)) return false;
  }
  return amount == wanted || refuse(fmt::format(" have {} {}, and {} has {}", amount, raw ? "bytes" : "values",
                                                weights.value.type_text(), wanted));
}

// NodeProto: attribute = 5 { t = 5 }, a constant.
bool read_constants(std::string_view message, std::string& why) {
  Fields fields(message);
  while (fields.next()) {
    if (!fields.is_bytes(5)) continue;
    Weights constant;
    Fields attribute(fields.bytes);
    while (attribute.next()) {
      if (attribute.is_bytes(5) && !read_weights(attribute.bytes, constant)) return false;
    }
    if (attribute.broken() || !are_whole(constant, why)) return false;
  }
  return !fields.broken();
}

// GraphProto: node = 1, initializer = 5, input = 11, output = 12. `weights`: the names. `why`: of what is damaged,
// where more is known.
bool read_graph(std::string_view message, OnnxGraph& graph, std::vector<std::string>& weights, std::string& why) {
  Fields fields(message);
  while (fields.next()) {
    if (fields.is_bytes(1) && !read_constants(fields.bytes, why)) return false;
    if (fields.is_bytes(5)) {
      Weights each;
      if (!read_weights(fields.bytes, each) || !are_whole(each, why)) return false;
      weights.push_back(std::move(each.value.name));
    }
    if (fields.is_bytes(11) && !read_value(fields.bytes, graph.inputs)) return false;
    if (fields.is_bytes(12) && !read_value(fields.bytes, graph.outputs)) return false;
  }
  return !fields.broken();
}

}  // namespace

std::string OnnxValue::type_text() const {
  std::string text = element_of(element).name;
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
  std::vector<std::string> weights;
  bool found = false;
  Fields fields(model);
  while (fields.next()) {
    if (!fields.is_bytes(7)) continue;
    found = true;
    std::string why = "the graph of the model is damaged";
    if (!read_graph(fields.bytes, graph, weights, why)) return Error(ErrorCode::kDataLoss, why);
  }
  if (fields.broken() || !found) return Error(ErrorCode::kDataLoss, "this is no ONNX file");
  std::sort(weights.begin(), weights.end());
  std::erase_if(graph.inputs,
                [&](const OnnxValue& input) { return std::binary_search(weights.begin(), weights.end(), input.name); });
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
