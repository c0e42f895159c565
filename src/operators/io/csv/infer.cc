// SPDX-License-Identifier: MIT
#include "operators/io/csv/infer.h"

#include <initializer_list>

namespace penstock::csv {
namespace {

constexpr unsigned bit(Type type) { return 1U << static_cast<unsigned>(type); }
constexpr unsigned kAnyType = bit(Type::kInt64) | bit(Type::kFloat64) | bit(Type::kTimestamp) | bit(Type::kBool);
constexpr std::initializer_list<Type> kOrder = {Type::kInt64, Type::kFloat64, Type::kTimestamp, Type::kBool};

bool has_leading_zero(std::string_view text) noexcept {
  if (text.starts_with('-')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

bool fits(Type type, std::string_view text) noexcept {
  if (try_parse(type, text) != ParseOutcome::kOk) return false;
  if (type == Type::kInt64) return !has_leading_zero(text);
  // What would be an int64 but for its size must not become a float64.
  if (type == Type::kFloat64)
    return !has_leading_zero(text) && try_parse(Type::kInt64, text) != ParseOutcome::kOutOfRange;
  // "true" and "false" in any case; try_parse also takes y, no, 1 ...
  if (type == Type::kBool) return text.size() >= 4;
  return true;
}

}  // namespace

TypeInference::TypeInference(std::size_t columns, const Dialect& dialect)
    : rules_(dialect), possible_(columns, kAnyType), seen_(columns, false) {}

void TypeInference::add(const Index& index, const Row& row) {
  if ((row.flags & (kMalformedRow | kBlankRow)) != 0 || row.columns != possible_.size()) return;
  ++rows_;
  for (std::uint32_t c = 0; c < row.columns; ++c) {
    const CellValue value = value_of(index.cell(row, c), rules_, scratch_);
    if (value.null) continue;
    seen_[c] = true;
    for (const Type type : kOrder) {
      if ((possible_[c] & bit(type)) != 0 && !fits(type, value.text)) possible_[c] &= ~bit(type);
    }
  }
}

Type TypeInference::type_of(std::size_t column) const noexcept {
  for (const Type type : kOrder) {
    if (seen_[column] && (possible_[column] & bit(type)) != 0) return type;
  }
  return Type::kUtf8;
}

}  // namespace penstock::csv
