// SPDX-License-Identifier: MIT
#include "operators/io/csv_read.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "data/row_runs.h"
#include "operators/io/csv/infer.h"
#include "operators/io/csv/reasons.h"
#include "operators/io/csv_write.h"
#include "platform/file.h"

namespace penstock {
namespace {

constexpr std::uint32_t kNoData = csv::kMalformedRow | csv::kBlankRow;
constexpr std::size_t kMostLongRowBytes = 1024;  // kept of a row that is too long

std::vector<std::string> cells_of(const csv::Index& index, const csv::Row& row, const csv::CellRules& rules) {
  std::vector<std::string> cells;
  std::string scratch;
  for (std::uint32_t c = 0; c < row.columns; ++c)
    cells.emplace_back(csv::value_of(index.cell(row, c), rules, scratch).text);
  return cells;
}

Result<std::vector<std::string>> expand(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    PENSTOCK_ASSIGN(const std::vector<std::string> matches, expand_glob(path));
    files.insert(files.end(), matches.begin(), matches.end());
  }
  return files;
}

// Where two headers differ first, in words.
std::string difference(const std::vector<std::string>& first, const std::vector<std::string>& other) {
  for (std::size_t i = 0; i < std::min(first.size(), other.size()); ++i) {
    if (first[i] != other[i])
      return fmt::format("column {} is {}, not {}", i + 1, csv::excerpt(other[i]), csv::excerpt(first[i]));
  }
  return fmt::format("it has {} columns, not {}", other.size(), first.size());
}

}  // namespace

/// Rows that were found together, of which each piece has some. Belongs to the instance that cuts; only the rows are
/// looked at by others.
struct CsvRead::SharedRows {
  csv::RowBlock rows = {};
  std::size_t file = 0;
  std::size_t next_row = 0;  // of the next piece
  std::size_t pieces = 0;    // that are not spent
};

/// Some rows of one file, no more than a batch: so what happens to them happens in the order of the batches.
class CsvRead::Piece final : public SourcePiece {
 public:
  const CsvRead* cutter = nullptr;
  SharedRows* shared = nullptr;
  std::size_t first_row = 0;
  std::size_t count = 0;
};

CsvRead::CsvRead(csv::ReadOptions options) : options_(std::move(options)), rules_(options_.dialect) {}

CsvRead::~CsvRead() = default;

// ---- Before the first record: files, names, types ------------------------------------------------------------------

Result<StreamType> CsvRead::bind(const StreamType&) {
  PENSTOCK_ASSIGN(files_, expand(options_.paths));
  PENSTOCK_TRY(open_file(0));
  PENSTOCK_ASSIGN(std::vector<std::string> names, read_names());
  PENSTOCK_TRY(plan_columns(std::move(names)));
  std::uint64_t total = 0;
  seekable_ = true;
  for (const std::string& file : files_) {
    PENSTOCK_ASSIGN(const FileStamp stamp, stamp_of(file));
    seekable_ = seekable_ && stamp.regular;
    total += static_cast<std::uint64_t>(stamp.size_bytes);
  }
  is_bound_ = true;
  // One pipe among them: nobody knows the total.
  bytes_total_.store(seekable_ ? total : 0, std::memory_order_relaxed);
  return StreamType::of_schema(schema_);
}

Status CsvRead::open_file(std::size_t file, const csv::Splitter::Position& position) {
  file_ = file;
  reader_.reset();
  have_index_ = false;
  PENSTOCK_ASSIGN(csv::RowReader reader,
                  csv::RowReader::open_at(files_[file], options_.dialect, position, options_.block_bytes));
  reader_.emplace(std::move(reader));
  if (pool_ != nullptr) {
    reader_->charge_to(pool_->budget());
    reader_->stop_with(stop_);
  }
  return {};
}

// Makes sure that there are rows left in the index; false at the end of the file.
Result<bool> CsvRead::next_rows() {
  if (have_index_ && next_row_ < reader_->index().num_rows) return true;
  have_index_ = false;
  PENSTOCK_ASSIGN(const bool more, reader_->next());
  report_progress();
  if (!more) return false;
  have_index_ = true;
  next_row_ = 0;
  look_at(reader_->index(), reader_->cut_row());
  return true;
}

