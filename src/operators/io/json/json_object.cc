// SPDX-License-Identifier: MIT
#include "operators/io/json/json_object.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "operators/io/json/json_check.h"
#include "operators/io/typed_text.h"

namespace penstock::json {
namespace {

using simdjson::error_code;

// In our words; simdjson's own speak of its functions.
std::string_view words_for(error_code code) noexcept {
  switch (code) {
    case error_code::UTF8_ERROR: return "invalid UTF-8";
    case error_code::UNCLOSED_STRING: return "a string is not closed";
    case error_code::UNESCAPED_CHARS: return "a control character inside a string must be escaped";
    case error_code::INCOMPLETE_ARRAY_OR_OBJECT: return "the object is not closed";
    case error_code::STRING_ERROR: return "an escape in a string is wrong";
    case error_code::MEMALLOC: return "out of memory";
    default: return "a comma, colon, quote or brace is missing or too many";
  }
}

std::string_view without_blanks(std::string_view text) noexcept {
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);  // npos + 1: nothing left
}

Kind kind_of(char first) noexcept {
  switch (first) {
    case '"': return Kind::kString;
    case '{': return Kind::kObject;
    case '[': return Kind::kArray;
    case 't':
    case 'f': return Kind::kBool;
    case 'n': return Kind::kNull;
    default: return Kind::kNumber;
  }
}

bool is_scalar(Kind kind, std::string_view text) noexcept {
  switch (kind) {
    case Kind::kNull: return text == "null";
    case Kind::kBool: return text == "true" || text == "false";
    default: return is_number(text);
  }
}

}  // namespace

const char* to_string(Kind kind) noexcept {
  static constexpr const char* kNames[] = {"null", "a bool", "a number", "a string", "an object", "an array"};
  return kNames[static_cast<std::size_t>(kind)];
}

bool ObjectReader::broken(error_code code) {
  reason_ = fmt::format("broken JSON: {}", words_for(code));
  return false;
}

bool ObjectReader::broken(std::string_view what, const char* where) {
  reason_ = fmt::format("broken JSON at byte {}: {}", where - line_.data() + 1, what);
  return false;
}

bool ObjectReader::start(std::string_view line) {
  reason_.clear();
  line_ = line;
  first_ = true;
  const std::size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos || line[begin] != '{') {
    reason_ = fmt::format("expected a JSON object, found {}", excerpt(line));
    return false;
  }
  if (line.size() > parser_.capacity()) {
    const error_code code = parser_.allocate(std::max(line.size(), 2 * parser_.capacity()), parser_.max_depth());
    if (code != error_code::SUCCESS) return broken(code);
  }
  const simdjson::padded_string_view padded(line.data(), line.size(), line.size() + kPaddingBytes);
  if (const error_code code = parser_.iterate(padded).get(document_)) return broken(code);
  if (const error_code code = document_.get_object().get(object_)) return broken(code);
  if (const error_code code = object_.begin().get(at_)) return broken(code);
  if (const error_code code = object_.end().get(end_)) return broken(code);
  return true;
}

bool ObjectReader::next(Member& member) {
  if (!first_) ++at_;
  first_ = false;
  if (at_ == end_) {
    // An error inside ends the iteration, too; only the whole object leaves the place behind the last token.
    const char* where = nullptr;
    if (document_.current_location().get(where) != error_code::OUT_OF_BOUNDS) return broken(error_code::TAPE_ERROR);
    return false;
  }
  if (const error_code code = (*at_).get(field_)) return broken(code);
  key_read_ = false;
  const char* const key = field_.key().raw();
  member.raw_key = std::string_view(key, static_cast<std::size_t>(line_.data() + line_.size() - key));
  return read_value(member);
}

bool ObjectReader::key(std::string_view& key) {
  if (!key_read_) {  // simdjson gives it once only
    if (const error_code code = field_.unescaped_key().get(key_)) return broken(code);
    key_read_ = true;
  }
  key = key_;
  return true;
}

bool ObjectReader::read_value(Member& member) {
  simdjson::ondemand::value& value = field_.value();
  const std::string_view token = without_blanks(value.raw_json_token());
  if (token.empty()) return broken(error_code::TAPE_ERROR);
  member.kind = kind_of(token.front());
  member.text = token;
  if (member.kind == Kind::kString) return read_string(member);
  if (member.kind == Kind::kObject || member.kind == Kind::kArray) {
    const char* const begin = token.data();
    const std::string_view rest(begin, static_cast<std::size_t>(line_.data() + line_.size() - begin));
    member.text = rest.substr(0, value_length(rest));  // simdjson steps over it with the next member
    return !member.text.empty() || broken("the nested value is not JSON, or nested too deep", begin);
  }
  return is_scalar(member.kind, token) ||
         broken(fmt::format("expected a value, found {}", excerpt(token)), token.data());
}

bool ObjectReader::read_string(Member& member) {
  simdjson::ondemand::value& value = field_.value();
  const std::string_view token = member.text;
  if (token.size() < 2 || token.back() != '"') return broken(error_code::UNCLOSED_STRING);
  member.text = token.substr(1, token.size() - 2);
  if (member.text.empty() || std::memchr(member.text.data(), '\\', member.text.size()) == nullptr) {
    simdjson::ondemand::raw_json_string raw;  // steps over the string without looking at it
    const error_code code = value.get_raw_json_string().get(raw);
    return code == error_code::SUCCESS || broken(code);
  }
  const error_code code = value.get_string().get(member.text);
  return code == error_code::SUCCESS || broken(words_for(code), token.data());
}

}  // namespace penstock::json
