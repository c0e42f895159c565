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

/// The number of a field; 0 when `object` is no object, has no such field, or it is not of the kind of `T`: a number,
/// an integer, or an integer that is not negative.
template <class T, class Json>
T number_in(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  if (found == object.end()) return {};
  const bool fits = std::is_floating_point_v<T> ? found->is_number()
                    : std::is_unsigned_v<T>     ? found->is_number_unsigned()
                                                : found->is_number_integer();
  return fits ? found->template get<T>() : T();
}

/// JSON for people and files: on several lines, with a line end, and valid whatever bytes names and messages hold.
inline std::string json_document(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace penstock