void CsvRead::look_at(const csv::Index& index, const csv::CutRow* cut_row) {
  index_ = &index;
  cut_row_ = cut_row;
  index_is_utf8_ = false;  // not known yet
}

// A look at all bytes at once is cheaper than one at each cell.
void CsvRead::check_text(std::size_t first_row, std::size_t count) {
  if (!has_text_ || count == 0) return;
  const char* const begin = index_->data + index_->begin_of(index_->rows[first_row]);
  const std::string_view last = index_->raw(index_->rows[first_row + count - 1]);
  index_is_utf8_ = simdjson::validate_utf8(begin, static_cast<std::size_t>(last.data() + last.size() - begin));
}

// The first row of the file that is not blank, not consumed; null when there is none.
Result<const csv::Row*> CsvRead::header_row() {
  for (;;) {
    PENSTOCK_ASSIGN(const bool more, next_rows());
    if (!more) return nullptr;
    const csv::Row& row = reader_->index().rows[next_row_];
    if ((row.flags & csv::kBlankRow) == 0) return &row;
    ++blank_lines_;
    ++next_row_;
  }
}

Result<std::vector<std::string>> CsvRead::read_names() {
  const std::string& path = files_[0];
  PENSTOCK_ASSIGN(const csv::Row* const row, header_row());
  const csv::Index& index = reader_->index();
  if (options_.dialect.header) {
    if (row == nullptr) {
      return Error(ErrorCode::kInvalidArgument,
                   "the file is empty; a header with the names of the columns was expected: " + path)
          .hint("if it may be empty, set header = false and give names = [...]");
    }
    if ((row->flags & csv::kMalformedRow) != 0) {
      return Error(ErrorCode::kInvalidArgument, "the header is not usable: " + csv::reason_for(*row, 0))
          .at(fmt::format("{}:{}", path, index.line + row->line))
          .hint("check delimiter and quote, or set header = false and give names = [...]");
    }
    header_ = cells_of(index, *row, rules_);
    ++next_row_;
    if (options_.names.empty()) return header_;
    if (options_.names.size() != header_.size()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("names has {} names, but the header of {} has {}",
                                                            options_.names.size(), path, header_.size()));
    }
  }
  if (!options_.names.empty()) return options_.names;
  // Without names the first row that can be read tells how many columns there are.
  for (std::size_t i = next_row_; row != nullptr && i < index.num_rows; ++i) {
    if ((index.rows[i].flags & kNoData) != 0) continue;
    std::vector<std::string> names;
    for (std::uint32_t c = 1; c <= index.rows[i].columns; ++c) names.push_back(fmt::format("column_{}", c));
    return names;
  }
  return Error(ErrorCode::kInvalidArgument, "the file has no row that tells how many columns there are: " + path)
      .hint("give names = [...]");
}

// For every file but the first.
Status CsvRead::check_header() {
  if (!options_.dialect.header) return {};
  PENSTOCK_ASSIGN(const csv::Row* const row, header_row());
  const std::string& path = files_[file_];
  if (row == nullptr) {
    return Error(ErrorCode::kInvalidArgument,
                 "the file is empty; the header of " + files_[0] + " was expected: " + path)
        .hint("remove it, or leave it out of the path");
  }
  const csv::Index& index = reader_->index();
  const bool malformed = (row->flags & csv::kMalformedRow) != 0;
  const std::vector<std::string> header = malformed ? std::vector<std::string>() : cells_of(index, *row, rules_);
  if (malformed || header != header_) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("the header differs from that of {}: {}", files_[0],
                             malformed ? csv::reason_for(*row, header_.size()) : difference(header_, header)))
        .at(fmt::format("{}:{}", path, index.line + row->line))
        .hint("read files of different columns with one csv.read each");
  }
  ++next_row_;
  return {};
}

