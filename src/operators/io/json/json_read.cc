// SPDX-License-Identifier: MIT
// json.read: JSON Lines, an object per line.
#include <fmt/format.h>

#include <optional>

#include "operators/io/formats.h"
#include "operators/io/input_files.h"
#include "operators/io/json/json_rows.h"
#include "operators/io/line_reader.h"
#include "operators/io/typed_text.h"

namespace penstock {
namespace {

static_assert(LineReader::kPaddingBytes >= json::ObjectReader::kPaddingBytes);

constexpr std::size_t kMostBatchTextBytes = std::size_t{8} << 20;  // so that batches of long texts stay small
constexpr std::size_t kSampleBytes = std::size_t{1} << 20;

struct JsonReadOptions {
  std::optional<std::vector<Field>> schema;  // else inferred
  std::vector<Field> types;
  std::size_t sample_rows = 0;
  std::size_t max_line_bytes = 0;
  bool reject_unknown = false;
};

class JsonRead final : public Source {
 public:
  JsonRead(std::vector<std::string> files, JsonReadOptions options)
      : files_(std::move(files)),
        options_(std::move(options)),
        reader_(files_, {.max_line_bytes = options_.max_line_bytes, .check_utf8 = false}) {}

  OperatorTraits traits() const override { return {.saves = reader_.is_seekable()}; }
  Result<StreamType> bind(const StreamType&) override {
    PENSTOCK_TRY(reader_.open());
    if (!options_.schema) PENSTOCK_TRY(infer());
    PENSTOCK_ASSIGN(schema_, make_schema(*options_.schema));
    parser_.emplace(schema_, options_.reject_unknown);
    return StreamType::of_schema(schema_);
  }
  std::string note() const override;
  Status open(OperatorContext& context) override {
    context_ = &context;
    builder_.emplace(schema_, *context.pool);
    reader_.stop_with(context.stop);
    return {};
  }
  Result<Next> produce(Emitter& out) override;
  Status save(StateWriter& to) override {
    reader_.position().save(to);
    to.integer(records_);
    to.integer(parser_->unknown_values());
    return {};
  }
  Status restore(StateReader& from) override {
    PENSTOCK_TRY(reader_.go_to(LineReader::Position::restored(from)));
    records_ = from.integer();
    parser_->count_unknown_values(from.integer());
    return {};
  }
  SourceProgress progress() const noexcept override { return {reader_.bytes_done(), reader_.bytes_total(), "bytes"}; }

 private:
  Status infer();
  Status take(const Line& line);
  Status reject(const Line& line, std::string reason, std::string column);
  bool batch_is_full() noexcept;

