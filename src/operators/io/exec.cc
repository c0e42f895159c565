// SPDX-License-Identifier: MIT
// The operator `exec`: a program in any language makes of each record another one.
#include <optional>

#include "operators/io/exec/answering_program.h"
#include "operators/io/exec/record_talk.h"
#include "operators/io/formats.h"
#include "operators/io/record_input.h"
#include "operators/io/typed_text.h"

namespace penstock {
namespace {

enum class ExecFormat : std::uint8_t { kJson, kCsv, kBlocks };

struct ExecOptions {
  std::vector<std::string> command;
  std::optional<std::vector<Field>> schema;
  ExecFormat format = ExecFormat::kJson;
  bool stateless = false;
  std::string place;
};

std::unique_ptr<exec::RecordTalk> talk_in(ExecFormat format, const SchemaPtr& asked, const SchemaPtr& answer) {
  switch (format) {
    case ExecFormat::kJson: break;
    case ExecFormat::kCsv: return exec::talk_in_csv(asked, answer);
    case ExecFormat::kBlocks: return exec::talk_in_blocks(answer);
  }
  return exec::talk_in_json_lines(answer);
}

class Exec final : public Operator {
 public:
  explicit Exec(ExecOptions options) : options_(std::move(options)) {}

  OperatorTraits traits() const override {
    return {.stateless = options_.stateless,
            .rows = options_.format == ExecFormat::kJson ? RowEffect::kDrops : RowEffect::kKeeps};
  }

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_TRY(expect_record_batches("exec", input));
    SchemaPtr answer = input.schema;
    if (options_.schema) {
      PENSTOCK_ASSIGN(answer, make_schema(*options_.schema));
    }
    if (options_.format != ExecFormat::kBlocks) {
      for (const SchemaPtr& schema : {input.schema, answer}) PENSTOCK_TRY(expect_columns_of_text("exec", *schema));
    }
    talk_ = talk_in(options_.format, input.schema, answer);
    auto program = exec::AnsweringProgram::find(options_.command, !options_.stateless, talk_->answer_ends());
    if (!program) return std::move(program).error().at(options_.place);
    program_.emplace(std::move(*program));
    program_->greet_with(talk_->greeting());
    return StreamType::of_schema(std::move(answer));
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    return program_->start();
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    const exec::Reject reject = [&](std::size_t row, std::string reason, std::string column) {
      return context_->errors->reject({.record = row,
                                       .reason = std::move(reason),
                                       .raw = context_->errors->raw_unused() ? std::string() : rows.row_to_json(row),
                                       .column = std::move(column)});
    };
    questions_.clear();
    answers_.clear();
    PENSTOCK_ASSIGN(const std::size_t count, talk_->put_questions(rows, questions_, reject));
    PENSTOCK_TRY(program_->ask(questions_, count, answers_, context_->stop));
    PENSTOCK_ASSIGN(RecordBatch made,
                    talk_->take_answers(answers_, program_->answered_greeting(), rows, reject, *context_->pool));
    out.emit(std::move(made));
    return {};
  }

  Status finish(Emitter&) override { return program_->finish(context_->stop); }
  void abort() noexcept override {
    if (program_) program_->kill();
  }

 private:
  ExecOptions options_;
  std::unique_ptr<exec::RecordTalk> talk_;
  std::optional<exec::AnsweringProgram> program_;
  OperatorContext* context_ = nullptr;
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
  exec.stateless = options.boolean("stateless");
  const std::string& format = options.text("format");
  exec.format = format == "csv" ? ExecFormat::kCsv : format == "blocks" ? ExecFormat::kBlocks : ExecFormat::kJson;
  if (options.has("schema")) {
    PENSTOCK_ASSIGN(exec.schema, fields_from_table(options, "schema", exec.format == ExecFormat::kBlocks));
  }
  return std::unique_ptr<Operator>(std::make_unique<Exec>(std::move(exec)));
}

}  // namespace

OperatorInfo exec_info() {
  return {
      .name = "exec",
      .summary =
          "Lets a program in any language work on the records: it reads a JSON object per line and answers each with "
          "one line: "
          "an object is the record that goes on, null drops it, a string rejects it with that reason. Or it reads and "
          "writes CSV, or batches in blocks.",
      .options = {{.name = "command",
                   .kind = OptionKind::kTexts,
                   .doc = "The program and its arguments, each a text of its own; no shell is in between. It runs once "
                          "for the whole input and must not keep its answers back: flush after each one, or put "
                          "\"stdbuf\", \"-oL\" in front of the words. Python is told to.",
                   .required = true,
                   .example = "[\"python3\", \"score.py\"]"},
                  {.name = "format",
                   .kind = OptionKind::kChoice,
                   .doc =
                       "What it reads and writes. json: a line for each record. csv: a row for each record, behind "
                       "one row of names. blocks: for each batch a block of bytes, behind its length in 8 bytes, the "
                       "lowest first; columns of images and tensors need it.",
                   .default_value = "json",
                   .choices = {"json", "csv", "blocks"}},
                  {.name = "schema",
                   .kind = OptionKind::kTable,
                   .doc = "The columns of its answers, with their types; by default those of the input. In blocks also "
                          "\"image\" and tensors, \"f32 [3, 224, 224]\".",
                   .example = "{ id = \"int64\", score = \"float64\" }"},
                  {.name = "stateless",
                   .kind = OptionKind::kBool,
                   .doc = "true: its answer depends on the question alone, so strategies may start several of it.",
                   .default_value = false}},
      .make = make_exec,
      .example = "op = \"exec\"\ncommand = [\"cat\"]\n",
  };
}

}  // namespace penstock
