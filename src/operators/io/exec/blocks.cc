// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <cstring>
#include <functional>

#include "data/batch_bytes.h"
#include "data/rows_without.h"
#include "operators/io/exec/record_talk.h"

namespace penstock::exec {
namespace {

constexpr const char* kRejected = "rejected";

Error wrong(std::string what) { return Error(ErrorCode::kUserCode, "the program's answer " + std::move(what)); }

class Blocks final : public RecordTalk {
 public:
  explicit Blocks(SchemaPtr answer) : schema_(std::move(answer)) {}

  std::unique_ptr<AnswerEnds> answer_ends() const override { return blocks_as_answers(); }
  RowEffect rows() const noexcept override { return RowEffect::kKeeps; }

  Result<std::size_t> put_questions(const RecordBatch& rows, std::string& to, const Reject&) override {
    const std::uint64_t size = encoded_size(rows);
    to.append(reinterpret_cast<const char*>(&size), sizeof size);
    const std::size_t at = to.size();
    to.resize(at + size);
    encode_batch(rows, std::as_writable_bytes(std::span(to)).subspan(at));
    return 1;
  }

  Result<RecordBatch> take_answers(std::string& answers, bool, const RecordBatch& asked, const Reject& reject,
                                   BufferPool& pool) override {
    PENSTOCK_ASSIGN(const RecordBatch block, decode(answers, pool));
    if (block.num_rows() != asked.num_rows())
      return wrong(fmt::format("to {} records has {}", asked.num_rows(), block.num_rows()));
    PENSTOCK_ASSIGN(RecordBatch expected, expected_columns(block));
    const std::size_t why =
        schema_->index_of(kRejected) == Schema::kNone ? block.schema().index_of(kRejected) : Schema::kNone;
    if (why == Schema::kNone || block.column(why).type() != Type::kUtf8) return expected;
    std::vector<std::uint32_t> rejected;
    for (std::size_t row = 0; row < block.num_rows(); ++row) {
      if (block.column(why).is_null(row)) continue;
      PENSTOCK_TRY(reject(row, std::string(block.column(why).text(row)), {}));
      rejected.push_back(static_cast<std::uint32_t>(row));
    }
    if (rejected.empty()) return expected;
    return expected.take(rows_without(rejected, block.num_rows(), std::identity()), pool);
  }

 private:
  // Columns of blocks are read where they are, aligned.
  static Result<RecordBatch> decode(std::string_view answer, BufferPool& pool) {
    answer.remove_prefix(sizeof(std::uint64_t));
    const auto bytes = std::make_shared<Buffer>(pool.allocate(answer.size()));
    std::memcpy(bytes->mutable_data(), answer.data(), answer.size());
    bytes->set_size(answer.size());
    Result<RecordBatch> batch = decode_batch(std::as_bytes(std::span(bytes->data(), answer.size())), bytes);
    if (batch) return batch;
    return wrong("is no batch: " + batch.error().message()).hint("docs/formats/batch.md says what a block is");
  }

  Result<RecordBatch> expected_columns(const RecordBatch& block) const {
    std::vector<Column> columns;
    for (const Field& field : schema_->fields()) {
      const std::size_t index = block.schema().index_of(field.name);
      if (index == Schema::kNone || block.schema()[index] != field)
        return wrong(fmt::format("has the columns {}; expected {}", block.schema().to_text(), schema_->to_text()));
      columns.push_back(block.column(index));
    }
    return RecordBatch(schema_, std::move(columns), block.num_rows());
  }

  SchemaPtr schema_;
};

}  // namespace

std::unique_ptr<RecordTalk> talk_in_blocks(SchemaPtr answer) { return std::make_unique<Blocks>(std::move(answer)); }

}  // namespace penstock::exec
