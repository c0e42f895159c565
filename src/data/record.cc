// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/record.h>

#include "base/nearest_name.h"

namespace penstock {

const char* to_string(Type type) noexcept {
  switch (type) {
    case Type::kInt64: return "int64";
    case Type::kFloat64: return "float64";
    case Type::kBool: return "bool";
    case Type::kUtf8: return "utf8";
    case Type::kTimestamp: return "timestamp";
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
  }
  return text;
}

Result<SchemaPtr> make_schema(std::vector<Field> fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name.empty()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("column {} has no name", i + 1))
          .hint("give every column a name");
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
