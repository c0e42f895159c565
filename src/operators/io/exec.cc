// SPDX-License-Identifier: MIT
// The operator `exec`: a program in any language makes of each record another one.
#include <fmt/format.h>

#include <optional>

#include "data/json_text.h"
#include "operators/io/csv/reasons.h"
#include "operators/io/formats.h"
#include "operators/io/json/json_rows.h"
#include "operators/io/line_program.h"
#include "operators/io/record_input.h"
#include "operators/io/typed_text.h"

namespace penstock {
namespace {

struct ExecOptions {
  std::vector<std::string> command;
  std::optional<std::vector<Field>> schema;
  bool stateless = false;
  std::string place;
};

class Exec final : public Operator {
 public:
  explicit Exec(ExecOptions options) : options_(std::move(options)) {}

  OperatorTraits traits() const override { return {.stateless = options_.stateless, .rows = RowEffect::kDrops}; }

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_TRY(expect_record_batches("exec", input));
    PENSTOCK_TRY(expect_columns_of_text("exec", *input.schema));
    auto program = LineProgram::find(options_.command, !options_.stateless);
    if (!program) return std::move(program).error().at(options_.place);
    program_.emplace(std::move(*program));
    schema_ = input.schema;
    if (options_.schema) {
      PENSTOCK_ASSIGN(schema_, make_schema(*options_.schema));
    }
    parser_.emplace(schema_, false);
    return StreamType::of_schema(schema_);
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    builder_.emplace(schema_, *context.pool);
    return program_->start();
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    questions_.clear();
    answers_.clear();
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      append_json_row(questions_, rows, row);
      questions_ += '\n';
    }
    PENSTOCK_TRY(program_->ask(questions_, rows.num_rows(), answers_, context_->stop));
    answers_.append(json::ObjectReader::kPaddingBytes, '\0');
    std::string_view left(answers_.data(), answers_.size() - json::ObjectReader::kPaddingBytes);
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      const std::size_t end = left.find('\n');
      PENSTOCK_TRY(take(left.substr(0, end), rows, row));
      left.remove_prefix(end + 1);
    }
    out.emit(builder_->finish());
    return {};
  }

  Status finish(Emitter&) override { return program_->finish(context_->stop); }
  void abort() noexcept override {
    if (program_) program_->kill();
  }

 private:
  // The text of a JSON string, which says why the record is refused.
  std::optional<std::string> refusal_in(std::string_view answer) {
    if (!answer.starts_with('"')) return std::nullopt;
    std::string object = fmt::format("{{\"reason\":{}}}", answer);
    const std::size_t size = object.size();
    object.append(json::ObjectReader::kPaddingBytes, '\0');
    json::Member member;
    const bool whole = refusals_.start(std::string_view(object.data(), size)) && refusals_.next(member);
    if (!whole || member.kind != json::Kind::kString) return std::nullopt;
    return std::string(member.text);
  }

  Status take(std::string_view answer, const RecordBatch& rows, std::size_t row) {
    if (answer.ends_with('\r')) answer.remove_suffix(1);
    if (answer == "null") return {};
    if (parser_->append(answer, *builder_)) return {};
    const std::optional<std::string> refusal = refusal_in(answer);
    const std::string reason =
        refusal ? *refusal : fmt::format("the program answered {}: {}", csv::excerpt(answer), parser_->reason());
    return context_->errors->reject({.record = row,
                                     .reason = reason,
                                     .raw = context_->errors->raw_unused() ? std::string() : rows.row_to_json(row),
                                     .column = refusal ? std::string() : parser_->column()});
  }

  ExecOptions options_;
  std::optional<LineProgram> program_;
  SchemaPtr schema_;
  std::optional<json::RowParser> parser_;
  OperatorContext* context_ = nullptr;
  std::optional<RecordBatchBuilder> builder_;
  json::ObjectReader refusals_;
  std::string questions_;
  std::string answers_;
};

Result<std::unique_ptr<Operator>> make_exec(const Options& options) {
  ExecOptions exec;
  exec.command = options.texts("command");
  exec.place = options.place("command").to_text();
  if (exec.command.empty() || exec.command.front().empty()) {
    return Error(ErrorCode::kInvalidArgument, "option \"command\" names no program").at(exec.place);
  }
  if (options.has("schema")) {
    PENSTOCK_ASSIGN(exec.schema, fields_from_table(options, "schema"));
  }
  exec.stateless = options.boolean("stateless");
  return std::unique_ptr<Operator>(std::make_unique<Exec>(std::move(exec)));
}

}  // namespace

OperatorInfo exec_info() {
  return {
      .name = "exec",
      .summary =
          "Lets a program in any language work on the records: it reads a JSON object per line and answers each with "
          "one line: "
          "an object is the record that goes on, null drops it, a string rejects it with that reason.",
      .options = {{.name = "command",
                   .kind = OptionKind::kTexts,
                   .doc = "The program and its arguments, each a text of its own; no shell is in between. It runs once "
                          "for the whole input and must not keep its answers back: flush after each line, or put "
                          "\"stdbuf\", \"-oL\" in front of the words. Python is told to.",
                   .required = true,
                   .example = "[\"python3\", \"score.py\"]"},
                  {.name = "schema",
                   .kind = OptionKind::kTable,
                   .doc = "The columns of its answers, with their types; by default those of the input.",
                   .example = "{ id = \"int64\", score = \"float64\" }"},
                  {.name = "stateless",
                   .kind = OptionKind::kBool,
                   .doc = "true: its answer depends on the line alone, so strategies may start several of it.",
                   .default_value = false}},
      .make = make_exec,
      .example = "op = \"exec\"\ncommand = [\"cat\"]\n",
  };
}

}  // namespace penstock
