// SPDX-License-Identifier: MIT
#include "operators/io/json/json_check.h"

namespace penstock::json {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// A recursive descent over the grammar of RFC 8259; each function steps over what it accepts.
class Checker {
 public:
  explicit Checker(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool whole_value() {
    blanks();
    if (!value(0)) return false;
    blanks();
    return at_ == end_;
  }
  const char* after_value() { return value(0) ? at_ : nullptr; }
  bool whole_number() { return number() && at_ == end_; }

 private:
  bool next_is(char c) const noexcept { return at_ != end_ && *at_ == c; }
  bool take(char c) noexcept {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }
  void blanks() noexcept {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }
  bool digits() noexcept {
    const char* const begin = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != begin;
  }
  bool word(std::string_view text) noexcept {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  bool number() noexcept {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits();
  }
  bool hex4() noexcept {
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ == end_) return false;
      const char c = *at_;
      if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) return false;
    }
    return true;
  }
  bool escape() noexcept {
    if (take('u')) return hex4();
    if (at_ == end_ || std::string_view("\"\\/bfnrt").find(*at_) == std::string_view::npos) return false;
    ++at_;
    return true;
  }
  bool string() noexcept {
    if (!take('"')) return false;
    while (at_ != end_) {
      const char c = *at_++;
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c == '\\' && !escape()) return false;
    }
    return false;
  }
  bool member(int depth) {
    blanks();
    if (!string()) return false;
    blanks();
    return take(':') && element(depth);
  }
  bool element(int depth) {
    blanks();
    if (!value(depth)) return false;
    blanks();
    return true;
  }
  bool object(int depth) {
    blanks();
    if (take('}')) return true;
    do {
      if (!member(depth)) return false;
    } while (take(','));
    return take('}');
  }
  bool array(int depth) {
    blanks();
    if (take(']')) return true;
    do {
      if (!element(depth)) return false;
    } while (take(','));
    return take(']');
  }
  bool value(int depth) {
    if (at_ == end_) return false;
    switch (*at_) {
      case '{': ++at_; return depth < kMostDepth && object(depth + 1);
      case '[': ++at_; return depth < kMostDepth && array(depth + 1);
      case '"': return string();
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: return number();
    }
  }

  const char* at_;
  const char* end_;
};

}  // namespace

bool is_number(std::string_view text) noexcept { return Checker(text).whole_number(); }
bool is_integer(std::string_view text) noexcept {
  return is_number(text) && text.find_first_of(".eE") == std::string_view::npos;
}
bool is_value(std::string_view text) noexcept { return Checker(text).whole_value(); }
std::size_t value_length(std::string_view text) noexcept {
  const char* const end = Checker(text).after_value();
  return end == nullptr ? 0 : static_cast<std::size_t>(end - text.data());
}

}  // namespace penstock::json
