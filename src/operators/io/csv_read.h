// SPDX-License-Identifier: MIT
// csv.read: rows of CSV files as record batches. docs/guide/csv.md says what is read and what is rejected.
#pragma once

#include <penstock/operator.h>

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "operators/io/csv/column_parse.h"
#include "operators/io/csv/read_options.h"
#include "operators/io/csv/row_reader.h"

namespace penstock {
namespace csv {
class TypeInference;
}

/// Reads CSV files.
///
/// Out:      record batches of `options.columns`, or of all columns of the file; at most `batch_size` rows each.
/// Order:    of the rows in the files, of the files in `options.paths`, of globbed files by the bytes of their paths.
/// Errors:   bind: missing or unreadable files, a header that is missing or not usable, unknown columns. produce: files
/// that are
///           changed while they are read, corrupt compressed files, headers that differ. Rows that are malformed, have
///           the wrong number of cells or a value that does not fit its column's type are rejected.
/// State:    one block and one index per instance; see csv::RowReader. Divisible unless it reads a pipe: one instance
///           reads files and finds rows, others make columns of them.
/// Cost:     linear in the bytes; per row some nanoseconds per column that is asked for.
class CsvRead final : public Source {
 public:
  explicit CsvRead(csv::ReadOptions options);
  ~CsvRead() override;

  Result<StreamType> bind(const StreamType& input) override;
  OperatorTraits traits() const override { return {.divisible = seekable_, .saves = seekable_}; }
  std::string note() const override;
  Status open(OperatorContext& context) override;
  Result<Next> produce(Emitter& out) override;
  Result<std::unique_ptr<SourcePiece>> cut(std::unique_ptr<SourcePiece> spent) override;
  Status read(SourcePiece& piece, Emitter& out) override;
  Status merge(Operator& other) override;
  Status save(StateWriter& to) override;
  Status restore(StateReader& from) override;
  SourceProgress progress() const noexcept override;

  /// Lines without a byte so far; they are no rows.
  std::uint64_t blank_lines() const noexcept { return blank_lines_; }
  /// Rows so far with a quote inside an unquoted cell.
  std::uint64_t stray_quotes() const noexcept { return stray_quotes_; }
  /// Rows so far, emitted and rejected.
  std::uint64_t records() const noexcept { return records_; }

 private:
  class Piece;
  Status open_file(std::size_t file, const csv::Splitter::Position& position = {});
  csv::Splitter::Position next_row_position() const;
  Result<bool> next_rows();
  Result<bool> next_rows_of_files();
  struct SharedRows;
  SharedRows& rows_to_share();
  Result<const csv::Row*> header_row();
  Result<std::vector<std::string>> read_names();
  Status check_header();
  Status plan_columns(std::vector<std::string> names);
  Status infer_types(std::vector<Field>& fields, const std::vector<bool>& given);
  Status sample(csv::TypeInference& inference);
  void look_at(const csv::Index& index, const csv::CutRow* cut_row);
  void check_text(std::size_t first_row, std::size_t count);
  void decide_like(const CsvRead& cutter);
  Result<RecordBatch> parse(const csv::Row* rows, std::size_t count);
  Status reject_rows(const csv::Row* rows, std::size_t count);
  Status reject_malformed(const csv::Row& row, std::uint64_t record);
  Status reject_value(const csv::Row& row, std::uint64_t record, std::size_t column);
  Status reject(const csv::Row& row, std::uint64_t record, std::string reason, std::string column);
  void report_progress() noexcept;

  csv::ReadOptions options_;
  csv::CellRules rules_;

  // Decided by bind.
  std::vector<std::string> files_;
  std::vector<std::string> header_;  // of the first file, as it stands there
  std::uint32_t num_cells_ = 0;      // per row
  std::vector<csv::ColumnPlan> plans_;
  SchemaPtr schema_;
  std::size_t sampled_rows_ = 0;
  bool has_text_ = false;
  bool seekable_ = false;  // no pipe among the files
  bool is_bound_ = false;

  // The work.
  BufferPool* pool_ = nullptr;
  RowErrors* errors_ = nullptr;
  const StopSignal* stop_ = nullptr;
  const OperatorContext* context_ = nullptr;
  std::size_t file_ = 0;  // index of the open one
  std::optional<csv::RowReader> reader_;
  bool have_index_ = false;
  std::size_t next_row_ = 0;  // in the index
  const csv::Index* index_ = nullptr;
  const csv::CutRow* cut_row_ = nullptr;
  bool index_is_utf8_ = true;
  csv::RowSet rows_;
  std::uint64_t records_ = 0;
  std::uint64_t first_record_ = 0;  // of the piece
  std::vector<std::unique_ptr<SharedRows>> shared_rows_;
  SharedRows* sharing_ = nullptr;  // of which pieces are cut
  std::uint64_t blank_lines_ = 0;
  std::uint64_t stray_quotes_ = 0;

  // Relaxed: read by whoever shows progress.
  std::uint64_t bytes_before_ = 0;  // of the files that are done
  std::atomic<std::uint64_t> bytes_done_{0};
  std::atomic<std::uint64_t> bytes_total_{0};
};

/// Registers csv.read and csv.write.
void add_csv_operators(Registry& registry);

}  // namespace penstock