  std::vector<std::string> files_;
  JsonReadOptions options_;
  LineReader reader_;
  SchemaPtr schema_;
  std::string inferred_;  // for the note
  std::optional<json::RowParser> parser_;
  OperatorContext* context_ = nullptr;
  std::optional<RecordBatchBuilder> builder_;
  std::uint64_t records_ = 0;
};

Status JsonRead::infer() {
  PENSTOCK_ASSIGN(const std::string_view ahead, reader_.peek(kSampleBytes));
  json::InferredSchema inferred = json::infer_schema(ahead, reader_.at_file_end(), options_.sample_rows);
  for (const Field& typed : options_.types) {
    const auto found = std::find_if(inferred.fields.begin(), inferred.fields.end(),
                                    [&](const Field& field) { return field.name == typed.name; });
    if (found == inferred.fields.end()) {
      inferred.fields.push_back(typed);
    } else {
      found->type = typed.type;
    }
  }
  if (inferred.fields.empty()) {
    return Error(
               ErrorCode::kInvalidArgument,
               fmt::format("{} has no JSON object with a key among its first lines, so its columns cannot be inferred",
                           files_[0]))
        .hint("json.read wants an object per line; for empty files give the columns: schema = { id = \"int64\" }");
  }
  inferred_ = fmt::format("inferred from {} {}: {}", inferred.rows, inferred.rows == 1 ? "record" : "records",
                          Schema(inferred.fields).to_text());
  options_.schema = std::move(inferred.fields);
  return {};
}

std::string JsonRead::note() const {
  std::string note = inferred_;
  const auto add = [&](const std::string& more) { note += (note.empty() || more.empty() ? "" : "; ") + more; };
  add(note_on_files(files_.size()));
  if (parser_ && parser_->unknown_values() > 0)
    add(fmt::format("{} values of keys without a column", parser_->unknown_values()));
  return note;
}

bool JsonRead::batch_is_full() noexcept {
  if (builder_->num_rows() >= context_->batch_size) return true;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < schema_->size(); ++i) bytes += builder_->column(i).text_bytes();
  return bytes >= kMostBatchTextBytes;
}

Result<Source::Next> JsonRead::produce(Emitter& out) {
  bool more = true;
  Line line;
  while (more && !batch_is_full() && (builder_->num_rows() == 0 || reader_.ready())) {
    if (context_->stop->cancelled()) return Next::kEnd;
    PENSTOCK_ASSIGN(more, reader_.next(line));
    if (more) PENSTOCK_TRY(take(line));
  }
  const bool wanted = builder_->num_rows() == 0 || out.emit(builder_->finish());
  return more && wanted ? Next::kMore : Next::kEnd;
}

Status JsonRead::take(const Line& line) {
  if (line.text.find_first_not_of(" \t\r") == std::string_view::npos) return {};  // blank: no record
  ++records_;
  if (line.too_long) {
    return reject(
        line,
        fmt::format("the line has {} bytes, more than max_line_bytes = {}", line.size_bytes, options_.max_line_bytes),
        {});
  }
  if (parser_->append(line.text, *builder_)) return {};
  return reject(line, parser_->reason(), parser_->column());
}

Status JsonRead::reject(const Line& line, std::string reason, std::string column) {
  return context_->errors->reject({.record = records_ - 1,
                                   .reason = std::move(reason),
                                   .raw = context_->errors->raw_unused() ? std::string() : std::string(line.text),
                                   .column = std::move(column),
                                   .file = reader_.file(),
                                   .line = line.number});
}

Result<std::size_t> size_option(const Options& options, std::string_view name, std::int64_t most) {
  const std::int64_t value = options.integer(name);
  if (value >= 1 && value <= most) return static_cast<std::size_t>(value);
  return Error(ErrorCode::kInvalidArgument, fmt::format("option \"{}\" is {}, expected 1 to {}", name, value, most))
      .at(options.place(name).to_text());
}

Result<std::unique_ptr<Operator>> make_json_read(const Options& options) {
  JsonReadOptions read;
  if (options.has("schema")) {
    PENSTOCK_ASSIGN(read.schema, fields_from_table(options, "schema"));
    if (options.has("types") || read.schema->empty()) {
      return Error(ErrorCode::kInvalidArgument, options.has("types")
                                                    ? "options \"schema\" and \"types\" exclude each other"
                                                    : "option \"schema\" names no column")
          .at(options.place("schema").to_text())
          .hint("schema names all columns; types only those whose type is not to be inferred");
    }
  }
  if (options.has("types")) {
    PENSTOCK_ASSIGN(read.types, fields_from_table(options, "types"));
  }
  PENSTOCK_ASSIGN(read.sample_rows, size_option(options, "sample_rows", 1'000'000'000));
  PENSTOCK_ASSIGN(read.max_line_bytes, size_option(options, "max_line_bytes", std::int64_t{1} << 30));
  read.reject_unknown = options.text("unknown") == "reject";
  PENSTOCK_ASSIGN(std::vector<std::string> files, input_files(options));
  return std::unique_ptr<Operator>(std::make_unique<JsonRead>(std::move(files), std::move(read)));
}

}  // namespace

OperatorInfo json_read_info() {
  return {
      .name = "json.read",
      .role = OperatorInfo::Role::kSource,
      .summary = "Reads JSON Lines: an object per line becomes a record, its keys become columns.",
      .options = {input_path_option(),
                  {.name = "schema",
                   .kind = OptionKind::kTable,
                   .doc = "All columns with their types. Without it they are inferred from the first records.",
                   .example = "{ id = \"int64\", time = \"timestamp\", tags = \"utf8\" }"},
                  types_option(
                      "Types of some columns; the rest is inferred. A column that is not in the sample is added."),
                  {.name = "sample_rows",
                   .kind = OptionKind::kInteger,
                   .doc = "From how many records, at most, columns are inferred, within the first MiB of the first "
                          "file that is not empty.",
                   .default_value = 1000},
                  {.name = "unknown",
                   .kind = OptionKind::kChoice,
                   .doc = "Keys that have no column: ignore them (they are counted), or reject the record.",
                   .default_value = "ignore",
                   .choices = {"ignore", "reject"}},
                  {.name = "max_line_bytes",
                   .kind = OptionKind::kBytes,
                   .doc = "Longer lines are rejected; 1 to 1GiB.",
                   .default_value = "16MiB",
                   .example = "\"1MiB\""}},
      .make = make_json_read,
      .example = "op = \"json.read\"\npath = \"events/*.jsonl.zst\"\ntypes = { price = \"float64\" }\n",
  };
}

}  // namespace penstock
