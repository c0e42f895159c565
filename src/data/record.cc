// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/record.h>

#include <charconv>

#include "base/nearest_name.h"

namespace penstock {

const char* to_string(Type type) noexcept {
  switch (type) {
    case Type::kInt64: return "int64";
    case Type::kFloat64: return "float64";
    case Type::kBool: return "bool";
    case Type::kUtf8: return "utf8";
    case Type::kTimestamp: return "timestamp";
    case Type::kImage: return "image";
    case Type::kTensor: return "tensor";
  }
  return "?";
}

namespace {

// What other programs call our types; only for hints.
std::string_view nearest_type(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> kElsewhere[] = {
      {"integer", "int64"},  {"int", "int64"},          {"int32", "int64"},     {"bigint", "int64"},
      {"long", "int64"},     {"double", "float64"},     {"float", "float64"},   {"float32", "float64"},
      {"real", "float64"},   {"number", "float64"},     {"decimal", "float64"}, {"boolean", "bool"},
      {"string", "utf8"},    {"str", "utf8"},           {"text", "utf8"},       {"varchar", "utf8"},
      {"date", "timestamp"}, {"datetime", "timestamp"}, {"time", "timestamp"},
  };
  for (const auto& [theirs, ours] : kElsewhere) {
    if (theirs == name) return ours;
  }
  return name;
}

}  // namespace

std::size_t size_of(TensorElement type) noexcept {
  static constexpr std::uint8_t kSizes[] = {0, 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8, 1};
  const auto index = static_cast<std::size_t>(type);
  return index < std::size(kSizes) ? kSizes[index] : 0;
}

const char* to_string(TensorElement type) noexcept {
  static constexpr const char* kNames[] = {"?",   "u8",  "i8",  "u16", "i16", "u32", "i32",
                                           "u64", "i64", "f16", "f32", "f64", "bool"};
  const auto index = static_cast<std::size_t>(type);
  return kNames[index < std::size(kNames) ? index : 0];
}

std::optional<std::uint32_t> TensorType::row_bytes() const noexcept {
  constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;
  constexpr std::size_t kMostDimensions = 32;
  std::uint64_t bytes = size_of(element);
  if (bytes == 0 || shape.size() > kMostDimensions) return std::nullopt;
  for (const std::int64_t extent : shape) {
    if (extent < 1 || static_cast<std::uint64_t>(extent) > kMostBytes) return std::nullopt;
    bytes *= static_cast<std::uint64_t>(extent);
    if (bytes > kMostBytes) return std::nullopt;
  }
  return static_cast<std::uint32_t>(bytes);
}

std::string TensorType::to_text() const { return fmt::format("{} [{}]", to_string(element), fmt::join(shape, ", ")); }

Result<TensorType> tensor_type_from_string(std::string_view text) {
  const Error wrong = Error(ErrorCode::kInvalidArgument, fmt::format("not the type of a tensor: \"{}\"", text))
                          .hint("it is written like \"f32 [3, 224, 224]\"");
  const std::size_t space = text.find(' ');
  TensorType type;
  std::uint32_t element = 1;
  while (size_of(TensorElement{element}) > 0 && text.substr(0, space) != to_string(TensorElement{element})) ++element;
  type.element = TensorElement{element};
  if (space == std::string_view::npos || size_of(type.element) == 0) return wrong;
  text.remove_prefix(space + 1);
  if (!text.starts_with('[') || !text.ends_with(']')) return wrong;
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size() - 1;
  while (at < end) {
    if (!type.shape.empty() && *at++ != ',') return wrong;
    while (at < end && *at == ' ') ++at;
    const auto [next, error] = std::from_chars(at, end, type.shape.emplace_back());
    if (error != std::errc()) return wrong;
    at = next;
  }
  if (!type.row_bytes()) return wrong;
  return type;
}

Result<Type> type_from_string(std::string_view name) {
  std::vector<std::string> names;
  for (const Type type : {Type::kInt64, Type::kFloat64, Type::kBool, Type::kUtf8, Type::kTimestamp}) {
    if (name == to_string(type)) return type;
    names.emplace_back(to_string(type));
  }
  return Error(ErrorCode::kInvalidArgument, fmt::format("unknown type: \"{}\"", name))
      .hint(suggest_name(nearest_type(name), names));
}

std::size_t Schema::index_of(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].name == name) return i;
  }
  return kNone;
}

Result<std::size_t> Schema::find(std::string_view name) const {
  if (const std::size_t index = index_of(name); index != kNone) return index;
  std::vector<std::string> names;
  for (const Field& field : fields_) names.push_back(field.name);
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("no column \"{}\"; the columns are: {}", name, fmt::join(names, ", ")))
      .hint(nearest_name(name, names).empty() ? std::string() : suggest_name(name, names));
}

std::string Schema::to_text() const {
  std::string text;
  for (const Field& field : fields_) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", field.name, to_string(field.type));
    if (field.type == Type::kTensor) text += " " + field.tensor.to_text();
  }
  return text;
}

Result<SchemaPtr> make_schema(std::vector<Field> fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name.empty()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("column {} has no name", i + 1))
          .hint("give every column a name");
    }
    if (fields[i].type == Type::kTensor && !fields[i].tensor.row_bytes()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("column \"{}\" cannot hold tensors {}", fields[i].name, fields[i].tensor.to_text()))
          .hint("a tensor has at most 32 dimensions, each of at least 1, and at most 1 GiB");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (fields[i].name != fields[j].name) continue;
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("columns {} and {} have the same name: \"{}\"", j + 1, i + 1, fields[i].name))
          .hint("rename one of them");
    }
  }
  return std::make_shared<const Schema>(std::move(fields));
}

}  // namespace penstock
