// SPDX-License-Identifier: MIT
// JSON text for values of columns: what json.write, quarantine files and reports put into their lines.
#pragma once

#include <penstock/batch.h>

#include <string>
#include <string_view>

namespace penstock {

/// Appends `text` as a JSON string with its quotes (RFC 8259). Returns false when some bytes were not valid UTF-8; each
/// such byte became U+FFFD. Cost: linear, without allocation beyond `out`.
bool append_json_text(std::string& out, std::string_view text);

/// Appends one value of a column: null, number in its shortest form (NaN and infinities as strings "NaN", "Infinity",
/// "-Infinity"), true/false, string; timestamps as ISO 8601 strings in UTC, outside the years 0001 to 9999 as
/// microseconds.
void append_json_value(std::string& out, const Column& column, std::size_t row);

/// Appends the row as an object on one line: {"id":1,"country":"DE"}.
void append_json_row(std::string& out, const RecordBatch& batch, std::size_t row);

}  // namespace penstock