Status CsvRead::plan_columns(std::vector<std::string> names) {
  std::vector<Field> fields;
  for (std::string& name : names) fields.push_back({std::move(name), Type::kUtf8});
  std::vector<bool> given(fields.size(), false);
  auto all = make_schema(fields);
  if (!all) {
    return Error(ErrorCode::kInvalidArgument, all.error().message())
        .at(files_[0] + ":1")
        .hint("mend the header, or give names = [...]; header = false if the first row is data");
  }
  if (!simdjson::validate_utf8((*all)->to_text())) {
    return Error(ErrorCode::kInvalidArgument,
                 "a name in the header is not valid UTF-8: " + csv::excerpt((*all)->to_text()))
        .at(files_[0] + ":1")
        .hint("convert the file: iconv -f WINDOWS-1252 -t UTF-8 IN > OUT");
  }
  for (const Field& type : options_.types) {
    auto column = (*all)->find(type.name);
    if (!column) return std::move(column).error().at("types");
    fields[*column].type = type.type;
    given[*column] = true;
  }
  std::vector<std::size_t> chosen;
  for (const std::string& name : options_.columns) {
    auto column = (*all)->find(name);
    if (!column) return std::move(column).error().at("columns");
    chosen.push_back(*column);
  }
  for (std::size_t i = 0; options_.columns.empty() && i < fields.size(); ++i) chosen.push_back(i);
  num_cells_ = static_cast<std::uint32_t>(fields.size());
  PENSTOCK_TRY(infer_types(fields, given));
  std::vector<Field> read;
  plans_.clear();
  for (const std::size_t column : chosen) {
    plans_.push_back({static_cast<std::uint32_t>(column), column + 1 == fields.size(),
                      !given[column] && options_.sample_rows > 0, fields[column]});
    read.push_back(fields[column]);
    has_text_ = has_text_ || fields[column].type == Type::kUtf8;
  }
  PENSTOCK_ASSIGN(schema_, make_schema(std::move(read)));
  return {};
}

Status CsvRead::infer_types(std::vector<Field>& fields, const std::vector<bool>& given) {
  if (options_.sample_rows == 0 || std::find(given.begin(), given.end(), false) == given.end()) return {};
  csv::TypeInference inference(fields.size(), options_.dialect);
  PENSTOCK_TRY(sample(inference));
  sampled_rows_ = inference.rows();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!given[i]) fields[i].type = inference.type_of(i);
  }
  return {};
}

// Looks at the rows of the index at hand, and, where these are too few, at the file once more. A pipe cannot be read
// twice.
Status CsvRead::sample(csv::TypeInference& inference) {
  const std::size_t wanted = options_.sample_rows;
  if (!have_index_) return {};
  const csv::Index& here = reader_->index();
  PENSTOCK_ASSIGN(const FileStamp stamp, stamp_of(files_[0]));
  if (here.num_rows - next_row_ >= wanted || !stamp.regular) {
    for (std::size_t i = next_row_; i < here.num_rows && inference.rows() < wanted; ++i)
      inference.add(here, here.rows[i]);
    return {};
  }
  PENSTOCK_ASSIGN(csv::RowReader again, csv::RowReader::open(files_[0], options_.dialect, options_.block_bytes));
  bool skip = options_.dialect.header;
  while (inference.rows() < wanted) {
    PENSTOCK_ASSIGN(const bool more, again.next());
    if (!more) break;
    const csv::Index& index = again.index();
    for (std::size_t i = 0; i < index.num_rows && inference.rows() < wanted; ++i) {
      if (skip && (index.rows[i].flags & csv::kBlankRow) == 0) {
        skip = false;
      } else {
        inference.add(index, index.rows[i]);
      }
    }
  }
  return {};
}

std::string CsvRead::note() const {
  if (schema_ == nullptr) return {};
  std::string note = schema_->to_text();
  std::vector<std::string> inferred;
  for (const csv::ColumnPlan& plan : plans_) {
    if (plan.inferred) inferred.push_back(plan.field.name);
  }
  if (!inferred.empty()) {
    note += fmt::format("; types of {} inferred from {} rows of {}",
                        inferred.size() == plans_.size() ? "all" : fmt::format("{}", fmt::join(inferred, ", ")),
                        sampled_rows_, files_[0]);
  }
  if (files_.size() > 1) note += fmt::format("; {} files", files_.size());
  if (blank_lines_ > 0) note += fmt::format("; {} blank lines skipped", blank_lines_);
  if (stray_quotes_ > 0) note += fmt::format("; {} rows with quotes inside unquoted cells", stray_quotes_);
  return note;
}

