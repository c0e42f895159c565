// SPDX-License-Identifier: MIT
#include <penstock/dictionary_builder.h>

#include "workload.h"

namespace penstock::benchmark::dictionary {
namespace {

std::span<const std::byte> build_rows(DictionaryBuilder& builder, const std::vector<Entry>& all) {
  builder.clear();
  const auto meta = builder.shape({"tag", "score"});
  const auto entry = builder.shape({"id", "name", "value", "meta"});
  for (const Entry& each : all) {
    builder.add(each.key, entry(each.id, each.name, each.value, meta(each.meta.tag, each.meta.score)));
  }
  return *builder.finish();
}

std::span<const std::byte> build_values(DictionaryBuilder& builder, const std::vector<Entry>& all) {
  builder.clear();
  for (const Entry& each : all) {
    builder.key(each.key);
    builder.begin_dict();
    builder.add("id", each.id);
    builder.add("name", each.name);
    builder.add("value", each.value);
    builder.key("meta");
    builder.begin_dict();
    builder.add("tag", each.meta.tag);
    builder.add("score", each.meta.score);
    builder.end_dict();
    builder.end_dict();
  }
  return *builder.finish();
}

template <std::size_t kCount>
const Dictionary& made() {
  static DictionaryBuilder builder;
  static const Dictionary dictionary = *Dictionary::open(build_rows(builder, entries<kCount>()));
  return dictionary;
}

template <std::size_t kCount, auto kBuild, bool kChecksum>
Outcome build(std::uint64_t records) {
  static DictionaryBuilder builder({.checksum = kChecksum});
  const std::vector<Entry>& all = entries<kCount>();
  return builds<kCount>(records, [&] { return Dictionary::view(kBuild(builder, all))->size(); });
}

template <std::size_t kCount>
Outcome look(std::uint64_t records) {
  const Dictionary& dictionary = made<kCount>();
  static Dictionary::Path meta("meta");
  static Dictionary::Path tag("tag");
  static Dictionary::Path score("score");
  return lookups<kCount>(records, [&](const std::string& key) {
    const auto inner = meta.in(dictionary.find(key));
    return found(tag.in(inner).string_or("?"), score.in(inner).float64_or(0));
  });
}

template <std::size_t kCount>
Outcome look_by_name(std::uint64_t records) {
  const Dictionary& dictionary = made<kCount>();
  return lookups<kCount>(records, [&](const std::string& key) {
    const auto meta = dictionary.find(key)["meta"];
    return found(meta["tag"].string_or("?"), meta["score"].float64_or(0));
  });
}

template <std::size_t kCount>
Outcome scan_paths(std::uint64_t records) {
  const Dictionary& dictionary = made<kCount>();
  Dictionary::Path id("id");
  Dictionary::Path name("name");
  Dictionary::Path value("value");
  Dictionary::Path meta("meta");
  Dictionary::Path tag("tag");
  Dictionary::Path score("score");
  return scans<kCount>(records, [&] {
    double sum = 0;
    for (const auto& [key, entry] : dictionary.root()) {
      const auto inner = meta.in(entry);
      sum += seen(id.in(entry).int64_or(0), name.in(entry).string_or("?"), value.in(entry).float64_or(0),
                  tag.in(inner).string_or("?"), score.in(inner).float64_or(0));
    }
    return sum;
  });
}

/// Where the fields are in the dicts of one layout.
struct Fields {
  const void* layout = nullptr;
  Dictionary::Field id, name, value, meta, tag, score;
};

template <std::size_t kCount>
Outcome scan_fields(std::uint64_t records) {
  const Dictionary& dictionary = made<kCount>();
  Fields outer;
  Fields inner;
  return scans<kCount>(records, [&] {
    double sum = 0;
    for (const auto& [key, entry] : dictionary.root()) {
      const auto row = entry.as_dict();
      if (row.layout() != outer.layout) {
        outer = {.layout = row.layout(),
                 .id = row.field("id"),
                 .name = row.field("name"),
                 .value = row.field("value"),
                 .meta = row.field("meta"),
                 .tag = {},
                 .score = {}};
      }
      const auto meta = row[outer.meta].as_dict();
      if (meta.layout() != inner.layout) {
        inner = {.layout = meta.layout(),
                 .id = {},
                 .name = {},
                 .value = {},
                 .meta = {},
                 .tag = meta.field("tag"),
                 .score = meta.field("score")};
      }
      sum += seen(row[outer.id].int64_or(0), row[outer.name].string_or("?"), row[outer.value].float64_or(0),
                  meta[inner.tag].string_or("?"), meta[inner.score].float64_or(0));
    }
    return sum;
  });
}

template <std::size_t kCount>
Outcome scan_by_name(std::uint64_t records) {
  const Dictionary& dictionary = made<kCount>();
  return scans<kCount>(records, [&] {
    double sum = 0;
    for (const auto& [key, entry] : dictionary.root()) {
      const auto meta = entry["meta"];
      sum += seen(entry["id"].int64_or(0), entry["name"].string_or("?"), entry["value"].float64_or(0),
                  meta["tag"].string_or("?"), meta["score"].float64_or(0));
    }
    return sum;
  });
}

template <std::size_t kCount>
std::vector<Contender> all_of() {
  std::vector<Contender> all =
      contenders<kCount>("Penstock", build<kCount, build_rows, true>, look<kCount>, scan_paths<kCount>, true);
  const auto also = [&](const char* name, auto make, auto find, auto scan) {
    for (auto& each : contenders<kCount>(name, make, find, scan)) all.push_back(std::move(each));
  };
  also("Penstock: rows, no checksum", build<kCount, build_rows, false>, nullptr, nullptr);
  also("Penstock: value by value", build<kCount, build_values, true>, nullptr, nullptr);
  also("Penstock: fields by name each time", nullptr, look_by_name<kCount>, scan_by_name<kCount>);
  also("Penstock: fields of a layout", nullptr, nullptr, scan_fields<kCount>);
  return all;
}

const Register small(all_of<kSmall>());
const Register large(all_of<kLarge>());

}  // namespace
}  // namespace penstock::benchmark::dictionary
