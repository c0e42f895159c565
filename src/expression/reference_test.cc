// SPDX-License-Identifier: MIT
// Random expressions on random batches: the columns must hold what a plain evaluator of single values gives, which is
// written here independently, value by value, and knows nothing of bitmaps, constants or kernels.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <random>
#include <variant>

#include "expression/expression_fixture.h"
#include "expression/parser.h"

namespace penstock::expression {
namespace {

struct Null {};
struct Failure {};
using Value = std::variant<Null, Failure, std::int64_t, double, bool, std::string>;
using Row = std::vector<Value>;

bool null(const Value& v) { return std::holds_alternative<Null>(v); }
bool failed(const Value& v) { return std::holds_alternative<Failure>(v); }
bool is(const Value& v, bool b) { return std::holds_alternative<bool>(v) && std::get<bool>(v) == b; }
bool is_float(const Value& v) { return std::holds_alternative<double>(v); }
double number(const Value& v) {
  return is_float(v) ? std::get<double>(v) : static_cast<double>(std::get<std::int64_t>(v));
}

Value checked(__int128 value) {
  if (value < std::numeric_limits<std::int64_t>::min() || value > std::numeric_limits<std::int64_t>::max())
    return Failure{};
  return static_cast<std::int64_t>(value);
}

Value arithmetic(const std::string& op, const Value& a, const Value& b) {
  if (is_float(a) || is_float(b)) {
    const double x = number(a);
    const double y = number(b);
    return op == "+" ? x + y : op == "-" ? x - y : op == "*" ? x * y : x / y;
  }
  const __int128 x = std::get<std::int64_t>(a);
  const __int128 y = std::get<std::int64_t>(b);
  if (op == "+") return checked(x + y);
  if (op == "-") return checked(x - y);
  if (op == "*") return checked(x * y);
  if (y == 0) return Failure{};
  if (op == "/") return static_cast<double>(x) / static_cast<double>(y);
  __int128 quotient = x / y;
  while (quotient * y > x && y > 0) --quotient;
  while (quotient * y < x && y < 0) --quotient;
  return op == "//" ? checked(quotient) : checked(x - quotient * y);
}

template <class T>
bool ordered(const std::string& op, const T& a, const T& b) {
  if (op == "=") return a == b;
  if (op == "<>") return !(a == b);
  if (op == "<") return a < b;
  if (op == "<=") return a <= b;
  return op == ">" ? a > b : a >= b;
}

Value compare(const std::string& op, const Value& a, const Value& b) {
  if (null(a) || null(b)) return Null{};
  if (std::holds_alternative<std::string>(a)) return ordered(op, std::get<std::string>(a), std::get<std::string>(b));
  if (std::holds_alternative<bool>(a)) return ordered(op, std::get<bool>(a), std::get<bool>(b));
  if (is_float(a) || is_float(b)) return ordered(op, number(a), number(b));
  return ordered(op, std::get<std::int64_t>(a), std::get<std::int64_t>(b));
}

/// Evaluates one row. The types were checked by `Expression::compile`, so only values matter here; an int64 where a
/// float64 is due is compared as a number at the end.
class Reference {
 public:
  Reference(const Schema& schema, const Row& row) : schema_(schema), row_(row) {}

  Value of(const Syntax& s) const {
    switch (s.kind) {
      case Syntax::Kind::kInteger: return s.integer;
      case Syntax::Kind::kNumber: return s.number;
      case Syntax::Kind::kText: return s.name;
      case Syntax::Kind::kBool: return s.integer != 0;
      case Syntax::Kind::kNull: return Null{};
      case Syntax::Kind::kColumn: return row_[schema_.index_of(s.name)];
      case Syntax::Kind::kCall: break;
      case Syntax::Kind::kChain: break;
    }
    const auto& a = s.arguments;
    if (s.name == "and" || s.name == "or") return connective(a, s.name == "or");
    if (s.name == "case" || s.name == "if") return choice(a);
    if (s.name == "coalesce") return coalesce(a);
    if (s.name == "try") {
      const Value value = of(a[0]);
      return failed(value) ? Value(Null{}) : value;
    }
    if (!s.links.empty()) return chain(s);
    std::vector<Value> values;
    bool any_failed = false;
    bool any_null = false;
    for (const Syntax& argument : a) {
      values.push_back(of(argument));
      any_failed |= failed(values.back());
      any_null |= null(values.back());
    }
    if (any_failed) return Failure{};
    if (s.name == "is null" || s.name == "is not null") return null(values[0]) == (s.name == "is null");
    if (s.name == "in") return membership(values);
    if (s.name == "between") return both(compare(">=", values[0], values[1]), compare("<=", values[0], values[2]));
    if (s.name == "nullif") return is(compare("=", values[0], values[1]), true) ? Value(Null{}) : values[0];
    return any_null ? Value(Null{}) : strict(s.name, values);
  }

