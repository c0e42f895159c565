// SPDX-License-Identifier: MIT
// text.read: a record per line, per paragraph, or from one line that matches to the next.
#include <fmt/format.h>
#include <re2/re2.h>

#include <optional>

#include "base/utf8.h"
#include "operators/io/formats.h"
#include "operators/io/input_files.h"
#include "operators/io/line_reader.h"

namespace penstock {
namespace {

constexpr std::size_t kMostBatchTextBytes = std::size_t{8} << 20;  // so that batches of long records stay small

enum class Cut : std::uint8_t { kLine, kBlank, kStart };

struct TextReadOptions {
  Cut cut = Cut::kLine;
  std::string start;
  std::size_t max_record_bytes = 0;
  bool replace_invalid = false;
  bool number = false;
};

bool is_blank(std::string_view text) noexcept { return text.find_first_not_of(" \t") == std::string_view::npos; }

void append_replaced(std::string& to, std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    if (length == 0) {
      to += "\xEF\xBF\xBD";
      ++i;
    } else {
      to.append(text, i, length);
      i += length;
    }
  }
}

class TextRead final : public Source {
 public:
  TextRead(std::vector<std::string> files, TextReadOptions options)
      : num_files_(files.size()),
        options_(std::move(options)),
        reader_(std::move(files), {.max_line_bytes = options_.max_record_bytes}),
        start_(options_.start, RE2::Quiet) {}

  OperatorTraits traits() const override { return {.saves = reader_.is_seekable()}; }
  Result<StreamType> bind(const StreamType&) override {
    PENSTOCK_TRY(reader_.open());
    std::vector<Field> fields = {{"line", Type::kUtf8}};
    if (options_.number) fields.push_back({"number", Type::kInt64});
    PENSTOCK_ASSIGN(schema_, make_schema(std::move(fields)));
    return StreamType::of_schema(schema_);
  }
  std::string note() const override { return note_on_files(num_files_); }
  Status open(OperatorContext& context) override {
    context_ = &context;
    builder_.emplace(schema_, *context.pool);
    reader_.stop_with(context.stop);
    return {};
  }
  Result<Next> produce(Emitter& out) override;
  Status save(StateWriter& to) override {
    (has_line_ ? before_line_ : reader_.position()).save(to);
    to.integer(records_);
    return {};
  }
  Status restore(StateReader& from) override {
    PENSTOCK_TRY(reader_.go_to(LineReader::Position::restored(from)));
    records_ = from.integer();
    return {};
  }
  SourceProgress progress() const noexcept override { return {reader_.bytes_done(), reader_.bytes_total(), "bytes"}; }

 private:
  // A record before it is checked; the text lives until the next one is read.
  struct Piece {
    std::string_view text;
    const std::string* file = nullptr;
    std::uint64_t line = 0;
    std::uint64_t size_bytes = 0;
    bool valid_utf8 = true;
    bool too_long = false;
  };

  Result<bool> next_piece(Piece& piece) { return options_.cut == Cut::kLine ? next_line(piece) : next_lines(piece); }
  Result<bool> next_line(Piece& piece);
  Result<bool> next_lines(Piece& piece);
  Result<bool> advance();
  void add_line(Piece& piece);
  bool begins_record() const;
  Status take(const Piece& piece);
  Status reject(const Piece& piece, std::string reason);

  std::size_t num_files_;
  TextReadOptions options_;
  LineReader reader_;
  RE2 start_;
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
  std::optional<RecordBatchBuilder> builder_;
  std::uint64_t records_ = 0;

