// SPDX-License-Identifier: MIT
// Fields of JSON that others may have written or damaged, and JSON as text that may hold bytes which are no UTF-8.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>

namespace penstock {

/// The text of a field; empty when `object` is no object, has no such field, or it is no text.
template <class Json>
std::string text_in(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->template get<std::string>() : std::string();
}

/// The number of a field; 0 when `object` is no object, has no such field, or it is no number, or no integer where `T`
/// is one.
template <class T, class Json>
T number_in(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  if (found == object.end() || !(std::is_floating_point_v<T> ? found->is_number() : found->is_number_integer()))
    return {};
  return found->template get<T>();
}

/// Valid JSON whatever bytes names and messages hold; with `indent` on several lines, with a line end at the end.
template <class Json>
std::string json_document(const Json& json, int indent = 2) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock
