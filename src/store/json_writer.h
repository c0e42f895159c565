// SPDX-License-Identifier: MIT
// JSON written from front to back: what documents of a run with thousands of stages are made with, at a fraction of
// the cost of building them as values first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock {

/// Writes one document. Members and elements go where they are added; commas and lines come by themselves. Texts that
/// are no UTF-8 get U+FFFD for each wrong byte. Thread-compatible.
class JsonWriter {
 public:
  /// `kLines` writes as `json_document` does: each member on a line of its own, two spaces deeper; `kCompact` all on
  /// one line.
  enum class Form : std::uint8_t { kLines, kCompact };
  explicit JsonWriter(Form form = Form::kLines) : form_(form) {}

  JsonWriter& begin_object() { return begin('{'); }
  JsonWriter& end_object() { return end('}'); }
  JsonWriter& begin_array() { return begin('['); }
  JsonWriter& end_array() { return end(']'); }
  /// The name of the member whose value comes next.
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth);
  JsonWriter& value(double number);  ///< null for what is no number in JSON: NaN and infinities.
  JsonWriter& value(std::uint64_t number);
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(std::uint32_t number) { return value(static_cast<std::uint64_t>(number)); }
  JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
  JsonWriter& null();
  /// A value that is JSON already; its lines are moved to where it stands.
  JsonWriter& json(std::string_view text);

  template <class T>
  JsonWriter& member(std::string_view name, const T& of) {
    return key(name).value(of);
  }
  JsonWriter& texts(std::string_view name, const std::vector<std::string>& list);

  const std::string& text() const& noexcept { return text_; }
  /// Without what closes objects that are still open.
  std::string text() && noexcept { return std::move(text_); }
  /// The document with a line end.
  std::string document() &&;

 private:
  JsonWriter& begin(char bracket);
  JsonWriter& end(char bracket);
  void separate();
  void new_line();

  std::string text_;
  std::size_t depth_ = 0;
  Form form_;
  bool first_ = true;     ///< Nothing is in the object or list at hand.
  bool has_key_ = false;  ///< The value's name stands there already.
};

/// Puts JSON that stands on one line, as `kCompact` writes it, on several, as `kLines` does, with a line end.
std::string json_on_lines(std::string_view compact);

}  // namespace penstock
