// SPDX-License-Identifier: MIT
// The calls in `compute` of the operator aggregate.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/nearest_name.h"
#include "expression/compiled.h"
#include "expression/parser.h"

namespace penstock {
namespace {

using expression::error_at;
using expression::Syntax;

struct Known {
  std::string_view name;
  AggregateFunction function;
  std::size_t arguments;
  std::string_view usage;
};
constexpr std::array<Known, 9> kKnown = {{
    {"count", AggregateFunction::kCount, 1, "count() or count(x)"},
    {"sum", AggregateFunction::kSum, 1, "sum(x)"},
    {"mean", AggregateFunction::kMean, 1, "mean(x)"},
    {"std", AggregateFunction::kStd, 1, "std(x)"},
    {"min", AggregateFunction::kMin, 1, "min(x)"},
    {"max", AggregateFunction::kMax, 1, "max(x)"},
    {"quantile", AggregateFunction::kQuantile, 2, "quantile(x, q)"},
    {"exact_quantile", AggregateFunction::kExactQuantile, 2, "exact_quantile(x, q)"},
    {"median", AggregateFunction::kQuantile, 1, "median(x)"},
}};

Error unknown_aggregate(std::string_view text, const Syntax& syntax) {
  std::vector<std::string> names;
  for (const Known& known : kKnown) names.emplace_back(known.name);
  if (syntax.kind != Syntax::Kind::kCall && syntax.kind != Syntax::Kind::kChain) {
    return error_at(text, syntax.span, "this is no aggregate").hint("write for instance sum(amount) or count()");
  }
  if (syntax.name == "first" || syntax.name == "last") {
    return error_at(text, syntax.name_span, fmt::format("there is no aggregate \"{}\"", syntax.name))
        .hint("rows have no order that every strategy keeps; use min or max");
  }
  return error_at(text, syntax.name_span, fmt::format("\"{}\" is no aggregate", syntax.name))
      .hint(suggest_name(syntax.name, names));
}

Result<double> fraction(std::string_view text, const Syntax& syntax) {
  const double value = syntax.kind == Syntax::Kind::kInteger ? static_cast<double>(syntax.integer) : syntax.number;
  const bool number = syntax.kind == Syntax::Kind::kInteger || syntax.kind == Syntax::Kind::kNumber;
  if (number && value >= 0 && value <= 1) return value;
  return error_at(text, syntax.span, "the fraction of a quantile is a number from 0 to 1")
      .hint("quantile(x, 0.95) is the 95th percentile");
}

bool accepts(AggregateFunction function, Type type) {
  const bool number = type == Type::kInt64 || type == Type::kFloat64;
  switch (function) {
    case AggregateFunction::kCount: return true;
    case AggregateFunction::kMin:
    case AggregateFunction::kMax: return number || type == Type::kUtf8 || type == Type::kTimestamp;
    default: return number;
  }
}

Type result_type(AggregateFunction function, Type argument) {
  switch (function) {
    case AggregateFunction::kCount: return Type::kInt64;
    case AggregateFunction::kSum:
    case AggregateFunction::kMin:
    case AggregateFunction::kMax: return argument;
    default: return Type::kFloat64;
  }
}

}  // namespace

const char* to_string(AggregateFunction function) noexcept {
  switch (function) {
    case AggregateFunction::kCount: return "count";
    case AggregateFunction::kSum: return "sum";
    case AggregateFunction::kMean: return "mean";
    case AggregateFunction::kStd: return "std";
    case AggregateFunction::kMin: return "min";
    case AggregateFunction::kMax: return "max";
    case AggregateFunction::kQuantile: return "quantile";
    case AggregateFunction::kExactQuantile: return "exact_quantile";
  }
  return "?";
}

Result<AggregateCall> parse_aggregate(std::string_view text, const SchemaPtr& schema) {
  PENSTOCK_ASSIGN(Syntax syntax, expression::parse(text));
  const auto* const known =
      std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.name == syntax.name; });
  if (syntax.kind != Syntax::Kind::kCall || known == kKnown.end()) return unknown_aggregate(text, syntax);
  AggregateCall call{.function = known->function};
  if (call.function == AggregateFunction::kCount && syntax.arguments.empty()) return call;
  if (syntax.arguments.size() != known->arguments) {
    return error_at(text, syntax.name_span,
                    fmt::format("{} does not take {} arguments", known->name, syntax.arguments.size()))
        .hint(fmt::format("write {}", known->usage));
  }
  PENSTOCK_ASSIGN(Expression argument, Expression::Compiled::make(text, syntax.arguments[0], schema));
  if (!accepts(call.function, argument.type())) {
    return error_at(text, syntax.arguments[0].span,
                    fmt::format("{} does not take {}", known->name, to_string(argument.type())))
        .hint("it takes numbers; convert with int64(x) or float64(x)");
  }
  call.type = result_type(call.function, argument.type());
  call.argument = std::move(argument);
  const expression::Span span = syntax.arguments[0].span;
  call.argument_text = text.substr(span.begin, span.end - span.begin);
  if (known->name == "median") call.quantile = 0.5;
  if (known->arguments == 2) {
    PENSTOCK_ASSIGN(call.quantile, fraction(text, syntax.arguments[1]));
  }
  return call;
}

}  // namespace penstock
