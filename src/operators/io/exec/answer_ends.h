// SPDX-License-Identifier: MIT
// Where answers end in what a program writes.
#pragma once

#include <penstock/result.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace penstock::exec {

/// Finds the ends of answers, however the bytes are cut. Used by one thread.
class AnswerEnds {
 public:
  virtual ~AnswerEnds();
  /// The next bytes are the first of an answer.
  virtual void begin() noexcept = 0;
  /// Looks at the next bytes and returns how many answers end in them. kResourceExhausted, for the middle of a
  /// sentence, when an answer is longer than it may be.
  virtual Result<std::size_t> look(std::string_view more) = 0;
  /// Whether the bytes so far end where an answer does.
  virtual bool is_between() const noexcept = 0;
  /// What an answer is: "line", "row", "batch".
  virtual const char* name() const noexcept = 0;
};

/// Lines, each of at most 64 MiB.
std::unique_ptr<AnswerEnds> lines_as_answers();
/// Rows of CSV: a line feed inside of quotes is part of a cell. At most 64 MiB each.
std::unique_ptr<AnswerEnds> csv_rows_as_answers();
/// Blocks of at most 2 GiB, each behind its length: 8 bytes, the lowest first.
std::unique_ptr<AnswerEnds> blocks_as_answers();

}  // namespace penstock::exec