 private:
  static Value both(const Value& a, const Value& b) {
    if (is(a, false) || is(b, false)) return false;
    return null(a) || null(b) ? Value(Null{}) : Value(true);
  }

  Value chain(const Syntax& s) const {
    Value left = of(s.arguments[0]);
    for (std::size_t i = 0; i < s.links.size(); ++i) {
      const Value right = of(s.arguments[i + 1]);
      if (failed(left) || failed(right)) return Failure{};
      left = null(left) || null(right) ? Value(Null{}) : strict(s.links[i].name, {left, right});
    }
    return left;
  }

  Value connective(const std::vector<Syntax>& arguments, bool decisive) const {
    bool any_null = false;
    for (const Syntax& argument : arguments) {
      const Value value = of(argument);
      if (failed(value) || is(value, decisive)) return value;
      any_null |= null(value);
    }
    return any_null ? Value(Null{}) : Value(!decisive);
  }

  Value choice(const std::vector<Syntax>& arguments) const {
    for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
      const Value condition = of(arguments[i]);
      if (failed(condition)) return condition;
      if (is(condition, true)) return of(arguments[i + 1]);
    }
    return of(arguments.back());
  }

  Value coalesce(const std::vector<Syntax>& arguments) const {
    for (const Syntax& argument : arguments) {
      if (const Value value = of(argument); !null(value)) return value;
    }
    return Null{};
  }

  static Value membership(const std::vector<Value>& values) {
    bool any_null = false;
    for (std::size_t i = 1; i < values.size(); ++i) {
      const Value equal = compare("=", values[0], values[i]);
      if (is(equal, true)) return true;
      any_null |= null(equal);
    }
    return any_null ? Value(Null{}) : Value(false);
  }

  static Value strict(const std::string& name, const std::vector<Value>& v) {
    if (name == "not") return !std::get<bool>(v[0]);
    if (name == "unary -") return is_float(v[0]) ? Value(-number(v[0])) : arithmetic("-", std::int64_t{0}, v[0]);
    if (name == "||" || name == "concat") {
      std::string all;
      for (const Value& part : v) all += std::get<std::string>(part);
      return all;
    }
    if (name == "upper") {
      std::string text = std::get<std::string>(v[0]);
      for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
      return text;
    }
    if (name == "contains") return std::get<std::string>(v[0]).find(std::get<std::string>(v[1])) != std::string::npos;
    if (name == "abs" && is_float(v[0])) return std::fabs(number(v[0]));
    if (name == "abs") return std::get<std::int64_t>(v[0]) < 0 ? arithmetic("-", std::int64_t{0}, v[0]) : v[0];
    if (name == "utf8") return std::to_string(std::get<std::int64_t>(v[0]));
    if (name == "int64") return parsed(std::get<std::string>(v[0]));
    if (name == "float64") return number(v[0]);
    if (name.size() <= 2 && std::string_view("+-*///%").find(name[0]) != std::string_view::npos) {
      return arithmetic(name, v[0], v[1]);
    }
    return compare(name, v[0], v[1]);
  }

  static Value parsed(const std::string& text) {
    const std::size_t digits = text.starts_with('-') ? 1 : 0;
    if (text.size() == digits || text.find_first_not_of("0123456789", digits) != std::string::npos) return Failure{};
    errno = 0;
    const std::int64_t value = std::strtoll(text.c_str(), nullptr, 10);
    return errno == 0 ? Value(value) : Value(Failure{});
  }

  const Schema& schema_;
  const Row& row_;
};

/// Writes random expressions of a wanted type.
class Writer {
 public:
  explicit Writer(std::mt19937_64& random) : random_(random) {}

  std::string integer(int depth) {
    if (depth <= 0) return pick({"i", "j", "i", "j", "0", "1", "-3", "7", "9223372036854775807", "int64(null)"});
    switch (random_() % 9) {
      case 0: return "abs(" + integer(depth - 1) + ")";
      case 1: return "-" + integer(0);
      case 2: return "int64(" + text(depth - 1) + ")";
      case 3: return "try(" + integer(depth - 1) + ")";
      case 4: return choice(depth, &Writer::integer);
      default: return "(" + integer(depth - 1) + pick({" + ", " - ", " * ", " // ", " % "}) + integer(depth - 1) + ")";
    }
  }

  std::string floating(int depth) {
    if (depth <= 0) return pick({"f", "g", "f", "g", "0.5", "-2.0", "1e300", "float64(null)"});
    switch (random_() % 7) {
      case 0: return "float64(" + integer(depth - 1) + ")";
      case 1: return "abs(" + floating(depth - 1) + ")";
      case 2: return "(" + integer(depth - 1) + " / " + integer(depth - 1) + ")";
      case 3: return choice(depth, &Writer::floating);
      default: return "(" + floating(depth - 1) + pick({" + ", " - ", " * ", " / "}) + mixed(depth - 1) + ")";
    }
  }

  std::string text(int depth) {
    if (depth <= 0) return pick({"s", "r", "s", "r", "'a'", "''", "'12'", "utf8(null)"});
    switch (random_() % 5) {
      case 0: return "upper(" + text(depth - 1) + ")";
      case 1: return "utf8(" + integer(depth - 1) + ")";
      case 2: return choice(depth, &Writer::text);
      default: return "(" + text(depth - 1) + " || " + text(depth - 1) + ")";
    }
  }

  std::string boolean(int depth) {
    if (depth <= 0) return pick({"b", "c", "b", "c", "true", "false", "bool(null)"});
    switch (random_() % 9) {
      case 0: return "(not " + boolean(depth - 1) + ")";
      case 1: return "(" + boolean(depth - 1) + " and " + boolean(depth - 1) + " and " + boolean(depth - 1) + ")";
      case 2: return "(" + boolean(depth - 1) + " or " + boolean(depth - 1) + ")";
      case 3: return "(" + text(depth - 1) + compare() + text(depth - 1) + ")";
      case 4: return "(" + mixed(depth - 1) + compare() + mixed(depth - 1) + ")";
      case 5: return "(" + integer(depth - 1) + " between " + integer(0) + " and " + integer(depth - 1) + ")";
      case 6:
        return "(" + text(depth - 1) + pick({" is null", " is not null", " in (r, 'a')", " in ('a', 'b', '12', '')"}) +
               ")";
      case 7: return "contains(" + text(depth - 1) + ", " + text(0) + ")";
      default: return choice(depth, &Writer::boolean);
    }
  }

 private:
  std::string mixed(int depth) { return random_() % 2 == 0 ? integer(depth) : floating(depth); }
  std::string compare() { return pick({" = ", " <> ", " < ", " <= ", " > ", " >= "}); }

  std::string choice(int depth, std::string (Writer::*value)(int)) {
    const auto next = [&] { return (this->*value)(depth - 1); };
    switch (random_() % 4) {
      case 0: return "if(" + boolean(depth - 1) + ", " + next() + ", " + next() + ")";
      case 1: return "coalesce(" + next() + ", " + next() + ", " + next() + ")";
      case 2: return "nullif(" + next() + ", " + next() + ")";
      default:
        return "case when " + boolean(depth - 1) + " then " + next() + " when " + boolean(depth - 1) + " then " +
               next() + " end";
    }
  }

  std::string pick(std::initializer_list<const char*> from) { return from.begin()[random_() % from.size()]; }

