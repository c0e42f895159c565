// SPDX-License-Identifier: MIT
// What csv.read must make of a file, by the plain state machine of reference.h and one cell at a time; the tests and
// the fuzzer compare csv.read with it, nothing else uses it.
#pragma once

#include <penstock/testing.h>
#include <simdjson.h>

#include <algorithm>
#include <string>
#include <vector>

#include "data/json_text.h"
#include "data/number_text.h"
#include "operators/io/csv/reference.h"
#include "operators/io/csv_read.h"

namespace penstock::csv {

/// Rows as JSON, and the places of the rejected ones.
struct ReferenceRead {
  struct Rejected {
    std::uint64_t record;
    std::uint64_t line;
    std::uint64_t offset;
    friend bool operator==(const Rejected&, const Rejected&) = default;
  };
  std::vector<std::string> rows = {};
  std::vector<Rejected> rejected = {};
  std::uint64_t blank = 0;

  friend bool operator==(const ReferenceRead&, const ReferenceRead&) = default;
};

/// Appends the cell as JSON; false when it does not fit `type`, which is int64 or utf8.
inline bool append_reference_cell(std::string& json, std::string cell, Type type, const Dialect& dialect) {
  const bool quoted = dialect.quoting && !cell.empty() && cell[0] == dialect.quote;
  std::string value;
  if (quoted) {
    for (std::size_t i = 1; i + 1 < cell.size(); ++i) {
      value += cell[i];
      if (cell[i] == dialect.quote) ++i;
    }
  } else {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (dialect.trim && !cell.empty() && blank(cell.front())) cell.erase(0, 1);
    while (dialect.trim && !cell.empty() && blank(cell.back())) cell.pop_back();
    value = cell;
    if (std::find(dialect.null_texts.begin(), dialect.null_texts.end(), value) != dialect.null_texts.end()) {
      json += "null";
      return true;
    }
  }
  std::int64_t number = 0;
  if (type == Type::kUtf8) return append_json_text(json, value);
  if (parse_int64(value, number) != ParseOutcome::kOk) return false;
  json += std::to_string(number);
  return true;
}

/// Reads `text`, a file without header, as `fields`, all of its columns.
inline ReferenceRead reference_read(std::string_view text, const std::vector<Field>& fields, const Dialect& dialect) {
  ReferenceRead read;
  std::uint64_t record = 0;
  const std::size_t mark = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  for (const ReferenceRow& row : reference_split(text.substr(mark), dialect, fields.size())) {
    if ((row.flags & kBlankRow) != 0) {
      ++read.blank;
      continue;
    }
    std::string json = "{";
    bool good = (row.flags & kRejectedRow) == 0;
    for (std::size_t c = 0; good && c < fields.size(); ++c) {
      json += (c == 0 ? "\"" : ",\"") + fields[c].name + "\":";
      good = append_reference_cell(json, row.cells[c], fields[c].type, dialect);
    }
    if (good) {
      read.rows.push_back(json + "}");
    } else {
      read.rejected.push_back({record, row.line, row.offset + mark});
    }
    ++record;
  }
  return read;
}

inline ReferenceRead as_reference(const testing::HarnessResult& result, const CsvRead& source) {
  ReferenceRead read{.rows = result.rows(), .blank = source.blank_lines()};
  for (const Rejection& rejection : result.rejections) {
    read.rejected.push_back({rejection.record, rejection.line, rejection.offset});
  }
  return read;
}

/// Reads the file at `path` with csv.read into the same form, whole and divided among two readers. `error` gets what
/// ended the run, if anything did, or says that the two differ.
inline ReferenceRead read_like_reference(const std::string& path, const std::vector<Field>& fields,
                                         const Dialect& dialect, std::size_t block_bytes, std::size_t batch_size,
                                         std::string& error) {
  ReadOptions options{.paths = {path}, .dialect = dialect, .types = fields, .block_bytes = block_bytes};
  for (const Field& field : fields) options.names.push_back(field.name);
  options.dialect.header = false;
  CsvRead source(options);
  const testing::HarnessOptions how = {.batch_size = batch_size, .on_error = {.action = ErrorPolicy::Action::kSkip}};
  const testing::HarnessResult result = testing::run_source(source, how);
  error = result.error();
  ReferenceRead read = as_reference(result, source);
  CsvRead cutter(options);
  CsvRead first(options);
  CsvRead second(options);
  const testing::HarnessResult divided = testing::run_divided(cutter, {&first, &second}, how);
  const bool same = as_reference(divided, cutter) == read && cutter.records() == source.records();
  if (divided.error() != error || !same) error += "divided, it reads something else: " + divided.error();
  return read;
}

}  // namespace penstock::csv