  // For records of several lines.
  Line line_;  // read, but not part of a record yet
  LineReader::Position before_line_;
  bool has_line_ = false;
  std::string text_;
  std::string replaced_;
};

Result<Source::Next> TextRead::produce(Emitter& out) {
  bool more = true;
  while (more && builder_->num_rows() < context_->batch_size &&
         builder_->column(0).text_bytes() < kMostBatchTextBytes && (builder_->num_rows() == 0 || reader_.ready())) {
    if (context_->stop->cancelled()) return Next::kEnd;
    Piece piece;
    PENSTOCK_ASSIGN(more, next_piece(piece));
    if (more) PENSTOCK_TRY(take(piece));
  }
  const bool wanted = builder_->num_rows() == 0 || out.emit(builder_->finish());
  return more && wanted ? Next::kMore : Next::kEnd;
}

Result<bool> TextRead::next_line(Piece& piece) {
  Line line;
  PENSTOCK_ASSIGN(const bool more, reader_.next(line));
  if (more) piece = {line.text, &reader_.file(), line.number, line.size_bytes, line.valid_utf8, line.too_long};
  return more;
}

Result<bool> TextRead::advance() {
  before_line_ = reader_.position();
  PENSTOCK_ASSIGN(has_line_, reader_.next(line_));
  return has_line_;
}

Result<bool> TextRead::next_lines(Piece& piece) {
  if (!has_line_) PENSTOCK_TRY(advance());
  while (options_.cut == Cut::kBlank && has_line_ && is_blank(line_.text)) PENSTOCK_TRY(advance());
  if (!has_line_) return false;
  text_.clear();
  piece = {{}, &reader_.file(), line_.number, 0, true, false};
  do {
    add_line(piece);
    PENSTOCK_TRY(advance());
  } while (has_line_ && line_.number != 1 && !begins_record());  // line 1: of the next file
  if (piece.too_long) text_.resize(std::min(text_.size(), Line::kKeptBytes));
  piece.text = text_;
  return true;
}

bool TextRead::begins_record() const {
  if (options_.cut == Cut::kBlank) return is_blank(line_.text);
  return RE2::PartialMatch(re2::StringPiece(line_.text.data(), line_.text.size()), start_);
}

void TextRead::add_line(Piece& piece) {
  const bool first = line_.number == piece.line;
  piece.size_bytes += line_.size_bytes + (first ? 0 : 1);
  piece.valid_utf8 = piece.valid_utf8 && line_.valid_utf8;
  const std::size_t more = line_.text.size() + (first ? 0 : 1);
  piece.too_long = piece.too_long || line_.too_long || text_.size() + more > options_.max_record_bytes;
  if (piece.too_long && text_.size() >= Line::kKeptBytes) return;
  if (!first) text_ += '\n';
  text_ += piece.too_long ? line_.text.substr(0, Line::kKeptBytes) : line_.text;
}

Status TextRead::take(const Piece& piece) {
  ++records_;
  std::string_view text = piece.text;
  if (piece.too_long) {
    return reject(piece, fmt::format("the record has {} bytes, more than max_record_bytes = {}", piece.size_bytes,
                                     options_.max_record_bytes));
  }
  if (!piece.valid_utf8) {
    if (!options_.replace_invalid) return reject(piece, "invalid UTF-8");
    replaced_.clear();
    append_replaced(replaced_, text);
    text = replaced_;
  }
  builder_->column(0).append_text(text);
  if (options_.number) builder_->column(1).append_int64(static_cast<std::int64_t>(piece.line));
  return {};
}

Status TextRead::reject(const Piece& piece, std::string reason) {
  return context_->errors->reject({.record = records_ - 1,
                                   .reason = std::move(reason),
                                   .raw = context_->errors->raw_unused() ? std::string() : std::string(piece.text),
                                   .column = "line",
                                   .file = *piece.file,
                                   .line = piece.line});
}

Result<TextReadOptions> read_options(const Options& options) {
  TextReadOptions read;
  if (options.text("separator") == "blank") read.cut = Cut::kBlank;
  if (options.has("start")) {
    const Place place = options.place("start");
    if (read.cut == Cut::kBlank) {
      return Error(ErrorCode::kInvalidArgument, "options \"start\" and separator = \"blank\" exclude each other")
          .at(place.to_text())
          .hint("take one of them away");
    }
    read.cut = Cut::kStart;
    read.start = options.text("start");
    const RE2 pattern(read.start, RE2::Quiet);
    if (!pattern.ok()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("option \"start\" is no regular expression: {}: {}",
                                                            pattern.error(), pattern.error_arg()))
          .at(place.to_text())
          .hint("the syntax is https://github.com/google/re2/wiki/Syntax");
    }
  }
  const std::int64_t most = options.integer("max_record_bytes");
  if (most < 1 || most > std::int64_t{1} << 30) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("option \"max_record_bytes\" is {}, expected 1 to 1GiB", most))
        .at(options.place("max_record_bytes").to_text());
  }
  read.max_record_bytes = static_cast<std::size_t>(most);
  read.replace_invalid = options.text("invalid_utf8") == "replace";
  read.number = options.boolean("number");
  return read;
}

Result<std::unique_ptr<Operator>> make_text_read(const Options& options) {
  PENSTOCK_ASSIGN(TextReadOptions read, read_options(options));
  PENSTOCK_ASSIGN(std::vector<std::string> files, input_files(options));
  return std::unique_ptr<Operator>(std::make_unique<TextRead>(std::move(files), std::move(read)));
}

}  // namespace

OperatorInfo text_read_info() {
  return {
      .name = "text.read",
      .role = OperatorInfo::Role::kSource,
      .summary = "Reads text files: a record per line, per paragraph, or from one matching line to the next.",
      .options =
          {input_path_option(),
           {.name = "separator",
            .kind = OptionKind::kChoice,
            .doc = "What ends a record: each line, or blank lines (paragraphs; blank lines at the ends are dropped).",
            .default_value = "line",
            .choices = {"line", "blank"},
            .example = "\"blank\""},
           {.name = "start",
            .doc = "A regular expression: a record begins with each line in which it matches and has all lines up to "
                   "the next "
                   "such one. Lines before the first match are a record of their own.",
            .example = "'^\\d{4}-\\d\\d-\\d\\d '"},
           {.name = "number",
            .kind = OptionKind::kBool,
            .doc = "Adds the column `number`: the line, from 1, of its file with which the record begins.",
            .default_value = false},
           {.name = "invalid_utf8",
            .kind = OptionKind::kChoice,
            .doc = "Records with bytes that are not UTF-8: reject them, or replace each such byte with U+FFFD.",
            .default_value = "reject",
            .choices = {"reject", "replace"}},
           {.name = "max_record_bytes",
            .kind = OptionKind::kBytes,
            .doc = "Longer records are rejected; 1 to 1GiB.",
            .default_value = "16MiB",
            .example = "\"1MiB\""}},
      .make = make_text_read,
      .example = "op = \"text.read\"\npath = \"logs/*.log\"\nstart = '^\\d{4}-\\d\\d-\\d\\d '\n",
  };
}

}  // namespace penstock
