// SPDX-License-Identifier: MIT
#include "store/json_writer.h"

#include <charconv>
#include <cmath>

#include "data/json_text.h"
#include "data/number_text.h"

namespace penstock {

void JsonWriter::new_line() {
  if (form_ == Form::kCompact) return;
  text_ += '\n';
  text_.append(2 * depth_, ' ');
}

// What stands before a value or a name.
void JsonWriter::separate() {
  if (has_key_) {
    has_key_ = false;
    return;
  }
  if (depth_ == 0) return;
  if (!first_) text_ += ',';
  first_ = false;
  new_line();
}

JsonWriter& JsonWriter::begin(char bracket) {
  separate();
  text_ += bracket;
  ++depth_;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::end(char bracket) {
  --depth_;
  if (!first_) new_line();
  text_ += bracket;
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_text(text_, name);
  text_ += form_ == Form::kLines ? ": " : ":";
  has_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_json_text(text_, text);
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) { return json(truth ? "true" : "false"); }

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  char digits[kMostFloat64Text];
  return json({digits, format_float64(digits, number)});
}

JsonWriter& JsonWriter::value(std::uint64_t number) {
  char digits[kMostInt64Text];
  return json({digits, std::to_chars(digits, digits + sizeof digits, number).ptr});
}

JsonWriter& JsonWriter::value(std::int64_t number) {
  char digits[kMostInt64Text];
  return json({digits, format_int64(digits, number)});
}

JsonWriter& JsonWriter::null() { return json("null"); }

JsonWriter& JsonWriter::json(std::string_view text) {
  separate();
  for (std::size_t line = text.find('\n'); line != std::string_view::npos; line = text.find('\n')) {
    text_ += text.substr(0, line);  // texts in JSON hold no lines
    new_line();
    text.remove_prefix(line + 1);
  }
  text_ += text;
  return *this;
}

JsonWriter& JsonWriter::texts(std::string_view name, const std::vector<std::string>& list) {
  key(name).begin_array();
  for (const std::string& each : list) value(each);
  return end_array();
}

std::string json_on_lines(std::string_view compact) {
  std::string out;
  std::size_t depth = 0;
  const auto new_line = [&] { out.append(1, '\n').append(2 * depth, ' '); };
  for (std::size_t i = 0; i < compact.size(); ++i) {
    const char c = compact[i];
    if (c == '"') {  // up to the quote that closes it
      std::size_t end = i + 1;
      while (end < compact.size() && compact[end] != '"') end += compact[end] == '\\' ? 2 : 1;
      out += compact.substr(i, end + 1 - i);
      i = end;
      continue;
    }
    const bool closes = c == '}' || c == ']';
    const char before = i > 0 ? compact[i - 1] : '\0';
    if (closes) --depth;
    if (closes && before != '{' && before != '[') new_line();
    out += c;
    if (c == ':') out += ' ';
    if (c == '{' || c == '[') {
      ++depth;
      const char next = i + 1 < compact.size() ? compact[i + 1] : '\0';
      if (next != '}' && next != ']') new_line();
    }
    if (c == ',') new_line();
  }
  return out + "\n";
}

std::string JsonWriter::document() && {
  text_ += '\n';
  return std::move(text_);
}

}  // namespace penstock
