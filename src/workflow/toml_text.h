// SPDX-License-Identifier: MIT
// TOML as option values that know where they were written. The one place that catches what the TOML library throws.
#pragma once

#include <penstock/operator.h>

#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// A key of a table, its value, and where both stand. Tables inside are `children`, lists of tables are `tables`; every
/// other value is in `value`.
struct TomlEntry;

/// The entries of a table in the order in which they were written.
struct TomlTable {
  std::vector<TomlEntry> entries;
  Place place;
  const TomlEntry* find(std::string_view name) const noexcept;
};

struct TomlEntry {
  enum class Kind : std::uint8_t { kValue, kTable, kTables };
  std::string name;
  Place key_place;
  Kind kind = Kind::kValue;
  OptionValue value;  ///< Of any kind; tables and lists of tables are here too, as values, but of a list of tables at
                      ///< the top of the document only the first.
  std::vector<TomlTable> tables;  ///< One for a table, all for a list of tables.
};

/// Reads a TOML 1.0 document. `file` names it in places and messages. Dates and times become texts as in ISO 8601.
/// Errors: kInvalidArgument at "file:line:column", with the line and a caret below it.
Result<TomlTable> parse_toml(std::string_view text, const std::string& file);

/// Returns "  12 | name = \n     |        ^" for the place in `text`, or an empty text when there is no such line.
std::string source_line_with_caret(std::string_view text, std::uint32_t line, std::uint32_t column);

}  // namespace penstock
