// SPDX-License-Identifier: MIT
// Parses arbitrary bytes as lines of JSON and compares with nlohmann's parser and with a plain check of the grammar: no
// line that is JSON may be refused, none that is not may become a row. The first byte chooses the types of the columns.
#include <penstock/buffer.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "operators/io/json/json_check.h"
#include "operators/io/json/json_rows.h"

namespace json = penstock::json;

namespace {

[[noreturn]] void differs(const char* what, std::string_view line) {
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(line.size()), line.data());
  std::abort();
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

// With columns of text every object is a row, unless a key is there twice or it is nested too deep.
void check_against_others(std::string_view line, const json::RowParser& parser, bool row) {
  const bool is_object = line.find_first_not_of(" \t\r") < line.size() && line[line.find_first_not_of(" \t\r")] == '{';
  if (row && !(is_object && json::is_value(line))) differs("a row was made of what is no JSON object", line);
  // nlohmann skips a byte order mark, and takes a NUL for the end.
  if (row || line.starts_with("\xEF\xBB\xBF") || line.find('\0') != std::string_view::npos) return;
  if (parser.reason() == "the key is there twice" || parser.reason().find("nested too deep") != std::string::npos)
    return;
  if (is_object && nlohmann::json::accept(line)) differs("an object was refused", line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const bool all_text = (data[0] & 1) == 0;
  const auto type = [&](penstock::Type wanted) { return all_text ? penstock::Type::kUtf8 : wanted; };
  const auto schema = penstock::make_schema({{"i", type(penstock::Type::kInt64)},
                                             {"x", type(penstock::Type::kFloat64)},
                                             {"b", type(penstock::Type::kBool)},
                                             {"t", type(penstock::Type::kTimestamp)},
                                             {"s", penstock::Type::kUtf8}});
  json::RowParser parser(*schema, (data[0] & 2) != 0);
  penstock::RecordBatchBuilder builder(*schema, penstock::BufferPool::shared());
  std::size_t rows = 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string padded(text.substr(begin, end - begin));  // on the heap, so that reading too far is seen
    const std::size_t length = padded.size();
    padded.resize(length + json::ObjectReader::kPaddingBytes, 'x');
    const std::string_view line(padded.data(), length);
    const bool row = parser.append(line, builder);
    rows += row ? 1 : 0;
    if (builder.num_rows() != rows) differs("the columns are not of one length", line);
    if (all_text && (data[0] & 2) == 0 && !is_blank(line)) check_against_others(line, parser, row);
    begin = end + 1;
  }
  const penstock::RecordBatch batch = builder.finish();
  for (std::size_t i = 0; i < batch.num_columns(); ++i) {
    if (batch.column(i).size() != rows) differs("a column has another length", batch.schema()[i].name);
  }
  for (std::size_t row = 0; row < rows; ++row) {
    if (!nlohmann::json::accept(batch.row_to_json(row))) differs("a row does not become JSON", batch.row_to_json(row));
  }
  std::string padded(text);
  padded.resize(text.size() + json::ObjectReader::kPaddingBytes, 'x');
  json::infer_schema(std::string_view(padded.data(), text.size()), true, 100);
  return 0;
}