  std::mt19937_64& random_;
};

SchemaPtr random_schema() {
  return *make_schema({{"i", Type::kInt64},
                       {"j", Type::kInt64},
                       {"f", Type::kFloat64},
                       {"g", Type::kFloat64},
                       {"b", Type::kBool},
                       {"c", Type::kBool},
                       {"s", Type::kUtf8},
                       {"r", Type::kUtf8}});
}

// Half of the columns have no null at all, as those take other ways.
std::vector<Row> random_rows(std::mt19937_64& random, std::size_t count) {
  static const std::vector<Value> kValues[] = {
      {std::int64_t{0}, std::int64_t{1}, std::int64_t{-3}, std::int64_t{40}, std::numeric_limits<std::int64_t>::max(),
       std::numeric_limits<std::int64_t>::min()},
      {0.0, 1.5, -2.25, 1e308, std::numeric_limits<double>::quiet_NaN()},
      {true, false},
      {std::string(), std::string("a"), std::string("12"), std::string("ä-7"), std::string("-5")}};
  const std::uint64_t with_nulls = random();
  std::vector<Row> rows(count, Row(8));
  for (Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto& values = kValues[i / 2];
      const bool is_null = (with_nulls >> i & 1) != 0 && random() % 4 == 0;
      row[i] = is_null ? Value(Null{}) : values[random() % values.size()];
    }
  }
  return rows;
}

RecordBatch to_batch(const std::vector<Row>& rows) {
  RecordBatchBuilder builder(random_schema(), BufferPool::shared());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      ColumnBuilder& to = builder.column(i);
      if (null(row[i])) to.append_null();
      if (const auto* const v = std::get_if<std::int64_t>(&row[i])) to.append_int64(*v);
      if (const auto* const v = std::get_if<double>(&row[i])) to.append_float64(*v);
      if (const auto* const v = std::get_if<bool>(&row[i])) to.append_bool(*v);
      if (const auto* const v = std::get_if<std::string>(&row[i])) to.append_text(*v);
    }
  }
  return builder.finish();
}

std::string show(const Value& value, Type type) {
  if (failed(value)) return "!";
  ColumnBuilder builder(type, BufferPool::shared());
  if (null(value)) {
    builder.append_null();
  } else if (type == Type::kFloat64) {
    builder.append_float64(number(value));
  } else if (type == Type::kInt64) {
    builder.append_int64(std::get<std::int64_t>(value));
  } else if (type == Type::kBool) {
    builder.append_bool(std::get<bool>(value));
  } else {
    builder.append_text(std::get<std::string>(value));
  }
  std::string text = value_text(builder.finish(), 0);
  return text == "-nan" ? "nan" : text;
}

// Returns false when the text does not compile, as a constant part may have no value.
bool agrees(const std::string& text, const std::vector<Row>& rows) {
  const RecordBatch batch = to_batch(rows);
  const Result<Expression> expression = Expression::compile(text, batch.schema_ptr());
  if (!expression) {
    EXPECT_NE(expression.error().message().find("this constant has no value"), std::string::npos)
        << expression.error().to_text();
    return false;
  }
  RowFailures failures;
  const Column column = expression->evaluate(batch, BufferPool::shared(), failures);
  const Syntax syntax = *parse(text);
  std::string expected;
  std::string found;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    expected += show(Reference(batch.schema(), rows[row]).of(syntax), expression->type()) + " ";
    found += (failures.contains(static_cast<std::uint32_t>(row)) ? "!" : value_text(column, row)) + " ";
  }
  EXPECT_EQ(found, expected) << text;
  return true;
}

TEST(ExpressionReference, ColumnsHoldWhatSingleRowsGive) {
  const char* const given = std::getenv("PENSTOCK_TEST_SEED");
  const std::uint64_t seed = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  SCOPED_TRACE(fmt::format("PENSTOCK_TEST_SEED={}", seed));
  std::mt19937_64 random(seed);
  Writer writer(random);
  int compared = 0;
  for (int round = 0; round < 3000 && !testing::Test::HasFailure(); ++round) {
    const int depth = static_cast<int>(random() % 5);
    const std::string text = round % 4 == 0   ? writer.integer(depth)
                             : round % 4 == 1 ? writer.floating(depth)
                             : round % 4 == 2 ? writer.text(depth)
                                              : writer.boolean(depth);
    compared += agrees(text, random_rows(random, random() % 3 == 0 ? 1 : random() % 140)) ? 1 : 0;
  }
  EXPECT_GT(compared, 2000);
}

}  // namespace
}  // namespace penstock::expression
