// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "operators/io/csv/column_parse.h"
#include "operators/io/csv/reasons.h"
#include "operators/io/csv/row_writer.h"
#include "operators/io/csv/splitter.h"
#include "operators/io/exec/record_talk.h"
#include "operators/io/typed_text.h"

namespace penstock::exec {
namespace {

std::string names_of(const Schema& schema) {
  csv::RowWriter writer({});
  writer.append_names(schema);
  return std::string(writer.bytes());
}

class CsvRows final : public RecordTalk {
 public:
  CsvRows(SchemaPtr asked, SchemaPtr answer)
      : asked_schema_(std::move(asked)), schema_(std::move(answer)), writer_({}), rules_(csv::Dialect{}) {}

  std::unique_ptr<AnswerEnds> answer_ends() const override { return csv_rows_as_answers(); }
  std::string greeting() const override { return names_of(*asked_schema_); }
  RowEffect rows() const noexcept override { return RowEffect::kKeeps; }

  Result<std::size_t> put_questions(const RecordBatch& rows, std::string& to, const Reject& reject) override {
    asked_.clear();
    writer_.start_batch(rows);
    for (std::size_t row = 0; row < rows.num_rows();) {
      const std::size_t next = writer_.append_rows(row, rows.num_rows());
      for (; row < next; ++row) asked_.push_back(row);
      const bool flushes = writer_.should_flush();
      to += writer_.bytes();
      writer_.clear();
      if (flushes || row == rows.num_rows()) continue;
      PENSTOCK_TRY(reject(row++, "a timestamp outside the years 0001 to 9999 has no text",
                          rows.schema()[writer_.bad_column()].name));
    }
    return asked_.size();
  }

  Result<RecordBatch> take_answers(std::string& answers, bool greeted, const RecordBatch&, const Reject& reject,
                                   BufferPool& pool) override {
    std::size_t expected = asked_.size();
    std::string_view left = answers;
    if (greeted) {
      PENSTOCK_TRY(take_names(left));
    }
    RecordBatchBuilder builder(schema_, pool);
    csv::Splitter splitter(csv::Dialect{}, csv::Scan::kRowByRow);
    std::size_t taken = 0;
    while (!left.empty()) {
      left.remove_prefix(splitter.split(left.data(), left.size(), true));
      const csv::Index& index = splitter.index();
      for (std::size_t i = 0; i < index.num_rows; ++i, ++taken) {
        if (taken < expected) PENSTOCK_TRY(take(index, index.rows[i], asked_[taken], builder, reject));
      }
    }
    if (taken == expected) return builder.finish();
    return Error(ErrorCode::kUserCode,
                 fmt::format("the program answered {} rows of CSV with {}, by the rules for quotes", expected, taken))
        .hint("a cell that holds a quote stands in quotes, and its quotes are doubled");
  }

 private:
  Status take_names(std::string_view& left) const {
    csv::Splitter splitter(csv::Dialect{}, csv::Scan::kRowByRow);
    (void)splitter.split(left.data(), left.size(), true);
    const csv::Index& index = splitter.index();
    const std::string_view names = index.num_rows == 0 ? std::string_view() : index.raw(index.rows[0]);
    std::string expected = names_of(*schema_);
    expected.pop_back();
    left.remove_prefix(std::min(left.size(), names.size() + 1));
    if (names == expected || names == expected + "\r") return {};
    return Error(ErrorCode::kUserCode,
                 fmt::format("the program's first row names the columns {}, expected {}", excerpt(names), expected))
        .hint("its first row must hold the names of the columns of its answers: option \"schema\"");
  }

  Status take(const csv::Index& index, const csv::Row& row, std::size_t asked, RecordBatchBuilder& to,
              const Reject& reject) {
    const std::size_t columns = schema_->size();
    const bool is_one_null = columns == 1 && (row.flags & csv::kBlankRow) != 0;
    if (!is_one_null && ((row.flags & csv::kMalformedRow) != 0 || row.columns != columns)) {
      return reject(asked,
                    fmt::format("the program answered {}: {}", excerpt(index.raw(row)), csv::reason_for(row, columns)),
                    {});
    }
    for (std::size_t c = 0; c < columns; ++c) {
      ColumnBuilder& column = to.column(c);
      const csv::CellValue value =
          is_one_null ? csv::CellValue{{}, true}
                      : csv::value_of(index.cell(row, static_cast<std::uint32_t>(c)), rules_, scratch_);
      if (value.null) {
        column.append_null();
      } else if (const std::string why = append(value.text, column); !why.empty()) {
        for (std::size_t done = 0; done < c; ++done) to.column(done).pop_back();
        return reject(asked, fmt::format("the program answered {}: {}", excerpt(index.raw(row)), why),
                      (*schema_)[c].name);
      }
    }
    return {};
  }

  // Returns why the text was not taken, or nothing.
  static std::string append(std::string_view text, ColumnBuilder& to) {
    if (to.type() == Type::kUtf8 && !is_utf8(text)) return "it is not UTF-8";
    const ParseOutcome outcome = append_typed(to, text);
    return outcome == ParseOutcome::kOk ? std::string() : explain_typed(outcome, to.type(), text);
  }

  SchemaPtr asked_schema_;
  SchemaPtr schema_;
  csv::RowWriter writer_;
  csv::CellRules rules_;
  std::vector<std::size_t> asked_;  // by question: the row of the batch
  std::string scratch_;
};

}  // namespace

std::unique_ptr<RecordTalk> talk_in_csv(SchemaPtr asked, SchemaPtr answer) {
  return std::make_unique<CsvRows>(std::move(asked), std::move(answer));
}

}  // namespace penstock::exec
