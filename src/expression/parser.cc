// SPDX-License-Identifier: MIT
// Pratt parsing: each infix operator has a binding power, and `infix(power)` takes operators that bind tighter.
#include "expression/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "data/number_text.h"
#include "expression/lexer.h"

namespace penstock::expression {
namespace {

enum Power : int { kAny = 0, kOr, kAnd, kNot, kCompare, kConcat, kSum, kProduct, kSign };

bool is_comparison(const Token& token) {
  if (token.kind == Token::Kind::kKeyword) return token.word == "is" || token.word == "in" || token.word == "between";
  if (token.kind != Token::Kind::kSymbol) return false;
  static constexpr std::string_view kSymbols[] = {"=", "==", "<>", "!=", "<", "<=", ">", ">="};
  return std::find(std::begin(kSymbols), std::end(kSymbols), token.word) != std::end(kSymbols);
}

class Parser {
 public:
  Parser(std::string_view text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

  Result<Syntax> run() {
    if (token().kind == Token::Kind::kEnd) {
      return error_at(text_, token().span, "the expression is empty").hint("write for instance: amount > 0");
    }
    PENSTOCK_ASSIGN(Syntax whole, infix(kAny));
    if (token().kind != Token::Kind::kEnd) return unexpected("an operator or the end");
    return whole;
  }

 private:
  const Token& token() const { return tokens_[at_]; }
  const Token& following() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token take() { return std::move(tokens_[at_++]); }
  bool take_symbol(std::string_view symbol) { return token().is_symbol(symbol) && (++at_, true); }
  bool take_keyword(std::string_view keyword) { return token().is_keyword(keyword) && (++at_, true); }

  std::string found() const {
    return token().kind == Token::Kind::kEnd ? "the end" : fmt::format("\"{}\"", snippet(text_, token().span));
  }

  Error unexpected(std::string_view expected) const {
    Error error = error_at(text_, token().span, fmt::format("found {}, expected {}", found(), expected));
    if (token().is_symbol("=") || token().is_symbol("==")) {
      return std::move(error).hint("an expression gives a value; the column's name stands before it in the table");
    }
    return error;
  }

  Status expect_symbol(std::string_view symbol, std::string_view context) {
    if (take_symbol(symbol)) return {};
    return unexpected(fmt::format("\"{}\" {}", symbol, context));
  }
  Status expect_keyword(std::string_view keyword, std::string_view context) {
    if (take_keyword(keyword)) return {};
    return unexpected(fmt::format("`{}` {}", keyword, context));
  }

  Error too_deep(Span span) const {
    return error_at(text_, span, fmt::format("the expression is nested deeper than {} levels", Syntax::kMostDepth))
        .hint("split it into several columns with `derive`");
  }

  Result<Syntax> call(std::string name, Span name_span, Span span, std::vector<Syntax> arguments) const {
    Syntax result{Syntax::Kind::kCall, span, name_span, std::move(name)};
    for (const Syntax& argument : arguments) result.depth = std::max(result.depth, argument.depth + 1);
    if (result.depth > Syntax::kMostDepth) return too_deep(name_span);
    result.arguments = std::move(arguments);
    return result;
  }

  Result<Syntax> unary(const Token& sign, std::string name, Syntax operand) const {
    const Span span{sign.span.begin, operand.span.end};
    std::vector<Syntax> arguments;
    arguments.push_back(std::move(operand));
    return call(std::move(name), sign.span, span, std::move(arguments));
  }

  Result<Syntax> binary(std::string name, Span name_span, Syntax left, Syntax right) const {
    const Span span{left.span.begin, right.span.end};
    std::vector<Syntax> arguments;
    arguments.push_back(std::move(left));
    arguments.push_back(std::move(right));
    return call(std::move(name), name_span, span, std::move(arguments));
  }

  // `a + b - c` is one chain, as is `a and b and c`: long ones stay flat.
  Result<Syntax> chain(const Token& symbol, Syntax left, Syntax right) const {
    if (left.kind != Syntax::Kind::kChain || left.grouped || power_of(left.name) != power_of(symbol.word)) {
      PENSTOCK_ASSIGN(left, binary(symbol.word, symbol.span, std::move(left), std::move(right)));
      left.kind = Syntax::Kind::kChain;
    } else {
      left.span.end = right.span.end;
      left.depth = std::max(left.depth, right.depth + 1);
      left.arguments.push_back(std::move(right));
      if (left.depth > Syntax::kMostDepth) return too_deep(symbol.span);
    }
    left.links.push_back({symbol.word, symbol.span});
    return left;
  }

  Result<Syntax> infix(int power) {
    if (++recursion_ > Syntax::kMostDepth) return too_deep(token().span);
    PENSTOCK_ASSIGN(Syntax left, prefix());
    while (true) {
      const int tighter = power_of_infix();
      if (tighter <= power) break;
      PENSTOCK_ASSIGN(left, infix_with(std::move(left), tighter));
    }
    --recursion_;
    return left;
  }

  // Of an operator that chains; kAny for any other word.
  static int power_of(std::string_view word) {
    if (word == "or") return kOr;
    if (word == "and") return kAnd;
    if (word == "||") return kConcat;
    if (word == "+" || word == "-") return kSum;
    if (word == "*" || word == "/" || word == "//" || word == "%") return kProduct;
    return kAny;
  }

  int power_of_infix() const {
    const Token& next = token();
    if (is_comparison(next)) return kCompare;
    if (next.is_keyword("not"))
      return following().is_keyword("in") || following().is_keyword("between") ? kCompare : kAny;
    return next.kind == Token::Kind::kSymbol || next.kind == Token::Kind::kKeyword ? power_of(next.word) : kAny;
  }

  Result<Syntax> infix_with(Syntax left, int power) {
    if (power == kCompare) return comparison(std::move(left));
    const Token symbol = take();
    PENSTOCK_ASSIGN(Syntax right, infix(power));
    return chain(symbol, std::move(left), std::move(right));
  }

  Result<Syntax> comparison(Syntax left) {
    Token symbol = take();
    const bool negated = symbol.word == "not";
    if (negated) symbol = take();  // `in` or `between`
    Result<Syntax> result = symbol.word == "is"        ? is_null(std::move(left), symbol)
                            : symbol.word == "in"      ? in_list(std::move(left), symbol)
                            : symbol.word == "between" ? between(std::move(left), symbol)
                                                       : compare(std::move(left), symbol);
    if (!result) return result;
    if (negated) {
      const std::size_t begin = result->span.begin;
      PENSTOCK_ASSIGN(result, unary(symbol, "not", *std::move(result)));
      result->span.begin = begin;
    }
    if (!is_comparison(token())) return result;
    return error_at(text_, token().span, "comparisons do not chain").hint("write a < b and b < c, or use parentheses");
  }

  Result<Syntax> compare(Syntax left, const Token& symbol) {
    PENSTOCK_ASSIGN(Syntax right, infix(kCompare));
    std::string name = symbol.word == "==" ? "=" : symbol.word == "!=" ? "<>" : symbol.word;
    return binary(std::move(name), symbol.span, std::move(left), std::move(right));
  }

  Result<Syntax> is_null(Syntax left, const Token& is) {
    const bool negated = take_keyword("not");
    if (!token().is_keyword("null"))
      return unexpected(negated ? "`null` after `is not`" : "`null` or `not null` after `is`");
    const Span span{left.span.begin, token().span.end};
    const Span name_span{is.span.begin, token().span.end};
    ++at_;
    std::vector<Syntax> arguments;
    arguments.push_back(std::move(left));
    return call(negated ? "is not null" : "is null", name_span, span, std::move(arguments));
  }

  Result<Syntax> in_list(Syntax left, const Token& in) {
    PENSTOCK_TRY(expect_symbol("(", "after `in`"));
    std::vector<Syntax> arguments;
    const std::size_t begin = left.span.begin;
    arguments.push_back(std::move(left));
    PENSTOCK_TRY(list(arguments, "in the list"));
    return call("in", in.span, {begin, tokens_[at_ - 1].span.end}, std::move(arguments));
  }

  Result<Syntax> between(Syntax left, const Token& keyword) {
    std::vector<Syntax> arguments;
    const std::size_t begin = left.span.begin;
    arguments.push_back(std::move(left));
    PENSTOCK_ASSIGN(Syntax low, infix(kCompare));
    arguments.push_back(std::move(low));
    PENSTOCK_TRY(expect_keyword("and", "between the two limits of `between`"));
    PENSTOCK_ASSIGN(Syntax high, infix(kCompare));
    const std::size_t end = high.span.end;
    arguments.push_back(std::move(high));
    return call("between", keyword.span, {begin, end}, std::move(arguments));
  }

  // Values up to the closing parenthesis, at least one.
  Status list(std::vector<Syntax>& arguments, std::string_view context) {
    do {
      PENSTOCK_ASSIGN(Syntax argument, infix(kAny));
      arguments.push_back(std::move(argument));
    } while (take_symbol(","));
    if (take_symbol(")")) return {};
    return unexpected(fmt::format("\",\" or \")\" {}", context));
  }

  Result<Syntax> prefix() {
    switch (token().kind) {
      case Token::Kind::kInteger: return integer(false, token().span.begin);
      case Token::Kind::kNumber: return number();
      case Token::Kind::kText: return leaf(Syntax::Kind::kText);
      case Token::Kind::kColumn: {
        Syntax column = leaf(Syntax::Kind::kColumn);
        column.quoted = true;
        return column;
      }
      case Token::Kind::kName: return following().is_symbol("(") ? function() : leaf(Syntax::Kind::kColumn);
      case Token::Kind::kKeyword: return keyword();
      case Token::Kind::kSymbol: return symbol();
      case Token::Kind::kEnd: break;
    }
    return unexpected("a value");
  }

  Syntax leaf(Syntax::Kind kind) {
    Token taken = take();
    return Syntax{kind, taken.span, taken.span, std::move(taken.word)};
  }

  // The sign belongs to the literal, as the smallest int64 has no positive counterpart.
  Result<Syntax> integer(bool negative, std::size_t begin) {
    Syntax literal = leaf(Syntax::Kind::kInteger);
    literal.span.begin = begin;
    std::string digits = std::move(literal.name);
    if (negative) digits.insert(digits.begin(), '-');
    if (parse_int64(digits, literal.integer) == ParseOutcome::kOk) return literal;
    return error_at(text_, literal.span, "the integer does not fit into 64 bits")
        .hint(fmt::format("from {} to {}; write it with a point for a float64",
                          std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()));
  }

  Result<Syntax> number() {
    Syntax literal = leaf(Syntax::Kind::kNumber);
    if (parse_float64(literal.name, literal.number) == ParseOutcome::kOk) return literal;
    return error_at(text_, literal.span, "the number is too large for a float64");
  }

  Result<Syntax> keyword() {
    if (token().word == "null") return leaf(Syntax::Kind::kNull);
    if (token().word == "true" || token().word == "false") {
      Syntax literal = leaf(Syntax::Kind::kBool);
      literal.integer = literal.name == "true" ? 1 : 0;
      return literal;
    }
    if (token().word == "case") return case_of();
    if (token().word == "not") {
      const Token sign = take();
      PENSTOCK_ASSIGN(Syntax operand, infix(kNot));
      return unary(sign, "not", std::move(operand));
    }
    return unexpected("a value").hint("a column of that name stands in double quotes");
  }

  Result<Syntax> symbol() {
    if (token().word == "(") return parentheses();
    if (token().word != "-" && token().word != "+") return unexpected("a value");
    const Token sign = take();
    if (sign.word == "-" && token().kind == Token::Kind::kInteger) return integer(true, sign.span.begin);
    PENSTOCK_ASSIGN(Syntax operand, infix(kSign));
    return unary(sign, sign.word == "-" ? "unary -" : "unary +", std::move(operand));
  }

  Result<Syntax> parentheses() {
    const std::size_t begin = take().span.begin;
    PENSTOCK_ASSIGN(Syntax inner, infix(kAny));
    PENSTOCK_TRY(expect_symbol(")", "to close the parenthesis"));
    inner.span = {begin, tokens_[at_ - 1].span.end};
    inner.grouped = true;
    return inner;
  }

  Result<Syntax> function() {
    const Token name = take();
    ++at_;  // (
    std::vector<Syntax> arguments;
    if (!take_symbol(")")) PENSTOCK_TRY(list(arguments, fmt::format("in the arguments of {}", name.word)));
    return call(name.word, name.span, {name.span.begin, tokens_[at_ - 1].span.end}, std::move(arguments));
  }

  Result<Syntax> case_of() {
    const Token head = take();
    if (!token().is_keyword("when")) {
      return unexpected("`when` after `case`").hint("write case when x = 1 then … when x = 2 then … else … end");
    }
    std::vector<Syntax> arguments;
    while (take_keyword("when")) {
      PENSTOCK_ASSIGN(Syntax condition, infix(kAny));
      PENSTOCK_TRY(expect_keyword("then", "after the condition of `when`"));
      PENSTOCK_ASSIGN(Syntax value, infix(kAny));
      arguments.push_back(std::move(condition));
      arguments.push_back(std::move(value));
    }
    arguments.emplace_back();
    if (take_keyword("else")) {
      PENSTOCK_ASSIGN(arguments.back(), infix(kAny));
    }
    if (!take_keyword("end")) return unexpected("`when`, `else` or `end` in `case`");
    return call("case", head.span, {head.span.begin, tokens_[at_ - 1].span.end}, std::move(arguments));
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::uint32_t recursion_ = 0;
};

}  // namespace

Result<Syntax> parse(std::string_view text) {
  PENSTOCK_ASSIGN(std::vector<Token> tokens, tokenize(text));
  return Parser(text, std::move(tokens)).run();
}

}  // namespace penstock::expression
