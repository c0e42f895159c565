// SPDX-License-Identifier: MIT
// For tests: values in plain containers, made at random, added to a builder, compared with what is read.
#pragma once

#include <penstock/dictionary_builder.h>

#include <cstring>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace penstock {

struct Model {
  ValueKind kind = ValueKind::kNull;
  std::int64_t number = 0;
  double real = 0;
  std::string text = {};  // of strings, bytes and, as numbers of 8 bytes, arrays
  std::vector<Model> list = {};
  std::vector<std::pair<std::string, Model>> members = {};
};

/// Makes models; the same seed gives the same ones.
class RandomModels {
 public:
  explicit RandomModels(std::uint64_t seed) : random_(seed) {}

  Model dict(int depth) { return dict_of(below(8), depth); }
  Model dict_of(std::size_t members, int depth) {
    Model made{.kind = ValueKind::kDict};
    std::map<std::string, bool> taken;
    while (made.members.size() < members) {
      std::string key = text(below(3) == 0 ? 20 : 3);
      if (taken.emplace(key, true).second) made.members.emplace_back(std::move(key), value(depth));
    }
    return made;
  }

 private:
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }

  std::string text(std::size_t most) {
    static constexpr const char* kPieces[] = {
        "a", "b", "Z", "0", "_", ".", " ", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    std::string made;
    for (std::size_t i = below(most + 1); i > 0; --i) made += kPieces[below(std::size(kPieces))];
    return made;
  }

  Model value(int depth) {
    switch (below(depth > 0 ? 10 : 7)) {
      case 0: return {};
      case 1: return {.kind = ValueKind::kBool, .number = static_cast<std::int64_t>(below(2))};
      case 2: return {.kind = ValueKind::kInt64, .number = static_cast<std::int64_t>(random_())};
      case 3: return {.kind = ValueKind::kFloat64, .real = static_cast<double>(below(1000)) / 8};
      case 4: return {.kind = ValueKind::kString, .text = text(below(4) == 0 ? 60 : 8)};
      case 5: return {.kind = ValueKind::kBytes, .text = std::string(below(40), static_cast<char>(below(256)))};
      case 6: return {.kind = ValueKind::kArray, .text = std::string(8 * below(30), static_cast<char>(below(256)))};
      case 7: {
        Model made{.kind = ValueKind::kList};
        for (std::size_t i = below(6); i > 0; --i) made.list.push_back(value(depth - 1));
        return made;
      }
      // Now and then more keys than are shared.
      case 8: return dict_of(below(20) == 0 ? 60 + below(10) : below(6), depth - 1);
      default: return dict(depth - 1);
    }
  }

  std::mt19937_64 random_;
};

inline void add_members(DictionaryBuilder& builder, const Model& dict);

inline void add_model(DictionaryBuilder& builder, const Model& model) {
  switch (model.kind) {
    case ValueKind::kBool: return builder.value(model.number != 0);
    case ValueKind::kInt64: return builder.value(model.number);
    case ValueKind::kFloat64: return builder.value(model.real);
    case ValueKind::kString: return builder.value(model.text);
    case ValueKind::kBytes: return builder.value(std::as_bytes(std::span(model.text)));
    case ValueKind::kArray: {
      std::vector<std::int64_t> numbers(model.text.size() / 8);
      if (!numbers.empty()) std::memcpy(numbers.data(), model.text.data(), model.text.size());
      return builder.value(numbers);
    }
    case ValueKind::kList:
      builder.begin_list();
      for (const Model& each : model.list) add_model(builder, each);
      return builder.end_list();
    case ValueKind::kDict:
      builder.begin_dict();
      add_members(builder, model);
      return builder.end_dict();
    default: return builder.value(nullptr);
  }
}

inline void add_members(DictionaryBuilder& builder, const Model& dict) {
  for (const auto& [key, value] : dict.members) {
    builder.key(key);
    add_model(builder, value);
  }
}

inline bool same(const Model& model, Dictionary::Value value);

/// In order, and each by its key; a key that is not there is not found.
inline bool same_dict(const Model& model, Dictionary::Dict dict) {
  std::map<std::string, const Model*> by_key;
  std::size_t at = 0;
  for (const Dictionary::Member member : dict) {
    if (at == model.members.size() || member.key != model.members[at].first) return false;
    by_key[model.members[at].first] = &model.members[at].second;
    if (!same(model.members[at].second, member.value)) return false;
    ++at;
  }
  for (const auto& [key, value] : by_key) {
    if (!same(*value, dict[key]) || (by_key.count(key + "?") == 0 && dict[key + "?"])) return false;
  }
  return at == model.members.size() && dict.size() == at;
}

inline bool same(const Model& model, Dictionary::Value value) {
  if (value.kind() != model.kind) return false;
  switch (model.kind) {
    case ValueKind::kBool: return *value.boolean() == (model.number != 0);
    case ValueKind::kInt64: return *value.int64() == model.number;
    case ValueKind::kFloat64: return *value.float64() == model.real;
    case ValueKind::kString: return *value.string() == model.text;
    case ValueKind::kBytes: {
      const auto bytes = *value.bytes();
      return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == model.text;
    }
    case ValueKind::kArray: {
      const auto numbers = *value.as_array().elements<std::int64_t>();
      return std::string_view(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()) == model.text;
    }
    case ValueKind::kList: {
      const Dictionary::List list = value.as_list();
      std::size_t at = 0;
      for (const Dictionary::Value each : list) {
        if (at == model.list.size() || !same(model.list[at++], each)) return false;
      }
      return at == model.list.size() && list.size() == at && !list[at];
    }
    case ValueKind::kDict: return same_dict(model, value.as_dict());
    default: return true;
  }
}

}  // namespace penstock
