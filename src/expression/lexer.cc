// SPDX-License-Identifier: MIT
#include "expression/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace penstock::expression {
namespace {

constexpr std::string_view kKeywords[] = {"and",  "or",    "not",  "is",   "in",   "between", "null",
                                          "true", "false", "case", "when", "then", "else",    "end"};
constexpr std::string_view kSymbols[] = {"//", "||", "<=", ">=", "<>", "!=", "==", "+", "-",
                                         "*",  "/",  "%",  "<",  ">",  "=",  "(",  ")", ","};
// What other languages write, and what is written here.
constexpr std::array<std::array<std::string_view, 2>, 5> kForeign = {{{"&&", "write `and`"},
                                                                      {"!", "write `not`, or `<>` for unequal"},
                                                                      {"&", "write `and`"},
                                                                      {"^", "write pow(x, y)"},
                                                                      {";", "an expression has no ';' at its end"}}};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return result;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    while (skip_space(), at_ < text_.size()) PENSTOCK_TRY(next());
    push(Token::Kind::kEnd, at_, "");
    return std::move(tokens_);
  }

 private:
  Status next() {
    const char c = text_[at_];
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '\'' || c == '"' || c == '`') return quoted(c);
    if (is_name_start(c)) return name();
    return symbol();
  }

  char peek(std::size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  void push(Token::Kind kind, std::size_t begin, std::string word) {
    tokens_.push_back({kind, {begin, at_}, std::move(word)});
  }

  void skip_digits() {
    while (is_digit(peek(0))) ++at_;
  }

  Status number() {
    const std::size_t begin = at_;
    bool integer = true;
    skip_digits();
    if (peek(0) == '.' && peek(1) != '.') {
      integer = false;
      ++at_;
      skip_digits();
    }
    if (peek(0) == 'e' || peek(0) == 'E') {
      const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
      if (is_digit(peek(1 + sign))) {
        integer = false;
        at_ += 1 + sign;
        skip_digits();
      }
    }
    if (is_name_part(peek(0)) || peek(0) == '.') {
      while (is_name_part(peek(0)) || peek(0) == '.') ++at_;
      return error_at(text_, {begin, at_}, "this is no number")
          .hint("write 12, 0.5 or 1e9, without separators or unit");
    }
    push(integer ? Token::Kind::kInteger : Token::Kind::kNumber, begin, std::string(text_.substr(begin, at_ - begin)));
    return {};
  }

  // The quote is written twice to stand for itself.
  Status quoted(char quote) {
    const std::size_t begin = at_++;
    std::string word;
    for (;; ++at_) {
      if (at_ == text_.size()) {
        const char* const what = quote == '\'' ? "text without closing quote" : "column name without closing quote";
        return error_at(text_, {begin, at_}, what)
            .hint(fmt::format("close it with {0}; a {0} inside is written twice: {0}{0}", quote));
      }
      if (text_[at_] == quote) {
        if (peek(1) != quote) break;
        ++at_;
      }
      word += text_[at_];
    }
    ++at_;
    push(quote == '\'' ? Token::Kind::kText : Token::Kind::kColumn, begin, std::move(word));
    return {};
  }

  Status name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name_part(text_[at_])) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    std::string lowered = lower(word);
    const bool keyword = std::find(std::begin(kKeywords), std::end(kKeywords), lowered) != std::end(kKeywords);
    push(keyword ? Token::Kind::kKeyword : Token::Kind::kName, begin, keyword ? std::move(lowered) : std::string(word));
    return {};
  }

  Status symbol() {
    const std::size_t begin = at_;
    const std::string_view rest = text_.substr(at_);
    for (const std::string_view known : kSymbols) {
      if (!rest.starts_with(known)) continue;
      at_ += known.size();
      push(Token::Kind::kSymbol, begin, std::string(known));
      return {};
    }
    for (const auto& [foreign, advice] : kForeign) {
      if (!rest.starts_with(foreign)) continue;
      return error_at(text_, {begin, begin + foreign.size()},
                      fmt::format("\"{}\" is not part of the language", foreign))
          .hint(std::string(advice));
    }
    return error_at(text_, {begin, begin + 1}, "unexpected character")
        .hint("column names with other characters than letters, digits and '_' stand in double quotes");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view text) { return Lexer(text).run(); }

}  // namespace penstock::expression
