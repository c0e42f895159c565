// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <optional>

#include "data/json_text.h"
#include "operators/io/csv/reasons.h"
#include "operators/io/exec/record_talk.h"
#include "operators/io/json/json_rows.h"

namespace penstock::exec {
namespace {

class JsonLines final : public RecordTalk {
 public:
  explicit JsonLines(SchemaPtr answer) : schema_(std::move(answer)), parser_(schema_, false) {}

  std::unique_ptr<AnswerEnds> answer_ends() const override { return lines_as_answers(); }
  RowEffect rows() const noexcept override { return RowEffect::kDrops; }

  Result<std::size_t> put_questions(const RecordBatch& rows, std::string& to, const Reject&) override {
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      append_json_row(to, rows, row);
      to += '\n';
    }
    return rows.num_rows();
  }

  Result<RecordBatch> take_answers(std::string& answers, bool, const RecordBatch& asked, const Reject& reject,
                                   BufferPool& pool) override {
    RecordBatchBuilder builder(schema_, pool);
    answers.append(json::ObjectReader::kPaddingBytes, '\0');
    std::string_view left(answers.data(), answers.size() - json::ObjectReader::kPaddingBytes);
    for (std::size_t row = 0; row < asked.num_rows(); ++row) {
      const std::size_t end = left.find('\n');
      PENSTOCK_TRY(take(left.substr(0, end), row, builder, reject));
      left.remove_prefix(end + 1);
    }
    return builder.finish();
  }

 private:
  Status take(std::string_view answer, std::size_t row, RecordBatchBuilder& to, const Reject& reject) {
    if (answer.ends_with('\r')) answer.remove_suffix(1);
    if (answer == "null" || parser_.append(answer, to)) return {};
    if (std::optional<std::string> refusal = refusal_in(answer)) return reject(row, std::move(*refusal), {});
    return reject(row, fmt::format("the program answered {}: {}", csv::excerpt(answer), parser_.reason()),
                  parser_.column());
  }

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

  SchemaPtr schema_;
  json::RowParser parser_;
  json::ObjectReader refusals_;
};

}  // namespace

RecordTalk::~RecordTalk() = default;

std::unique_ptr<RecordTalk> talk_in_json_lines(SchemaPtr answer) {
  return std::make_unique<JsonLines>(std::move(answer));
}

}  // namespace penstock::exec
