// SPDX-License-Identifier: MIT
// From cells to columns: the inner loops of csv.read, one pass per column over the rows of a batch, so that the switch
// over types and options stands outside and one column's code and data stay in the cache.
#pragma once

#include <penstock/batch.h>

#include <string>
#include <vector>

#include "data/parse_outcome.h"
#include "operators/io/csv/splitter.h"

namespace penstock::csv {

/// Rows of one index that have the right number of cells, and which of these turned out bad. Reused from batch to
/// batch.
class RowSet {
 public:
  /// Starts anew with room for `rows` rows.
  void start(const Index& index, std::size_t rows);
  void push(const Row& row) noexcept { first_[size_++] = row.first; }
  /// Call once after the last push.
  void seal();

  std::size_t size() const noexcept { return size_; }
  const Index& index() const noexcept { return *index_; }
  const std::uint32_t* firsts() const noexcept { return first_.data(); }
  /// Marks a row because of column `column` (position in the batch); the first column of a row stays.
  void mark_bad(std::size_t row, std::size_t column) noexcept {
    if (bad_[row] == 0) ++num_bad_;
    if (bad_[row] == 0 || column + 1 < bad_[row]) bad_[row] = static_cast<std::uint32_t>(column) + 1;
  }
  std::size_t num_bad() const noexcept { return num_bad_; }
  bool is_bad(std::size_t row) const noexcept { return bad_[row] != 0; }
  std::size_t bad_column(std::size_t row) const noexcept { return bad_[row] - 1; }
  /// Drops the bad rows. `kept()` holds the former positions of those that are left, when some were dropped.
  void drop_bad();
  const std::vector<std::uint32_t>& kept() const noexcept { return kept_; }

 private:
  const Index* index_ = nullptr;
  std::size_t size_ = 0;
  std::size_t num_bad_ = 0;
  std::vector<std::uint32_t> first_;
  std::vector<std::uint32_t> bad_;
  std::vector<std::uint32_t> kept_;
};

/// How the cells of one column are read.
struct CellRules {
  bool quoting = true;
  char quote = '"';
  bool trim = false;
  bool empty_is_null = true;                  ///< The text "" is one of the null texts.
  std::vector<std::string> other_nulls = {};  ///< The null texts that are not empty.
  explicit CellRules(const Dialect& dialect);

  /// Texts of cells can be taken as they are, and only empty ones are null.
  bool plain() const noexcept { return !trim && other_nulls.empty() && empty_is_null; }
  bool is_null(std::string_view text) const noexcept;
};

/// One column to be read.
struct ColumnPlan {
  std::uint32_t cell = 0;  ///< Position in the file's rows.
  bool last = false;       ///< It is the last cell of a row, which may end with a CR.
  bool inferred = false;   ///< Nobody gave the type.
  Field field;
};

/// The value of a cell, for the rare cases: unquoted into `scratch` where needed.
struct CellValue {
  std::string_view text;
  bool null = false;
};
CellValue value_of(const Cell& cell, const CellRules& rules, std::string& scratch);

/// Reads the text as a value of `type` and forgets it. kUtf8 is always kOk.
ParseOutcome try_parse(Type type, std::string_view text) noexcept;

/// Parses one column other than utf8; marks rows that do not fit. Up to 64 bytes before and behind those of the index
/// must be readable.
Column parse_fixed(const ColumnPlan& plan, std::size_t column, const CellRules& rules, RowSet& rows, BufferPool& pool);
/// Copies one utf8 column.
Column parse_text(const ColumnPlan& plan, const CellRules& rules, const RowSet& rows, BufferPool& pool);
/// Marks rows whose cell of this column is not valid UTF-8.
void check_utf8(const ColumnPlan& plan, std::size_t column, RowSet& rows);

}  // namespace penstock::csv