// ---- The work ------------------------------------------------------------------------------------------------------

Status CsvRead::open(OperatorContext& context) {
  pool_ = context.pool;
  errors_ = context.errors;
  stop_ = context.stop;
  context_ = &context;
  if (reader_) {
    reader_->charge_to(pool_->budget());
    reader_->stop_with(stop_);
  }
  return {};
}

// The same, over all files.
Result<bool> CsvRead::next_rows_of_files() {
  for (;;) {
    if (stop_ != nullptr && stop_->cancelled()) return Error(ErrorCode::kCancelled, "csv.read was cancelled");
    PENSTOCK_ASSIGN(const bool more, next_rows());
    if (more) return true;
    bytes_before_ += reader_->bytes_read();
    if (file_ + 1 == files_.size()) {
      reader_.reset();
      return false;
    }
    PENSTOCK_TRY(open_file(file_ + 1));
    PENSTOCK_TRY(check_header());
  }
}

Result<Source::Next> CsvRead::produce(Emitter& out) {
  for (;;) {
    PENSTOCK_ASSIGN(const bool more, next_rows_of_files());
    if (!more) return Next::kEnd;
    if (next_row_ == 0) check_text(0, index_->num_rows);
    const csv::Row* const rows = index_->rows + next_row_;
    const std::size_t count = std::min(std::max<std::size_t>(context_->batch_size, 1), index_->num_rows - next_row_);
    next_row_ += count;
    PENSTOCK_ASSIGN(RecordBatch batch, parse(rows, count));
    if (batch.num_rows() == 0) continue;
    out.emit(Batch(std::move(batch)));
    return Next::kMore;
  }
}

// ---- The work, divided ---------------------------------------------------------------------------------------------

// One of those that no piece needs any more, or a new one.
CsvRead::SharedRows& CsvRead::rows_to_share() {
  const auto unused = std::find_if(shared_rows_.begin(), shared_rows_.end(), [this](const auto& shared) {
    return shared->pieces == 0 && shared.get() != sharing_;
  });
  if (unused != shared_rows_.end()) return **unused;
  return *shared_rows_.emplace_back(std::make_unique<SharedRows>());
}

Result<std::unique_ptr<SourcePiece>> CsvRead::cut(std::unique_ptr<SourcePiece> spent) {
  std::unique_ptr<Piece> piece(static_cast<Piece*>(spent.release()));
  if (piece != nullptr) --piece->shared->pieces;
  if (sharing_ == nullptr || sharing_->next_row == sharing_->rows.index.num_rows) {
    sharing_ = nullptr;
    PENSTOCK_ASSIGN(const bool more, next_rows_of_files());
    if (!more) return nullptr;
    sharing_ = &rows_to_share();
    sharing_->file = file_;
    sharing_->next_row = next_row_;  // a header may stand before it
    reader_->hand_over(sharing_->rows);
    have_index_ = false;
  }
  if (piece == nullptr) piece = std::make_unique<Piece>();
  piece->cutter = this;
  piece->shared = sharing_;
  piece->first_row = sharing_->next_row;
  piece->count =
      std::min(std::max<std::size_t>(context_->batch_size, 1), sharing_->rows.index.num_rows - sharing_->next_row);
  sharing_->next_row += piece->count;
  ++sharing_->pieces;
  return piece;
}

// What bind decided, once.
void CsvRead::decide_like(const CsvRead& cutter) {
  if (schema_ != nullptr) return;
  files_ = cutter.files_;
  num_cells_ = cutter.num_cells_;
  plans_ = cutter.plans_;
  schema_ = cutter.schema_;
  sampled_rows_ = cutter.sampled_rows_;
  has_text_ = cutter.has_text_;
}

Status CsvRead::read(SourcePiece& source_piece, Emitter& out) {
  const auto& piece = static_cast<Piece&>(source_piece);
  decide_like(*piece.cutter);
  file_ = piece.shared->file;
  first_record_ = records_;
  const csv::RowBlock& rows = piece.shared->rows;
  look_at(rows.index, rows.cut_row ? &*rows.cut_row : nullptr);
  check_text(piece.first_row, piece.count);
  PENSTOCK_ASSIGN(RecordBatch batch, parse(index_->rows + piece.first_row, piece.count));
  if (batch.num_rows() > 0) out.emit(Batch(std::move(batch)));
  return {};
}

