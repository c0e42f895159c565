// SPDX-License-Identifier: MIT
// text.write: one column, each value followed by a line feed.
#include <fmt/format.h>

#include "data/number_text.h"
#include "data/timestamp_text.h"
#include "operators/io/formats.h"
#include "operators/io/output_writer.h"
#include "operators/io/record_input.h"
#include "operators/io/text_buffer.h"

namespace penstock {
namespace {

void append_plain(std::string& to, const Column& column, std::size_t row) {
  char text[64];
  if (column.is_null(row)) return;
  switch (column.type()) {
    case Type::kInt64: to.append(text, format_int64(text, column.int64s()[row])); return;
    case Type::kFloat64: to.append(text, format_float64(text, column.float64s()[row])); return;
    case Type::kBool: to += get_bit(column.bits(), row) ? "true" : "false"; return;
    case Type::kTimestamp: to.append(text, format_timestamp(text, column.int64s()[row])); return;
    case Type::kUtf8: to += column.text(row); return;
    case Type::kImage:
    case Type::kTensor: return;  // refused by bind
  }
}

class TextWrite final : public Operator {
 public:
  TextWrite(std::string path, std::string column, std::string separator)
      : writer_(std::move(path)), column_(std::move(column)), separator_(std::move(separator)) {}

  OperatorTraits traits() const override {
    return {.prepares = true, .effects = true, .saves = writer_.saves(), .rows = RowEffect::kKeeps};
  }
  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_TRY(expect_record_batches("text.write", input));
    if (!column_.empty()) {
      PENSTOCK_ASSIGN(index_, input.schema->find(column_));
    } else if (input.schema->size() != 1) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("text.write writes one column, but there are {}: {}",
                                                            input.schema->size(), input.schema->to_text()))
          .hint("name it with option \"column\"");
    }
    PENSTOCK_TRY(expect_columns_of_text("text.write", Schema({(*input.schema)[index_]})));
    return input;
  }
  Status open(OperatorContext&) override { return writer_.open(); }
  Buffer prepare(const Batch& batch, BufferPool& pool) override {
    writer_.text().clear();
    for (std::size_t row = 0; row < batch.num_records(); ++row) append_row(batch, row);
    Buffer prepared;
    append_text(prepared, writer_.text(), pool);
    return prepared;
  }
  Status process(Batch batch, Emitter& out) override {
    if (const Buffer text = std::move(batch.prepared)) {
      PENSTOCK_TRY(writer_.append(as_text(text)));
    } else {
      PENSTOCK_TRY(write_rows(batch));
    }
    writer_.count_records(batch.num_records());
    out.emit(std::move(batch));
    return {};
  }
  Status finish(Emitter&) override { return writer_.finish(); }
  Status save(StateWriter& to) override { return writer_.save(to); }
  Status restore(StateReader& from) override { return writer_.restore(from); }
  Status commit() override { return writer_.commit(); }
  void abort() noexcept override { writer_.abort(); }
  std::vector<OutputFile> outputs() const override { return writer_.outputs(); }

 private:
  Status write_rows(const Batch& batch) {
    for (std::size_t row = 0; row < batch.num_records(); ++row) {
      append_row(batch, row);
      PENSTOCK_TRY(writer_.flush_if_full());
    }
    return {};
  }
  void append_row(const Batch& batch, std::size_t row) {
    append_plain(writer_.text(), batch.record_batch().column(index_), row);
    writer_.text() += separator_;
  }

  OutputWriter writer_;
  std::string column_;
  std::string separator_;
  std::size_t index_ = 0;
};

Result<std::unique_ptr<Operator>> make_text_write(const Options& options) {
  return std::unique_ptr<Operator>(std::make_unique<TextWrite>(
      options.text("path"), options.has("column") ? options.text("column") : std::string(), options.text("separator")));
}

}  // namespace

OperatorInfo text_write_info() {
  return {
      .name = "text.write",
      .role = OperatorInfo::Role::kSink,
      .summary = "Writes one column as text, a line per record, and passes the records on.",
      .options = {output_path_option(),
                  {.name = "column",
                   .doc = "The column to write; may be left out when there is only one. Null is an empty line.",
                   .example = "\"line\""},
                  {.name = "separator",
                   .doc = "What follows each record. Texts are written as they are, also with line feeds in them.",
                   .default_value = "\n",
                   .example = "\"\\n\\n\""}},
      .make = make_text_write,
      .example = "op = \"text.write\"\npath = \"out/messages.txt\"\ncolumn = \"message\"\n",
  };
}

}  // namespace penstock
