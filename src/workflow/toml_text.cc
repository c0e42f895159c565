// SPDX-License-Identifier: MIT
#include "workflow/toml_text.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

namespace penstock {

const TomlEntry* TomlTable::find(std::string_view name) const noexcept {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

namespace {

Place place_of(const toml::source_region& source, const std::string& file) {
  return {file, static_cast<std::uint32_t>(source.begin.line), static_cast<std::uint32_t>(source.begin.column)};
}

template <class T>
std::string text_of_time(const T& time) {
  std::ostringstream text;
  text << time;
  return text.str();
}

OptionValue to_value(const toml::node& node, const std::string& file);

// The library keeps the keys sorted by name; what the user wrote first comes first again.
std::vector<std::pair<const toml::key*, const toml::node*>> in_order(const toml::table& table) {
  std::vector<std::pair<const toml::key*, const toml::node*>> entries;
  for (const auto& [key, node] : table) entries.emplace_back(&key, &node);
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    const auto& left = a.first->source().begin;
    const auto& right = b.first->source().begin;
    return left.line != right.line ? left.line < right.line : left.column < right.column;
  });
  return entries;
}

OptionValue table_value(const toml::table& table, const std::string& file) {
  OptionValue::Table entries;
  for (const auto& [key, node] : in_order(table)) entries.push_back({std::string(key->str()), to_value(*node, file)});
  return entries;
}

OptionValue list_value(const toml::array& array, const std::string& file) {
  OptionValue::List values;
  for (const toml::node& node : array) values.push_back(to_value(node, file));
  return values;
}

OptionValue to_value(const toml::node& node, const std::string& file) {
  OptionValue value;
  if (const auto* const boolean = node.as_boolean()) value = OptionValue(boolean->get());
  if (const auto* const integer = node.as_integer()) value = OptionValue(integer->get());
  if (const auto* const number = node.as_floating_point()) value = OptionValue(number->get());
  if (const auto* const text = node.as_string()) value = OptionValue(text->get());
  if (const auto* const date = node.as_date()) value = OptionValue(text_of_time(date->get()));
  if (const auto* const time = node.as_time()) value = OptionValue(text_of_time(time->get()));
  if (const auto* const moment = node.as_date_time()) value = OptionValue(text_of_time(moment->get()));
  if (const auto* const array = node.as_array()) value = list_value(*array, file);
  if (const auto* const table = node.as_table()) value = table_value(*table, file);
  value.place = place_of(node.source(), file);
  return value;
}

// Below `kTop` lists of tables become values too; at the top, where there may be thousands of stages, of such a list
// only the first one does, which messages show.
enum class Level : std::uint8_t { kTop, kInside };

TomlTable to_table(const toml::table& table, const std::string& file, Level level) {
  TomlTable result;
  result.place = place_of(table.source(), file);
  for (const auto& [key, node] : in_order(table)) {
    TomlEntry entry;
    entry.name = key->str();
    entry.key_place = place_of(key->source(), file);
    const auto* const array = node->as_array();
    const bool tables = array != nullptr && !array->empty() && array->is_homogeneous(toml::node_type::table);
    if (tables && level == Level::kTop) {
      entry.value = OptionValue(OptionValue::List{to_value(*array->get(0), file)});
      entry.value.place = place_of(node->source(), file);
    } else {
      entry.value = to_value(*node, file);
    }
    if (const auto* const inner = node->as_table()) {
      entry.kind = TomlEntry::Kind::kTable;
      entry.tables.push_back(to_table(*inner, file, Level::kInside));
    }
    if (tables) {
      entry.kind = TomlEntry::Kind::kTables;
      for (const toml::node& element : *array)
        entry.tables.push_back(to_table(*element.as_table(), file, Level::kInside));
    }
    result.entries.push_back(std::move(entry));
  }
  return result;
}

}  // namespace

std::string source_line_with_caret(std::string_view text, std::uint32_t line, std::uint32_t column) {
  if (line == 0) return {};
  for (std::uint32_t skip = 1; skip < line; ++skip) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  // Long lines are cut around the place, and what would move the cursor becomes a space.
  constexpr std::size_t kMostBefore = 60;
  constexpr std::size_t kMostShown = 100;
  const std::size_t at = column == 0 ? 0 : std::min<std::size_t>(column - 1, text.size());
  const std::size_t from = at > kMostBefore ? at - kMostBefore : 0;
  std::string shown;
  for (const char c : text.substr(from, kMostShown))
    shown += c == '\t' || static_cast<unsigned char>(c) >= 0x20 ? c : ' ';
  std::replace(shown.begin(), shown.end(), '\t', ' ');
  return fmt::format("{:>4} | {}\n     | {:>{}}", line, shown, '^', at - from + 1);
}

namespace {

constexpr std::size_t kMostKeyParts = 256;

bool stands_in_dotted_keys(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-. \t\"'").find(c) != std::string_view::npos;
}

// The parser recurses once per part of a dotted key or header, without a limit of its own: a.a.a… could use up the
// stack. What looks like such a key inside a text counts too; texts with 256 parts on a line do not occur in pipeline
// files.
Status check_key_depth(std::string_view text, const std::string& file) {
  Place place{file, 1, 1};
  std::size_t parts = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') ++place.line;
    if (!stands_in_dotted_keys(text[i])) {
      parts = 1;
    } else if (text[i] == '.' && i > 0 && text[i - 1] != '.' && ++parts > kMostKeyParts) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("a dotted key of more than {} parts", kMostKeyParts))
          .at(place.to_text())
          .hint("the tables of pipeline files are three deep");
    }
  }
  return {};
}

}  // namespace

Result<TomlTable> parse_toml(std::string_view text, const std::string& file) {
  PENSTOCK_TRY(check_key_depth(text, file));
  try {
    return to_table(toml::parse(text, std::string_view(file)), file, Level::kTop);
  } catch (const toml::parse_error& error) {
    const Place place = place_of(error.source(), file);
    std::string message = fmt::format("not valid TOML: {}", error.description());
    const std::string line = source_line_with_caret(text, place.line, place.column);
    if (!line.empty()) message += "\n" + line;
    return Error(ErrorCode::kInvalidArgument, std::move(message)).at(place.to_text());
  }
}

}  // namespace penstock
