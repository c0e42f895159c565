// SPDX-License-Identifier: MIT
#include "vector/metadata_filter.h"

#include <simdjson.h>

#include <compare>
#include <optional>

namespace penstock {
namespace {

using Relation = Condition::Relation;
using simdjson::dom::element;

bool holds(Relation relation, std::partial_ordering order) {
  switch (relation) {
    case Relation::kEqual: return order == 0;
    case Relation::kUnequal: return order != 0;
    case Relation::kLess: return order < 0;
    case Relation::kLessOrEqual: return order <= 0;
    case Relation::kGreater: return order > 0;
    case Relation::kGreaterOrEqual: return order >= 0;
  }
  return false;
}

// An integer against a double by value, although neither can hold all of the other.
std::partial_ordering compare(std::int64_t integer, double number) {
  constexpr double kTwoTo63 = 0x1p63;
  if (number >= kTwoTo63) return std::partial_ordering::less;
  if (number < -kTwoTo63) return std::partial_ordering::greater;
  const auto whole = static_cast<std::int64_t>(number);  // towards zero
  if (integer != whole) return integer <=> whole;
  return 0.0 <=> (number - static_cast<double>(whole));
}

// Nothing: they are of different kinds.
std::optional<std::partial_ordering> compare(const element& found, const Condition& condition) {
  if (const auto* const text = std::get_if<std::string>(&condition.value)) {
    std::string_view has;
    if (found.get(has) != simdjson::SUCCESS) return {};
    return std::string_view(has) <=> std::string_view(*text);
  }
  if (const auto* const yes = std::get_if<bool>(&condition.value)) {
    bool has = false;
    if (found.get(has) != simdjson::SUCCESS) return {};
    return has == *yes ? std::partial_ordering::equivalent : std::partial_ordering::unordered;
  }
  const auto* const integer = std::get_if<std::int64_t>(&condition.value);
  const double wanted = integer == nullptr ? std::get<double>(condition.value) : 0;
  std::int64_t whole = 0;
  if (found.is<std::int64_t>() && found.get(whole) == simdjson::SUCCESS)
    return integer != nullptr ? std::partial_ordering(whole <=> *integer) : compare(whole, wanted);
  double number = 0;  // also of integers from 2^63 on
  if (!found.is_number() || found.get(number) != simdjson::SUCCESS) return {};
  if (integer == nullptr) return number <=> wanted;
  return 0 <=> compare(*integer, number);
}

bool same(const element& a, const element& b);

template <class Value>
bool equal(const element& a, const element& b) {
  Value one{};
  Value other{};
  return a.get(one) == simdjson::SUCCESS && b.get(other) == simdjson::SUCCESS && one == other;
}

bool same_members(const simdjson::dom::object& a, const simdjson::dom::object& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a) {
    element other;
    if (b.at_key(key).get(other) != simdjson::SUCCESS || !same(value, other)) return false;
  }
  return true;
}

bool same_items(const simdjson::dom::array& a, const simdjson::dom::array& b) {
  if (a.size() != b.size()) return false;
  auto other = b.begin();
  for (const element value : a) {
    if (!same(value, *other)) return false;
    ++other;
  }
  return true;
}

// Also in kind: 1 and 1.0 differ.
bool same(const element& a, const element& b) {
  if (a.type() != b.type()) return false;
  switch (a.type()) {
    case simdjson::dom::element_type::OBJECT: {
      simdjson::dom::object one, other;
      return a.get(one) == simdjson::SUCCESS && b.get(other) == simdjson::SUCCESS && same_members(one, other);
    }
    case simdjson::dom::element_type::ARRAY: {
      simdjson::dom::array one, other;
      return a.get(one) == simdjson::SUCCESS && b.get(other) == simdjson::SUCCESS && same_items(one, other);
    }
    case simdjson::dom::element_type::STRING: return equal<std::string_view>(a, b);
    case simdjson::dom::element_type::INT64: return equal<std::int64_t>(a, b);
    case simdjson::dom::element_type::UINT64: return equal<std::uint64_t>(a, b);
    case simdjson::dom::element_type::DOUBLE: return equal<double>(a, b);
    case simdjson::dom::element_type::BOOL: return equal<bool>(a, b);
    case simdjson::dom::element_type::NULL_VALUE: return true;
  }
  return false;
}

}  // namespace

bool same_metadata(std::string_view a, std::string_view b) {
  if (a.empty()) a = "{}";
  if (b.empty()) b = "{}";
  if (a == b) return true;
  simdjson::dom::parser one;
  simdjson::dom::parser other;
  element first;
  element second;
  return one.parse(a.data(), a.size()).get(first) == simdjson::SUCCESS &&
         other.parse(b.data(), b.size()).get(second) == simdjson::SUCCESS && same(first, second);
}

struct MetadataReader::Parser {
  simdjson::dom::parser json;
};

MetadataReader::MetadataReader() : parser_(std::make_unique<Parser>()) {}
MetadataReader::~MetadataReader() = default;

std::string MetadataReader::why_no_object(std::string_view text) {
  if (text.empty()) return {};
  element root;
  const simdjson::error_code code = parser_->json.parse(text.data(), text.size()).get(root);
  if (code != simdjson::SUCCESS) return std::string("cannot be read: ") + simdjson::error_message(code);
  return root.is_object() ? std::string() : "is JSON, but no object";
}

bool MetadataReader::fulfils(std::string_view text, const std::vector<Condition>& filter) {
  if (text.empty()) text = "{}";
  simdjson::dom::object object;
  if (parser_->json.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS) return false;
  for (const Condition& condition : filter) {
    element found;
    std::optional<std::partial_ordering> order;
    if (object.at_key(condition.key).get(found) == simdjson::SUCCESS) order = compare(found, condition);
    if (order ? !holds(condition.relation, *order) : condition.relation != Relation::kUnequal) return false;
  }
  return true;
}

}  // namespace penstock
