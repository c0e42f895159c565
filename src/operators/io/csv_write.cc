// SPDX-License-Identifier: MIT
#include "operators/io/csv_write.h"

#include <fmt/format.h>

#include <functional>
#include <utility>

#include "data/rows_without.h"
#include "operator/output_state.h"
#include "operators/io/csv/read_options.h"
#include "operators/io/record_input.h"
#include "operators/io/text_buffer.h"

namespace penstock {

CsvWrite::CsvWrite(Options options) : options_(std::move(options)) {}

Result<StreamType> CsvWrite::bind(const StreamType& input) {
  if (!input.is_record_batch()) {
    return Error(ErrorCode::kInvalidArgument, "csv.write takes record batches, but gets records of " +
                                                  (input.record_name.empty() ? "nothing" : input.record_name))
        .hint("turn the records into columns first");
  }
  PENSTOCK_TRY(expect_columns_of_text("csv.write", *input.schema));
  schema_ = input.schema;
  return input;
}

Status CsvWrite::open(OperatorContext& context) {
  errors_ = context.errors;
  pool_ = context.pool;
  PENSTOCK_ASSIGN(file_, AtomicFile::create(options_.path, options_.file));
  writer_.emplace(options_.dialect);
  if (options_.header) writer_->append_names(*schema_);
  return {};
}

Buffer CsvWrite::prepare(const Batch& batch, BufferPool& pool) {
  const RecordBatch& rows = batch.record_batch();
  if (!writer_) writer_.emplace(options_.dialect);
  writer_->clear();
  writer_->start_batch(rows);
  Buffer text;
  for (std::size_t row = 0; row < rows.num_rows();) {
    row = writer_->append_rows(row, rows.num_rows());
    if (row < rows.num_rows() && !writer_->should_flush()) return {};  // a row to reject, which is done in order
    append_text(text, writer_->bytes(), pool);
    writer_->clear();
  }
  return text;
}

Status CsvWrite::process(Batch batch, Emitter& out) {
  if (Buffer text = std::move(batch.prepared)) {
    PENSTOCK_TRY(write_prepared(text));
    records_ += batch.num_records();
  } else {
    PENSTOCK_TRY(write_rows(batch.record_batch()));
    if (!rejected_.empty()) batch = without_rejected(batch.record_batch());
  }
  out.emit(std::move(batch));
  return {};
}

RecordBatch CsvWrite::without_rejected(const RecordBatch& rows) const {
  return rows.take(rows_without(rejected_, rows.num_rows(), std::identity()), *pool_);
}

Status CsvWrite::write_prepared(const Buffer& text) {
  if (writer_->take_text(as_text(text))) return writer_->should_flush() ? flush() : Status();
  PENSTOCK_TRY(flush());
  return file_.write_all(as_text(text));
}

Status CsvWrite::write_rows(const RecordBatch& rows) {
  rejected_.clear();
  writer_->start_batch(rows);
  for (std::size_t row = 0; row < rows.num_rows();) {
    const std::size_t next = writer_->append_rows(row, rows.num_rows());
    records_ += next - row;
    row = next;
    if (writer_->should_flush()) {
      PENSTOCK_TRY(flush());
    } else if (row < rows.num_rows()) {
      PENSTOCK_TRY(reject(rows, row));
      rejected_.push_back(static_cast<std::uint32_t>(row++));
    }
  }
  return {};
}

Status CsvWrite::reject(const RecordBatch& rows, std::size_t row) {
  const std::size_t column = writer_->bad_column();
  return errors_->reject(
      {.record = row,
       .reason = fmt::format("the timestamp {} (microseconds since 1970) is outside the years 0001 to 9999",
                             rows.column(column).int64s()[row]),
       .raw = errors_->raw_unused() ? std::string() : rows.row_to_json(row),
       .column = schema_->fields()[column].name});
}

Status CsvWrite::flush() {
  PENSTOCK_TRY(file_.write_all(writer_->bytes()));
  writer_->clear();
  return {};
}

Status CsvWrite::finish(Emitter&) {
  PENSTOCK_TRY(flush());
  writer_.reset();
  return {};
}

Status CsvWrite::save(StateWriter& to) {
  PENSTOCK_TRY(flush());
  PENSTOCK_TRY(save_output(to, file_));
  to.integer(records_);
  return {};
}

Status CsvWrite::restore(StateReader& from) {
  writer_->clear();  // the header stands in the file
  file_.abort();
  PENSTOCK_ASSIGN(file_, restore_output(from, options_.path, options_.file));
  records_ = from.integer();
  return {};
}

Status CsvWrite::commit() {
  PENSTOCK_TRY(file_.commit());
  committed_ = true;
  return {};
}

void CsvWrite::abort() noexcept {
  writer_.reset();
  committed_ = false;
  file_.abort();
}

std::vector<OutputFile> CsvWrite::outputs() const {
  if (!committed_) return {};
  return {{.path = options_.path, .kind = "data", .records = records_, .size_bytes = file_.bytes_written()}};
}

namespace {

Result<std::unique_ptr<Operator>> make_csv_write(const Options& options) {
  CsvWrite::Options write;
  write.path = options.text("path");
  write.header = options.boolean("header");
  PENSTOCK_ASSIGN(write.dialect.delimiter, csv::delimiter_from(options));
  const char delimiter = write.dialect.delimiter;
  if (delimiter == '"' || delimiter == '\n' || delimiter == '\r') {
    return Error(ErrorCode::kInvalidArgument, "the delimiter cannot be a quote or a line end")
        .at(options.place("delimiter").to_text())
        .hint("use ',', ';', '|' or a tab");
  }
  write.dialect.quote_all = options.text("quoting") == "all";
  write.dialect.null_text = options.text("null_value");
  const std::string special = std::string("\"\r\n") + delimiter;
  if (write.dialect.null_text.find_first_of(special) != std::string::npos) {
    return Error(ErrorCode::kInvalidArgument,
                 "null_value cannot hold a delimiter, a quote or a line end, since it is never quoted")
        .at(options.place("null_value").to_text());
  }
  write.dialect.crlf = options.text("line_end") == "crlf";
  write.file = {.durable = options.boolean("durable"), .make_folders = true, .revocable = true};
  return std::make_unique<CsvWrite>(std::move(write));
}

}  // namespace

OperatorInfo csv_write_info() {
  return {
      .name = "csv.write",
      .role = OperatorInfo::Role::kSink,
      .summary = "Writes a CSV file that appears whole or not at all, and passes the records on.",
      .options =
          {{.name = "path",
            .kind = OptionKind::kText,
            .doc = "The file. It appears, or is replaced, when the run ends well. Missing folders are created.",
            .required = true,
            .example = "\"{artifacts}/orders.csv\""},
           {.name = "header",
            .kind = OptionKind::kBool,
            .doc = "Whether to write the names of the columns first.",
            .default_value = true},
           {.name = "delimiter",
            .kind = OptionKind::kText,
            .doc = "The byte between two cells, or \"tab\".",
            .default_value = ",",
            .example = "\";\""},
           {.name = "quoting",
            .kind = OptionKind::kChoice,
            .doc =
                "\"needed\": quotes around texts that would be read as something else; \"all\": around all but nulls.",
            .default_value = "needed",
            .choices = {"needed", "all"}},
           {.name = "null_value",
            .kind = OptionKind::kText,
            .doc = "What stands for null, without quotes. A text that is the same gets quotes; so does an empty text.",
            .default_value = "",
            .example = "\"NA\""},
           {.name = "line_end",
            .kind = OptionKind::kChoice,
            .doc = "\"lf\", or \"crlf\" as RFC 4180 has it.",
            .default_value = "lf",
            .choices = {"lf", "crlf"}},
           {.name = "durable",
            .kind = OptionKind::kBool,
            .doc = "Whether to wait at the end until the file is on the disk (fsync).",
            .default_value = false}},
      .make = make_csv_write,
      .example = "op = \"csv.write\"\npath = \"{artifacts}/orders.csv\"\n"};
}

}  // namespace penstock
