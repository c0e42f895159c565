// SPDX-License-Identifier: MIT
// How records are put to a program, and what its answers are taken for: JSON Lines, CSV, or blocks.
#pragma once

#include <penstock/operator.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "operators/io/exec/answer_ends.h"

namespace penstock::exec {

/// Called for a record that the program, or what it answered, rejects: its number in the batch, why, and the column at
/// fault or an empty text. An error ends the work.
using Reject = std::function<Status(std::size_t row, std::string reason, std::string column)>;

/// One way to talk. Used by one thread.
class RecordTalk {
 public:
  virtual ~RecordTalk();
  /// Says where answers end.
  virtual std::unique_ptr<AnswerEnds> answer_ends() const = 0;
  /// What the program gets in front of its first question, and answers; mostly empty.
  virtual std::string greeting() const { return {}; }
  /// What becomes of records: whether the program may drop some.
  virtual RowEffect rows() const noexcept = 0;
  /// Appends the questions that the records are; returns how many. Rejects those that cannot be put.
  virtual Result<std::size_t> put_questions(const RecordBatch& rows, std::string& to, const Reject& reject) = 0;
  /// Returns the records that are in the answers to all records of `asked`. `answers` may be changed, and begins with
  /// the answer to the greeting if `greeted`.
  virtual Result<RecordBatch> take_answers(std::string& answers, bool greeted, const RecordBatch& asked,
                                           const Reject& reject, BufferPool& pool) = 0;
};

/// A line for each record: an object. The answer is an object, null, which drops the record, or a string, which rejects
/// it.
std::unique_ptr<RecordTalk> talk_in_json_lines(SchemaPtr answer);
/// A row for each record, behind one row of names; the same of answers. `asked`: the columns of the questions.
std::unique_ptr<RecordTalk> talk_in_csv(SchemaPtr asked, SchemaPtr answer);
/// A block for each batch, behind its length; the answer is a block with as many records. A column "rejected" of texts,
/// if it is not among those that are expected, says why records are rejected.
std::unique_ptr<RecordTalk> talk_in_blocks(SchemaPtr answer);

}  // namespace penstock::exec
