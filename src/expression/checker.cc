// SPDX-License-Identifier: MIT
#include "expression/checker.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/nearest_name.h"

namespace penstock::expression {
namespace {

constexpr std::string_view kForms[] = {"if", "coalesce", "nullif", "try"};
constexpr std::string_view kAggregates[] = {"count", "sum", "mean", "avg", "std", "min", "max", "quantile", "median"};
constexpr std::size_t kMostConstantText = std::size_t{1} << 20;

bool is_form(std::string_view name) {
  return std::find(std::begin(kForms), std::end(kForms), name) != std::end(kForms);
}
bool is_word(std::string_view name) {
  return (name[0] >= 'a' && name[0] <= 'z') && name.find(' ') == name.npos && name != "not";
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return result;
}

std::string type_list(const std::vector<ValueType>& types) {
  std::vector<const char*> names;
  for (const ValueType type : types) names.push_back(to_string(type));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::vector<ValueType> types_of(const NodeList& nodes) {
  std::vector<ValueType> types;
  for (const NodePtr& node : nodes) types.push_back(node->type());
  return types;
}

// How far an argument is from a parameter: 0 as it is, 1 by promotion, none otherwise.
constexpr int kNone = 1000;
int distance(ValueType argument, ValueType parameter) {
  if (argument == parameter || argument == ValueType::kNull) return 0;
  return argument == ValueType::kInt64 && parameter == ValueType::kFloat64 ? 1 : kNone;
}

ValueType parameter_at(const Overload& overload, std::size_t index) {
  return overload.parameters[std::min(index, overload.parameters.size() - 1)];
}

bool takes(const Overload& overload, std::size_t count) {
  return overload.variadic ? count >= overload.parameters.size() : count == overload.parameters.size();
}

class Checker {
 public:
  Checker(std::string_view text, const Schema& schema) : text_(text), schema_(schema) {}

  Result<Checked> run(const Syntax& syntax) {
    PENSTOCK_ASSIGN(NodePtr root, node(syntax));
    if (root->type() == ValueType::kNull) {
      return error_at(text_, syntax.span, "the value is null, but of which type?")
          .hint("write for instance float64(null)");
    }
    if (root->type() == ValueType::kDuration) {
      return error_at(text_, syntax.span, "a duration cannot be stored in a column")
          .hint("add it to a timestamp, compare it, or count units with date_diff('second', a, b)");
    }
    return Checked{std::move(root), {columns_.begin(), columns_.end()}};
  }

 private:
  Result<NodePtr> node(const Syntax& syntax) {
    BufferPool& pool = BufferPool::shared();
    switch (syntax.kind) {
      case Syntax::Kind::kInteger:
        return make_literal(ValueType::kInt64, syntax.span, int64_constant(Type::kInt64, syntax.integer, pool));
      case Syntax::Kind::kNumber:
        return make_literal(ValueType::kFloat64, syntax.span, float64_constant(syntax.number, pool));
      case Syntax::Kind::kText: return make_literal(ValueType::kUtf8, syntax.span, text_constant(syntax.name, pool));
      case Syntax::Kind::kBool:
        return make_literal(ValueType::kBool, syntax.span, bool_constant(syntax.integer != 0, pool));
      case Syntax::Kind::kNull: return null_literal(ValueType::kNull, syntax.span);
      case Syntax::Kind::kColumn: return column(syntax);
      case Syntax::Kind::kChain:
        if (syntax.name != "and" && syntax.name != "or") return chain(syntax);
        break;
      case Syntax::Kind::kCall: break;
    }
    NodeList arguments;
    // `case` without `else` has a null in its place
    for (const Syntax& argument : syntax.arguments) PENSTOCK_TRY(append(arguments, argument));
    return folded_call(syntax, std::move(arguments));
  }

  // From left to right, without recursion: a chain may be long.
  Result<NodePtr> chain(const Syntax& syntax) {
    PENSTOCK_ASSIGN(NodePtr left, node(syntax.arguments[0]));
    for (std::size_t i = 0; i < syntax.links.size(); ++i) {
      const Syntax& right = syntax.arguments[i + 1];
      NodeList pair;
      pair.push_back(std::move(left));
      PENSTOCK_TRY(append(pair, right));
      const bool last = i + 1 == syntax.links.size();
      const Span span = last ? syntax.span : Span{syntax.arguments[0].span.begin, right.span.end};
      const Syntax head{Syntax::Kind::kCall, span, syntax.links[i].span, syntax.links[i].name};
      PENSTOCK_ASSIGN(left, folded_call(head, std::move(pair)));
    }
    return left;
  }

  // The call of `syntax`, whose arguments were checked; a literal when they are all constant.
  Result<NodePtr> folded_call(const Syntax& syntax, NodeList arguments) {
    const std::string name = lower(syntax.name);
    const bool constant =
        std::all_of(arguments.begin(), arguments.end(), [](const NodePtr& n) { return n->literal() != nullptr; });
    PENSTOCK_ASSIGN(NodePtr result, call(syntax, name, std::move(arguments)));
    if (!constant) return result;
    return fold(*result);
  }

  Status append(NodeList& arguments, const Syntax& argument) {
    PENSTOCK_ASSIGN(NodePtr checked, node(argument));
    arguments.push_back(std::move(checked));
    return {};
  }

  NodePtr null_literal(ValueType type, Span span) {
    return make_literal(type, span, null_constant(type, BufferPool::shared()));
  }

  Result<NodePtr> column(const Syntax& syntax) {
    const std::size_t index = schema_.index_of(syntax.name);
    if (index != Schema::kNone) {
      if (const Type type = schema_[index].type; type == Type::kImage || type == Type::kTensor) {
        return error_at(text_, syntax.span,
                        fmt::format("column \"{}\" is of type {}, of which expressions know nothing", syntax.name,
                                    to_string(type)));
      }
      columns_.insert(index);
      return make_column(value_type(schema_[index].type), syntax.span, index);
    }
    std::vector<std::string> names;
    for (const Field& field : schema_.fields()) names.push_back(field.name);
    Error error = error_at(text_, syntax.span, fmt::format("there is no column \"{}\"", syntax.name));
    if (const std::string near = nearest_name(syntax.name, names); !near.empty()) {
      return std::move(error).hint(fmt::format("did you mean \"{}\"?", near));
    }
    if (syntax.quoted && text_[syntax.span.begin] == '"') {
      return std::move(error).hint(fmt::format("a text stands in single quotes: '{}'", syntax.name));
    }
    return std::move(error).hint(names.empty() ? "there are no columns"
                                               : fmt::format("columns: {}", fmt::join(names, ", ")));
  }

  // Evaluates a node whose arguments are all constant.
  Result<NodePtr> fold(const Node& constant) {
    const ValueType type = constant.type();
    const Span span = constant.span();
    Evaluation evaluation{.text = text_, .rows = 1, .pool = BufferPool::shared(), .most_text = kMostConstantText};
    Column value = constant.evaluate(evaluation);
    if (evaluation.failures.empty()) return make_literal(type, span, std::move(value));
    return error_at(text_, span, "this constant has no value: " + evaluation.failures[0].reason);
  }

  Result<NodePtr> call(const Syntax& syntax, const std::string& name, NodeList arguments) {
    const Span span = syntax.span;
    if (name == "and" || name == "or") {
      PENSTOCK_TRY(all_bool(arguments, fmt::format("`{}`", name)));
      return make_connective(name == "or", span, std::move(arguments));
    }
    if (name == "is null" || name == "is not null") {
      if (arguments[0]->type() == ValueType::kNull) arguments[0] = null_literal(ValueType::kBool, arguments[0]->span());
      return make_null_test(name == "is not null", span, std::move(arguments[0]));
    }
    if (name == "in" || name == "between") {
      PENSTOCK_ASSIGN(const ValueType type, unify(arguments, name == "in" ? "the values compared by `in`"
                                                                          : "the values compared by `between`"));
      if (type == ValueType::kBool && name == "between") {
        return error_at(text_, arguments[0]->span(), "`between` does not take bool");
      }
      return name == "in" ? make_membership(span, std::move(arguments)) : make_between(span, std::move(arguments));
    }
    if (name == "case") return choice(span, std::move(arguments), "`case`");
    if (is_form(name)) return form(syntax, name, std::move(arguments));
    return function(syntax, name, std::move(arguments));
  }

  Result<NodePtr> form(const Syntax& syntax, const std::string& name, NodeList arguments) {
    const Span span = syntax.span;
    if (name == "if") {
      PENSTOCK_TRY(
          expect_count(syntax, arguments.size() == 3, "if takes 3 arguments: condition, value, value otherwise"));
      return choice(span, std::move(arguments), "`if`");
    }
    if (name == "try") {
      PENSTOCK_TRY(expect_count(syntax, arguments.size() == 1, "try takes 1 argument"));
      return make_try(span, std::move(arguments[0]));
    }
    if (name == "coalesce") {
      PENSTOCK_TRY(expect_count(syntax, !arguments.empty(), "coalesce takes 1 argument or more"));
      PENSTOCK_ASSIGN(const ValueType type, unify(arguments, "the arguments of coalesce"));
      return make_coalesce(type, span, std::move(arguments));
    }
    PENSTOCK_TRY(expect_count(syntax, arguments.size() == 2, "nullif takes 2 arguments"));
    PENSTOCK_ASSIGN(const ValueType type, unify(arguments, "the arguments of nullif"));
    return make_null_if(type, span, std::move(arguments));
  }

  Status expect_count(const Syntax& syntax, bool right, const char* expected) const {
    if (right) return {};
    return error_at(text_, syntax.name_span, fmt::format("{}, found {}", expected, syntax.arguments.size()));
  }

  // Conditions and values in turn, then the value otherwise.
  Result<NodePtr> choice(Span span, NodeList arguments, const std::string& what) {
    NodeList conditions;
    NodeList values;
    for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
      conditions.push_back(std::move(arguments[i]));
      values.push_back(std::move(arguments[i + 1]));
    }
    values.push_back(std::move(arguments.back()));
    PENSTOCK_TRY(all_bool(conditions, "a condition of " + what));
    PENSTOCK_ASSIGN(const ValueType type, unify(values, "the values of " + what));
    return make_choice(type, span, std::move(conditions), std::move(values));
  }

  Status all_bool(NodeList& nodes, const std::string& what) {
    for (NodePtr& node : nodes) {
      if (distance(node->type(), ValueType::kBool) == kNone) {
        return error_at(text_, node->span(), fmt::format("{} must be bool, found {}", what, to_string(node->type())))
            .hint(node->type() == ValueType::kUtf8 || node->type() == ValueType::kInt64
                      ? "compare it with something, or write bool(x)"
                      : "compare it with something");
      }
      node = convert(std::move(node), ValueType::kBool);
    }
    return {};
  }

  // Brings the nodes to one type; untyped nulls alone stay as they are.
  Result<ValueType> unify(NodeList& nodes, const std::string& what) {
    ValueType common = ValueType::kNull;
    for (const NodePtr& node : nodes) {
      if (distance(node->type(), common) != kNone) continue;
      if (common != ValueType::kNull && distance(common, node->type()) == kNone) {
        return error_at(
                   text_, node->span(),
                   fmt::format("{} have different types: {} and {}", what, to_string(common), to_string(node->type())))
            .hint(advice({common, node->type()}));
      }
      common = node->type();
    }
    const ValueType target = common == ValueType::kNull ? ValueType::kBool : common;
    for (NodePtr& node : nodes) node = convert(std::move(node), target);
    return target;
  }

  // Requires that `distance` is not kNone.
  NodePtr convert(NodePtr node, ValueType type) {
    if (node->type() == type) return node;
    if (node->type() == ValueType::kNull) return null_literal(type, node->span());
    const Span span = node->span();
    const bool constant = node->literal() != nullptr;
    NodeList arguments;
    arguments.push_back(std::move(node));
    NodePtr converted = make_call(find_overload("float64", {ValueType::kInt64}), span, std::move(arguments));
    return constant ? *fold(*converted) : std::move(converted);
  }

  static std::string advice(const std::vector<ValueType>& types) {
    const auto has = [&](ValueType type) { return std::find(types.begin(), types.end(), type) != types.end(); };
    if (has(ValueType::kTimestamp) && has(ValueType::kUtf8)) return "a timestamp is written timestamp('2024-01-31')";
    if (has(ValueType::kTimestamp) && has(ValueType::kInt64)) return "a duration is written days(3), hours(2) …";
    if (has(ValueType::kUtf8)) return "convert one side: utf8(x), int64(x), float64(x)";
    return "convert one of them";
  }

  Result<NodePtr> function(const Syntax& syntax, const std::string& name, NodeList arguments) {
    const Overload* best = nullptr;
    int best_distance = kNone;
    std::vector<const Overload*> known;
    for (const Overload& overload : function_table()) {
      if (overload.name != name) continue;
      known.push_back(&overload);
      if (!takes(overload, arguments.size())) continue;
      int sum = 0;
      for (std::size_t i = 0; i < arguments.size(); ++i)
        sum += distance(arguments[i]->type(), parameter_at(overload, i));
      if (sum < best_distance) best_distance = sum, best = &overload;
    }
    if (known.empty()) return unknown_function(syntax, name);
    if (best == nullptr) return no_overload(syntax, known, arguments);
    for (std::size_t i = 0; i < arguments.size(); ++i)
      arguments[i] = convert(std::move(arguments[i]), parameter_at(*best, i));
    std::shared_ptr<const CallState> state;
    if (best->constants != 0) PENSTOCK_TRY(prepare(*best, arguments, state));
    return make_call(*best, syntax.span, std::move(arguments), std::move(state));
  }

  Status prepare(const Overload& overload, const NodeList& arguments, std::shared_ptr<const CallState>& state) {
    std::vector<Column> constants;
    std::vector<Span> spans;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      if ((overload.constants >> i & 1) == 0) continue;
      const Column* const value = arguments[i]->literal();
      if (value == nullptr || value->is_null(0)) {
        return error_at(text_, arguments[i]->span(),
                        fmt::format("argument {} of {} must be a constant", i + 1, overload.name));
      }
      constants.push_back(*value);
      spans.push_back(arguments[i]->span());
    }
    BadArgument bad = overload.prepare(constants, state);
    if (bad.what.empty()) return {};
    return error_at(text_, spans[bad.index], bad.what).hint(std::move(bad.hint));
  }

