// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/operator.h>

#include <algorithm>

#include "base/check.h"
#include "data/json_text.h"

namespace penstock {

namespace {

// A basic string of TOML, which has the escapes of JSON.
std::string toml_text(std::string_view text) {
  std::string quoted;
  append_json_text(quoted, text);
  return quoted;
}

std::string toml_key(std::string_view name) {
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return bare ? std::string(name) : toml_text(name);
}

}  // namespace

std::string Place::to_text() const {
  if (file.empty()) return {};
  return line == 0     ? file
         : column == 0 ? fmt::format("{}:{}", file, line)
                       : fmt::format("{}:{}:{}", file, line, column);
}

OptionValue::OptionValue(List value) : kind_(Kind::kList), list_(std::make_shared<const List>(std::move(value))) {}
OptionValue::OptionValue(Table value) : kind_(Kind::kTable), table_(std::make_shared<const Table>(std::move(value))) {}

const char* OptionValue::kind_name() const noexcept {
  static constexpr const char* kNames[] = {"nothing", "a bool", "an integer", "a number",
                                           "a text",  "a list", "a table"};
  return kNames[static_cast<std::size_t>(kind_)];
}

std::string OptionValue::to_text() const {
  if (as_bool() != nullptr) return *as_bool() ? "true" : "false";
  if (as_integer() != nullptr) return fmt::format("{}", *as_integer());
  if (as_number() != nullptr) return fmt::format("{}", *as_number());
  if (as_text() != nullptr) return toml_text(*as_text());
  std::string text;
  if (as_list() != nullptr) {
    for (const OptionValue& value : *as_list()) text += (text.empty() ? "" : ", ") + value.to_text();
    return "[" + text + "]";
  }
  if (as_table() != nullptr) {
    for (const Entry& entry : *as_table()) {
      text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", toml_key(entry.name), entry.value.to_text());
    }
    return text.empty() ? "{}" : "{ " + text + " }";
  }
  return "nothing";
}

const char* to_string(OptionKind kind) noexcept {
  static constexpr const char* kNames[] = {"bool",     "integer", "number",     "text",        "choice", "bytes",
                                           "duration", "texts",   "expression", "expressions", "table",  "any"};
  return kNames[static_cast<std::size_t>(kind)];
}

Options& Options::set(std::string name, OptionValue value) {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.name == name; });
  if (found != entries_.end()) {
    found->value = std::move(value);
  } else {
    entries_.push_back({std::move(name), std::move(value)});
  }
  return *this;
}

const OptionValue* Options::find(std::string_view name) const noexcept {
  for (const OptionValue::Entry& entry : entries_) {
    if (entry.name == name) return &entry.value;
  }
  return nullptr;
}

namespace {

const OptionValue& require(const OptionValue* value) {
  PENSTOCK_CHECK(value != nullptr, "an operator asked for an option that is neither set nor has a default");
  return *value;
}

template <class T>
const T& require_kind(const T* value) {
  PENSTOCK_CHECK(value != nullptr, "an operator asked for an option as a kind other than its declared one");
  return *value;
}

}  // namespace

bool Options::boolean(std::string_view name) const { return require_kind(require(find(name)).as_bool()); }

std::int64_t Options::integer(std::string_view name) const { return require_kind(require(find(name)).as_integer()); }

double Options::number(std::string_view name) const {
  const OptionValue& value = require(find(name));
  if (value.as_integer() != nullptr) return static_cast<double>(*value.as_integer());
  return require_kind(value.as_number());
}

const std::string& Options::text(std::string_view name) const { return require_kind(require(find(name)).as_text()); }

std::vector<std::string> Options::texts(std::string_view name) const {
  std::vector<std::string> texts;
  for (const OptionValue& value : require_kind(require(find(name)).as_list()))
    texts.push_back(require_kind(value.as_text()));
  return texts;
}

const OptionValue::Table& Options::table(std::string_view name) const {
  return require_kind(require(find(name)).as_table());
}

Place Options::place(std::string_view name) const {
  const OptionValue* const value = find(name);
  return value == nullptr || value->place.file.empty() ? origin : value->place;
}

}  // namespace penstock
