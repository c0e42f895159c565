// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/fields.h>

namespace penstock {

std::vector<std::string> split_field_names(const char* names) {
  std::vector<std::string> split(1);
  for (const char* c = names; *c != '\0'; ++c) {
    if (*c == ',') {
      split.emplace_back();
    } else if (*c != ' ' && *c != '\n' && *c != '\t') {
      split.back() += *c;
    }
  }
  return split;
}

namespace detail {

Result<std::vector<std::size_t>> find_fields(const Schema& schema, const char* names, const std::vector<Type>& types,
                                             const std::string& record_name) {
  std::vector<std::size_t> columns;
  const std::vector<std::string> fields = split_field_names(names);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    Result<std::size_t> column = schema.find(fields[i]);
    if (!column) return Error(column.error()).at(fmt::format("fields of {}", record_name));
    const Type found = schema[*column].type;
    const bool widens = types[i] == Type::kFloat64 && found == Type::kInt64;
    if (found != types[i] && !widens) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("column \"{}\" is {}, but the member of {} is {}", fields[i], to_string(found),
                               record_name, to_string(types[i])))
          .hint("change the member's type, or derive a column of that type");
    }
    columns.push_back(*column);
  }
  return columns;
}

}  // namespace detail
}  // namespace penstock
