// SPDX-License-Identifier: MIT
// A condition is an expression of the language of `where`, over one row: the parameters.
#include "workflow/when.h"

#include <fmt/format.h>

#include "data/parse_outcome.h"
#include "expression/expression.h"

namespace penstock {
namespace {

constexpr std::string_view kParams = "params.";

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Puts quotes around `params.x`, as the dot is no part of a bare name; texts in quotes stay.
std::string quoted_params(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\'' || c == '"' || c == '`') {
      std::size_t end = text.find(c, i + 1);
      end = end == std::string_view::npos ? text.size() : end + 1;
      out += text.substr(i, end - i);
      i = end;
    } else if (text.substr(i).starts_with(kParams) && (i == 0 || !is_word_char(text[i - 1]))) {
      std::size_t end = i + kParams.size();
      while (end < text.size() && is_word_char(text[end])) ++end;
      out += fmt::format("\"{}\"", text.substr(i, end - i));
      i = end;
    } else {
      out += c;
      ++i;
    }
  }
  return out;
}

Type type_of(const OptionValue& value) {
  if (value.as_bool() != nullptr) return Type::kBool;
  if (value.as_integer() != nullptr) return Type::kInt64;
  return value.as_number() != nullptr ? Type::kFloat64 : Type::kUtf8;
}

SchemaPtr schema_of(const OptionValue::Table& params) {
  std::vector<Field> fields;
  for (const OptionValue::Entry& param : params)
    fields.push_back({std::string(kParams) + param.name, type_of(param.value)});
  fields.push_back({"always", Type::kBool});  // so that there is a row
  return *make_schema(std::move(fields));
}

RecordBatch row_of(const OptionValue::Table& params, const SchemaPtr& schema) {
  RecordBatchBuilder builder(schema, BufferPool::shared());
  for (std::size_t i = 0; i < params.size(); ++i) {
    const OptionValue& value = params[i].value;
    ColumnBuilder& column = builder.column(i);
    if (value.as_bool() != nullptr) {
      column.append_bool(*value.as_bool());
    } else if (value.as_integer() != nullptr) {
      column.append_int64(*value.as_integer());
    } else if (value.as_number() != nullptr) {
      column.append_float64(*value.as_number());
    } else {
      column.append_text(value.as_text() != nullptr ? *value.as_text() : value.to_text());
    }
  }
  builder.column(params.size()).append_bool(true);
  return builder.finish();
}

Result<Expression> compile(const FileStage& stage, const SchemaPtr& schema) {
  Result<Expression> compiled = Expression::compile(quoted_params(stage.when), schema);
  if (!compiled) return std::move(compiled.error()).at("when").at(stage.when_place.to_text());
  if (compiled->type() == Type::kBool) return compiled;
  return Error(ErrorCode::kInvalidArgument, fmt::format("when must be true or false, but \"{}\" is not", stage.when))
      .at(stage.when_place.to_text())
      .hint("compare it with something, for instance params.mode = 'full'");
}

}  // namespace

Status check_when(const FileStage& stage, const OptionValue::Table& params) {
  if (!stage.when.empty()) PENSTOCK_TRY(compile(stage, schema_of(params)));
  return {};
}

Result<bool> holds(const FileStage& stage, const OptionValue::Table& params) {
  if (stage.when.empty()) return true;
  const SchemaPtr schema = schema_of(params);
  PENSTOCK_ASSIGN(const Expression condition, compile(stage, schema));
  std::vector<std::uint32_t> rows;
  RowFailures failures;
  condition.select(row_of(params, schema), BufferPool::shared(), rows, failures);
  if (failures.empty()) return !rows.empty();
  return Error(ErrorCode::kInvalidArgument, failures.all().front().reason).at("when").at(stage.when_place.to_text());
}

}  // namespace penstock