Status CsvRead::merge(Operator& other) {
  auto& reader = static_cast<CsvRead&>(other);
  records_ += reader.records_;
  blank_lines_ += reader.blank_lines_;
  stray_quotes_ += reader.stray_quotes_;
  return {};
}

// ---- Checkpoints ---------------------------------------------------------------------------------------------------

namespace {

csv::Splitter::Position position_of(const csv::Index& index, std::size_t row, const csv::CutRow* cut_row) {
  if (row == 0 && cut_row != nullptr) return {cut_row->offset, cut_row->line};
  return {index.offset + index.begin_of(index.rows[row]), index.line + index.rows[row].line};
}

}  // namespace

// Where the first row is that nobody was given yet.
csv::Splitter::Position CsvRead::next_row_position() const {
  if (sharing_ != nullptr && sharing_->next_row < sharing_->rows.index.num_rows) {
    const csv::RowBlock& rows = sharing_->rows;
    return position_of(rows.index, sharing_->next_row, rows.cut_row ? &*rows.cut_row : nullptr);
  }
  if (have_index_ && next_row_ < reader_->index().num_rows)
    return position_of(reader_->index(), next_row_, reader_->cut_row());
  return reader_->position();
}

// Of an instance that only reads pieces, which was not bound, what it counted.
Status CsvRead::save(StateWriter& to) {
  if (is_bound_ && !reader_) return Error(ErrorCode::kUnavailable, "all files were read");
  to.integer(reader_ ? 1 : 0);
  if (reader_) {
    const csv::Splitter::Position position = next_row_position();
    for (const std::uint64_t value : {std::uint64_t{file_}, position.offset, position.line, bytes_before_})
      to.integer(value);
  }
  for (const std::uint64_t value : {records_, blank_lines_, stray_quotes_}) to.integer(value);
  return {};
}

Status CsvRead::restore(StateReader& from) {
  if (from.integer() == 1) {
    const std::uint64_t file = from.integer();
    const std::uint64_t offset = from.integer();
    const std::uint64_t line = from.integer();
    if (file >= files_.size())
      return Error(ErrorCode::kDataLoss, "there are fewer files than when the checkpoint was written");
    PENSTOCK_TRY(open_file(static_cast<std::size_t>(file), {offset, line}));
    bytes_before_ = from.integer();
    report_progress();
  }
  records_ = from.integer();
  blank_lines_ = from.integer();
  stray_quotes_ = from.integer();
  return {};
}

Result<RecordBatch> CsvRead::parse(const csv::Row* rows, std::size_t count) {
  rows_.start(*index_, count);
  std::uint64_t blank = 0;
  for (const csv::Row* row = rows; row < rows + count; ++row) {
    stray_quotes_ += (row->flags & csv::kStrayQuote) != 0;
    blank += (row->flags & csv::kBlankRow) != 0;
    if ((row->flags & kNoData) == 0 && row->columns == num_cells_) [[likely]]
      rows_.push(*row);
  }
  rows_.seal();
  blank_lines_ += blank;

  std::vector<Column> columns(plans_.size());
  // What can fail comes first, so that texts are copied only for rows that stay.
  for (std::size_t c = 0; c < plans_.size(); ++c) {
    if (plans_[c].field.type != Type::kUtf8) {
      columns[c] = csv::parse_fixed(plans_[c], c, rules_, rows_, *pool_);
    } else if (!index_is_utf8_) {
      csv::check_utf8(plans_[c], c, rows_);
    }
  }
  if (rows_.size() + blank < count || rows_.num_bad() > 0) PENSTOCK_TRY(reject_rows(rows, count));
  records_ += count - blank;
  if (rows_.num_bad() > 0) {
    rows_.drop_bad();
    const RowRuns kept(rows_.kept());
    for (Column& column : columns) {
      if (column.size() > 0) column = take_rows(column, kept, *pool_);
    }
  }
  for (std::size_t c = 0; c < plans_.size(); ++c) {
    if (plans_[c].field.type == Type::kUtf8) columns[c] = csv::parse_text(plans_[c], rules_, rows_, *pool_);
  }
  return RecordBatch(schema_, std::move(columns), rows_.size());
}

