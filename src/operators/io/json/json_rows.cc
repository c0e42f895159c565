// SPDX-License-Identifier: MIT
#include "operators/io/json/json_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/number_text.h"
#include "data/timestamp_text.h"
#include "operators/io/json/json_check.h"
#include "operators/io/typed_text.h"

namespace penstock::json {

RowParser::RowParser(SchemaPtr schema, bool reject_unknown)
    : schema_(std::move(schema)), reject_unknown_(reject_unknown), filled_(schema_->size(), 0) {}

bool RowParser::append(std::string_view line, RecordBatchBuilder& to) {
  ++row_;
  next_column_ = 0;
  bool good = reader_.start(line);
  if (!good) fail(reader_.reason(), {});
  for (Member member; good && reader_.next(member);) good = take(member, to);
  if (good && !reader_.reason().empty()) good = fail(reader_.reason(), {});
  for (std::size_t i = 0; i < filled_.size(); ++i) {
    const bool filled = filled_[i] == row_;
    if (good && !filled) to.column(i).append_null();
    if (!good && filled) to.column(i).pop_back();
  }
  return good;
}

bool RowParser::take(const Member& member, RecordBatchBuilder& to) {
  std::size_t index = 0;
  if (!find_column(member, index)) return fail(reader_.reason(), {});
  if (index == Schema::kNone) {
    ++unknown_values_;
    if (!reject_unknown_) return true;
    std::string_view key;
    return fail(reader_.key(key) ? fmt::format("unknown key {}", excerpt(key)) : reader_.reason(), {});
  }
  if (filled_[index] == row_) return fail("the key is there twice", (*schema_)[index].name);
  if (!append_value(member, to.column(index))) {
    column_ = (*schema_)[index].name;
    return false;
  }
  filled_[index] = row_;
  next_column_ = index + 1;
  return true;
}

// Sets `index` to kNone when no column has that name; false when the key itself is broken.
bool RowParser::find_column(const Member& member, std::size_t& index) {
  const std::size_t count = schema_->size();
  if (next_column_ < count && member.key_is((*schema_)[next_column_].name)) {
    index = next_column_;
    return true;
  }
  std::string_view key;
  if (!reader_.key(key)) return false;
  index = schema_->index_of(key);
  return true;
}

bool RowParser::append_value(const Member& member, ColumnBuilder& to) {
  if (member.kind == Kind::kNull) {
    to.append_null();
    return true;
  }
  switch (to.type()) {
    case Type::kUtf8: to.append_text(member.text); return true;
    case Type::kBool:
      if (member.kind != Kind::kBool) return mismatch(member, Type::kBool);
      to.append_bool(member.text == "true");
      return true;
    case Type::kInt64:
      if (member.kind != Kind::kNumber || !is_integer(member.text)) return mismatch(member, Type::kInt64);
      break;
    case Type::kTimestamp:
      if (member.kind != Kind::kString) return mismatch(member, Type::kTimestamp);
      break;
    case Type::kFloat64:
      if (member.kind == Kind::kNumber) break;
      if (member.kind != Kind::kString) return mismatch(member, Type::kFloat64);
      if (member.text == "NaN") return to.append_float64(std::numeric_limits<double>::quiet_NaN()), true;
      if (member.text == "Infinity") return to.append_float64(HUGE_VAL), true;
      if (member.text == "-Infinity") return to.append_float64(-HUGE_VAL), true;
      return mismatch(member, Type::kFloat64);
    case Type::kImage:
    case Type::kTensor: return mismatch(member, to.type());
  }
  const ParseOutcome outcome = append_typed(to, member.text);
  if (outcome == ParseOutcome::kOk) return true;
  reason_ = explain_typed(outcome, to.type(), member.text);
  return false;
}

bool RowParser::mismatch(const Member& member, Type type) {
  reason_ =
      fmt::format("expected {}, found {}: {}", penstock::to_string(type), to_string(member.kind), excerpt(member.text));
  return false;
}

bool RowParser::fail(std::string reason, std::string column) {
  reason_ = std::move(reason);
  column_ = std::move(column);
  return false;
}

namespace {

// What was seen of one key.
struct Evidence {
  std::string name;
  bool integers = false;
  bool numbers = false;  // with a point or an exponent
  bool bools = false;
  bool timestamps = false;
  bool others = false;

  void add(const Member& member) {
    std::int64_t integer = 0;
    switch (member.kind) {
      case Kind::kNull: return;
      case Kind::kBool: bools = true; return;
      case Kind::kNumber: add_number(member.text); return;
      case Kind::kString:
        (parse_timestamp(member.text, integer) == ParseOutcome::kOk ? timestamps : others) = true;
        return;
      default: others = true;
    }
  }

  // An integer beyond int64 would lose digits as a float64; as a text it keeps them.
  void add_number(std::string_view text) {
    std::int64_t integer = 0;
    if (!is_integer(text)) {
      numbers = true;
    } else if (parse_int64(text, integer) == ParseOutcome::kOk) {
      integers = true;
    } else {
      others = true;
    }
  }

  Type type() const noexcept {
    const int kinds = (integers || numbers ? 1 : 0) + (bools ? 1 : 0) + (timestamps ? 1 : 0) + (others ? 1 : 0);
    if (kinds != 1 || others) return Type::kUtf8;
    if (bools) return Type::kBool;
    if (timestamps) return Type::kTimestamp;
    return numbers ? Type::kFloat64 : Type::kInt64;
  }
};

void add_member(ObjectReader& reader, const Member& member, std::vector<Evidence>& columns) {
  std::string_view key;
  if (!reader.key(key)) return;
  auto found = std::find_if(columns.begin(), columns.end(), [&](const Evidence& column) { return column.name == key; });
  if (found == columns.end()) found = columns.insert(columns.end(), Evidence{.name = std::string(key)});
  found->add(member);
}

}  // namespace

InferredSchema infer_schema(std::string_view text, bool whole, std::size_t most_rows) {
  InferredSchema inferred;
  ObjectReader reader;
  std::vector<Evidence> columns;
  while (inferred.rows < most_rows && !text.empty()) {
    const std::size_t feed = text.find('\n');
    if (feed == std::string_view::npos && !whole) break;
    const std::string_view line = text.substr(0, feed);
    text = feed == std::string_view::npos ? std::string_view() : text.substr(feed + 1);
    if (!reader.start(line)) continue;
    std::vector<Evidence> before = columns;
    for (Member member; reader.next(member);) add_member(reader, member, columns);
    if (reader.reason().empty()) {
      ++inferred.rows;
    } else {
      columns = std::move(before);  // a broken line says nothing
    }
  }
  for (Evidence& column : columns) {
    const Type type = column.type();
    inferred.fields.push_back({std::move(column.name), type});
  }
  return inferred;
}

}  // namespace penstock::json
