// SPDX-License-Identifier: MIT
// json.write: an object per record, as JSON Lines or as one array.
#include <fmt/format.h>

#include "data/json_text.h"
#include "operators/io/formats.h"
#include "operators/io/output_writer.h"
#include "operators/io/record_input.h"
#include "operators/io/text_buffer.h"

namespace penstock {
namespace {

class JsonWrite final : public Operator {
 public:
  JsonWrite(std::string path, bool array) : writer_(std::move(path)), array_(array) {}

  OperatorTraits traits() const override {
    return {.prepares = true, .effects = true, .saves = writer_.saves(), .rows = RowEffect::kKeeps};
  }
  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_TRY(expect_record_batches("json.write", input));
    PENSTOCK_TRY(expect_columns_of_text("json.write", *input.schema, true));
    for (const Field& field : input.schema->fields()) {
      std::string& prefix = prefixes_.emplace_back(prefixes_.empty() ? "{" : ",");
      append_json_text(prefix, field.name);
      prefix += ':';
    }
    return input;
  }
  Status open(OperatorContext&) override { return writer_.open(); }
  Buffer prepare(const Batch& batch, BufferPool& pool) override {
    std::string& text = writer_.text();
    text.clear();
    for (std::size_t row = 0; row < batch.num_records(); ++row) append_row(batch.record_batch(), row);
    Buffer prepared;
    append_text(prepared, text, pool);
    return prepared;
  }
  Status process(Batch batch, Emitter& out) override {
    const bool first = array_ && writer_.records() == 0 && batch.num_records() > 0;
    if (const Buffer text = std::move(batch.prepared)) {
      if (first) writer_.text() += kBeforeFirst;
      PENSTOCK_TRY(writer_.append(as_text(text).substr(first ? kBetween.size() : 0)));
    } else {
      PENSTOCK_TRY(write_rows(batch.record_batch(), first));
    }
    writer_.count_records(batch.num_records());
    out.emit(std::move(batch));
    return {};
  }
  Status finish(Emitter&) override {
    if (array_) writer_.text() += writer_.records() == 0 ? "[]\n" : "\n]\n";
    return writer_.finish();
  }
  Status save(StateWriter& to) override { return writer_.save(to); }
  Status restore(StateReader& from) override { return writer_.restore(from); }
  Status commit() override { return writer_.commit(); }
  void abort() noexcept override { writer_.abort(); }
  std::vector<OutputFile> outputs() const override { return writer_.outputs(); }

 private:
  static constexpr std::string_view kBeforeFirst = "[\n";  // in an array
  static constexpr std::string_view kBetween = ",\n";

  Status write_rows(const RecordBatch& rows, bool first) {
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      append_row(rows, row, first && row == 0 ? kBeforeFirst : kBetween);
      PENSTOCK_TRY(writer_.flush_if_full());
    }
    return {};
  }
  void append_row(const RecordBatch& rows, std::size_t row, std::string_view before = kBetween) {
    std::string& to = writer_.text();
    if (array_) to += before;
    if (prefixes_.empty()) to += '{';
    for (std::size_t i = 0; i < prefixes_.size(); ++i) {
      to += prefixes_[i];
      append_json_value(to, rows.column(i), row);
    }
    to += array_ ? "}" : "}\n";
  }

  OutputWriter writer_;
  bool array_;
  std::vector<std::string> prefixes_;  // what stands before each column's value
};

Result<std::unique_ptr<Operator>> make_json_write(const Options& options) {
  return std::unique_ptr<Operator>(
      std::make_unique<JsonWrite>(options.text("path"), options.text("format") == "array"));
}

}  // namespace

OperatorInfo json_write_info() {
  return {
      .name = "json.write",
      .role = OperatorInfo::Role::kSink,
      .summary = "Writes each record as a JSON object, and passes the records on.",
      .options =
          {output_path_option(),
           {.name = "format",
            .kind = OptionKind::kChoice,
            .doc =
                "JSON Lines (an object per line), or one array. NaN and infinities are written as the strings \"NaN\", "
                "\"Infinity\" and \"-Infinity\", timestamps as ISO 8601 in UTC.",
            .default_value = "lines",
            .choices = {"lines", "array"},
            .example = "\"array\""}},
      .make = make_json_write,
      .example = "op = \"json.write\"\npath = \"out/records.jsonl\"\n",
  };
}

}  // namespace penstock