// Rejects in the order of the file what is malformed, ragged or has a bad value.
Status CsvRead::reject_rows(const csv::Row* rows, std::size_t count) {
  std::uint64_t record = records_ - first_record_;
  std::size_t parsed = 0;
  for (const csv::Row* row = rows; row < rows + count; ++row) {
    if ((row->flags & csv::kBlankRow) != 0) continue;
    if ((row->flags & csv::kMalformedRow) != 0) {
      PENSTOCK_TRY(reject_malformed(*row, record));
    } else if (row->columns != num_cells_) {
      PENSTOCK_TRY(reject(*row, record, csv::reason_for(*row, num_cells_), {}));
    } else {
      if (rows_.is_bad(parsed)) PENSTOCK_TRY(reject_value(*row, record, rows_.bad_column(parsed)));
      ++parsed;
    }
    ++record;
  }
  return {};
}

Status CsvRead::reject_malformed(const csv::Row& row, std::uint64_t record) {
  if ((row.flags & csv::kTooLong) == 0) return reject(row, record, csv::reason_for(row, num_cells_), {});
  const csv::Index& index = *index_;
  const std::size_t most = options_.dialect.max_row_bytes;
  if (const csv::CutRow* const cut = &row == index.rows ? cut_row_ : nullptr) {
    return errors_->reject({.record = record,
                            .reason = csv::reason_for_long_row(cut->size_bytes, most),
                            .raw = cut->excerpt,
                            .file = files_[file_],
                            .line = cut->line,
                            .offset = cut->offset});
  }
  const std::string_view raw = index.raw(row);
  return errors_->reject({.record = record,
                          .reason = csv::reason_for_long_row(raw.size(), most),
                          .raw = std::string(raw.substr(0, kMostLongRowBytes)),
                          .file = files_[file_],
                          .line = index.line + row.line,
                          .offset = index.offset + index.begin_of(row)});
}

Status CsvRead::reject_value(const csv::Row& row, std::uint64_t record, std::size_t column) {
  const csv::ColumnPlan& plan = plans_[column];
  const csv::Cell cell = index_->cell(row, plan.cell);
  std::string scratch;
  const std::string_view text = csv::value_of(cell, rules_, scratch).text;
  return reject(row, record, csv::reason_for_value(plan, text, cell.quoted, sampled_rows_), plan.field.name);
}

Status CsvRead::reject(const csv::Row& row, std::uint64_t record, std::string reason, std::string column) {
  const csv::Index& index = *index_;
  const std::string_view raw = index.raw(row);
  return errors_->reject({.record = record,
                          .reason = std::move(reason),
                          .raw = errors_->raw_unused() ? std::string() : std::string(raw),
                          .column = std::move(column),
                          .file = files_[file_],
                          .line = index.line + row.line,
                          .offset = index.offset + index.begin_of(row)});
}

void CsvRead::report_progress() noexcept {
  bytes_done_.store(bytes_before_ + reader_->bytes_read(), std::memory_order_relaxed);
}

SourceProgress CsvRead::progress() const noexcept {
  return {.done = bytes_done_.load(std::memory_order_relaxed), .total = bytes_total_.load(std::memory_order_relaxed)};
}

// ---- The registry --------------------------------------------------------------------------------------------------

namespace {

Result<std::unique_ptr<Operator>> make_csv_read(const Options& options) {
  PENSTOCK_ASSIGN(csv::ReadOptions read, csv::read_options_from(options));
  return std::make_unique<CsvRead>(std::move(read));
}

}  // namespace

void add_csv_operators(Registry& registry) {
  const Status read =
      registry.add({.name = "csv.read",
                    .role = OperatorInfo::Role::kSource,
                    .summary = "Reads rows of CSV files, plain or compressed.",
                    .options = csv::read_option_infos(),
                    .make = make_csv_read,
                    .example = "op = \"csv.read\"\npath = \"orders-*.csv\"\ntypes = { zip = \"utf8\" }\n"});
  const Status write = registry.add(csv_write_info());
  if (!read || !write) contract_broken("csv.read and csv.write are registered twice");
}

}  // namespace penstock
