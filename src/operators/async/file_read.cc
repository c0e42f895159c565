// SPDX-License-Identifier: MIT
// The operator `file.read`: the text of a file for every row.
#include <penstock/async_io.h>

#include "operators/async/async_rows.h"

namespace penstock {
namespace {

class FileCall final : public RowCall {
 public:
  explicit FileCall(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  Task<Result<RowValues>> call(RowArguments arguments) override {
    if (!arguments[0]) co_return Error(ErrorCode::kInvalidArgument, "the path is null");
    Task<Result<std::string>> reading = read_file(std::move(*arguments[0]), max_bytes_);
    Result<std::string> bytes = co_await std::move(reading);
    if (!bytes) co_return std::move(bytes).error();
    RowValues values(1);
    values[0].text = std::move(*bytes);
    co_return values;
  }

 private:
  std::size_t max_bytes_;
};

Result<std::unique_ptr<Operator>> make_file_read(const Options& options) {
  RowCallsOptions calls{.op = "file.read"};
  calls.arguments = {row_argument(options, "path")};
  calls.columns = {{options.text("as"), Type::kUtf8}};
  PENSTOCK_ASSIGN(calls.limits, call_limits(options));
  PENSTOCK_ASSIGN(const std::size_t max_bytes, most_bytes(options));
  return make_row_calls(std::move(calls), std::make_unique<FileCall>(max_bytes));
}

}  // namespace

OperatorInfo file_read_info() {
  return {.name = "file.read",
          .summary = "Adds the text of a file to each row, many files at a time.",
          .options = with_call_options(
              {{.name = "path",
                .kind = OptionKind::kExpression,
                .doc = "The path of the file, from the row.",
                .required = true,
                .example = "\"folder || '/' || name\""},
               {.name = "as", .kind = OptionKind::kText, .doc = "The new column.", .default_value = "content"},
               {.name = "max_bytes",
                .kind = OptionKind::kBytes,
                .doc = "A larger file is an error of its row.",
                .default_value = "16MiB"}},
              16),
          .make = make_file_read,
          .example = "op = \"file.read\"\npath = \"'notes/' || name || '.txt'\"\nas = \"text\"\n"};
}

}  // namespace penstock
