// SPDX-License-Identifier: MIT
// Walks the members of one JSON object in one line, with every value checked.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

namespace penstock::json {

enum class Kind : std::uint8_t { kNull, kBool, kNumber, kString, kObject, kArray };
/// Returns "null", "a bool", "a number", "a string", "an object" or "an array".
const char* to_string(Kind kind) noexcept;

/// A member of the object at hand.
struct Member {
  std::string_view raw_key;  ///< From behind its opening quote to the end of the line; escapes as they are.
  Kind kind = Kind::kNull;
  /// Of a string: its characters, unescaped. Of anything else: its JSON text, without blanks around it.
  std::string_view text;

  /// Says whether the key is `name`, at the cost of a comparison; false also for keys that are written with escapes.
  bool key_is(std::string_view name) const noexcept {
    return raw_key.size() > name.size() && raw_key[name.size()] == '"' && raw_key.starts_with(name);
  }
};

/// Reads objects out of lines.
///
/// Used by one worker. simdjson finds the structure and checks UTF-8 (Langdale and Lemire, "Parsing gigabytes of JSON
/// per second", 2019); each value is checked here, also where nobody wants it, so that every line is either JSON or
/// refused. The texts of a member stay valid until `next` is called. No allocation per line once the longest line was
/// seen.
class ObjectReader {
 public:
  /// Readable bytes that must follow each line.
  static constexpr std::size_t kPaddingBytes = simdjson::SIMDJSON_PADDING;

  /// Starts with a line. Returns false when it does not begin an object; see `reason`.
  bool start(std::string_view line);
  /// Steps to the next member; false at the end, or when the line is broken: then `reason` is not empty.
  bool next(Member& member);
  /// Returns the key of the member at hand, unescaped; false when it cannot be.
  bool key(std::string_view& key);
  /// What is wrong with the line; empty: nothing so far.
  const std::string& reason() const noexcept { return reason_; }

 private:
  bool broken(simdjson::error_code code);
  bool broken(std::string_view what, const char* where);
  bool read_value(Member& member);
  bool read_string(Member& member);

  simdjson::ondemand::parser parser_;
  std::string_view line_;
  simdjson::ondemand::document document_;
  simdjson::ondemand::object object_;
  simdjson::ondemand::object_iterator at_;
  simdjson::ondemand::object_iterator end_;
  simdjson::ondemand::field field_;
  bool first_ = true;
  bool key_read_ = false;
  std::string_view key_;
  std::string reason_;
};

}  // namespace penstock::json