  Error unknown_function(const Syntax& syntax, const std::string& name) {
    std::vector<std::string> names(std::begin(kForms), std::end(kForms));
    for (const Overload& overload : function_table()) {
      if (is_word(overload.name) && names.back() != overload.name) names.emplace_back(overload.name);
    }
    Error error = error_at(text_, syntax.name_span, fmt::format("there is no function \"{}\"", syntax.name));
    if (std::find(std::begin(kAggregates), std::end(kAggregates), name) != std::end(kAggregates)) {
      return std::move(error).hint("values of many rows are computed by the operator `aggregate`");
    }
    if (name == "now" || name == "today" || name == "random") {
      return std::move(error).hint("the same input gives the same output in every run; pass the value as a parameter");
    }
    if (const std::string near = nearest_name(name, names); !near.empty()) {
      return std::move(error).hint(fmt::format("did you mean \"{}\"?", near));
    }
    return std::move(error).hint("docs/guide/expressions.md lists the functions");
  }

  Error no_overload(const Syntax& syntax, const std::vector<const Overload*>& known, const NodeList& arguments) {
    const std::vector<ValueType> found = types_of(arguments);
    if (is_word(known[0]->name)) {
      std::vector<std::string> signatures;
      for (const Overload* overload : known) {
        signatures.push_back(fmt::format("{}({}{})", overload->name, type_list(overload->parameters),
                                         overload->variadic ? ", ..." : ""));
      }
      const bool count =
          std::none_of(known.begin(), known.end(), [&](const Overload* o) { return takes(*o, arguments.size()); });
      const Span span = count || arguments.size() != 1 ? syntax.name_span : arguments[0]->span();
      return error_at(text_, span, fmt::format("{} does not take ({})", known[0]->name, type_list(found)))
          .hint(fmt::format("it takes {}", fmt::join(signatures, " or ")));
    }
    const std::string symbol =
        known[0]->name.starts_with("unary ") ? std::string(known[0]->name.substr(6)) : std::string(known[0]->name);
    Error error = error_at(text_, syntax.name_span,
                           found.size() == 1 ? fmt::format("`{}` does not take {}", symbol, to_string(found[0]))
                                             : fmt::format("`{}` does not take {} and {}", symbol, to_string(found[0]),
                                                           to_string(found[1])));
    if (symbol == "+" && found.size() == 2 && found[0] == ValueType::kUtf8 && found[1] == found[0])
      return std::move(error).hint("texts are joined by ||");
    if (found.size() == 1) return std::move(error).hint(symbol == "not" ? "it takes bool" : "it takes numbers");
    return std::move(error).hint(advice(found));
  }

  std::string_view text_;
  const Schema& schema_;
  std::set<std::size_t> columns_;
};

}  // namespace

Result<Checked> check(std::string_view text, const Syntax& syntax, const Schema& schema) {
  return Checker(text, schema).run(syntax);
}

}  // namespace penstock::expression
