// SPDX-License-Identifier: MIT
#include "vector/milvus_expression.h"

#include <fmt/format.h>

#include <limits>

#include "vector/milvus_messages.h"

namespace penstock::milvus {
namespace {

using Relation = Condition::Relation;

// What every server reads: Milvus Lite knows six escapes only, and neither takes the end of a line as it is. Other
// control characters stand for themselves in both.
void append_text(std::string& to, std::string_view text) {
  to += '"';
  for (const char each : text) {
    switch (each) {
      case '"': to += "\\\""; break;
      case '\\': to += "\\\\"; break;
      case '\n': to += "\\n"; break;
      case '\r': to += "\\r"; break;
      default: to += each; break;
    }
  }
  to += '"';
}

const char* sign_of(Relation relation) {
  switch (relation) {
    case Relation::kEqual: return "==";
    case Relation::kUnequal: return "!=";
    case Relation::kLess: return "<";
    case Relation::kLessOrEqual: return "<=";
    case Relation::kGreater: return ">";
    case Relation::kGreaterOrEqual: return ">=";
  }
  return "";
}

struct AppendValue {
  std::string& to;

  void operator()(bool value) const { to += value ? "true" : "false"; }
  void operator()(double value) const { to += fmt::format("{}", value); }
  void operator()(const std::string& value) const { append_text(to, value); }
  void operator()(std::int64_t value) const {
    // The sign is an operator, and 2^63 is no integer that Milvus can hold.
    if (value == std::numeric_limits<std::int64_t>::min()) return (*this)(static_cast<double>(value));
    to += std::to_string(value);
  }
};

std::string operand(const Condition& condition) {
  std::string text = kMetadataField;
  text += '[';
  append_text(text, condition.key);
  text += ']';
  return text;
}

}  // namespace

std::string expression_of_ids(std::span<const std::string_view> ids) {
  std::string text = std::string(kIdField) + " in [";
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i != 0) text += ',';
    append_text(text, ids[i]);
  }
  return text += ']';
}

std::string expression_of(const std::vector<Condition>& filter) {
  std::string text;
  for (const Condition& condition : filter) {
    if (!text.empty()) text += " and ";
    const bool unequal = condition.relation == Relation::kUnequal;
    const std::string key = operand(condition);
    text += '(' + key + ' ' + sign_of(condition.relation) + ' ';
    std::visit(AppendValue{text}, condition.value);
    // For Milvus a key that is missing is unequal to everything, for Milvus Lite it is neither equal nor unequal.
    if (unequal) text += " or not (exists " + key + ')';
    text += ')';
  }
  return text;
}

}  // namespace penstock::milvus
