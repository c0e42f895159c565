// SPDX-License-Identifier: MIT
// FlatBuffers: tables sorted by key, read in place, found by binary search.
#include "entries_generated.h"
#include "workload.h"

namespace penstock::benchmark::dictionary {
namespace {

void make(flatbuffers::FlatBufferBuilder& builder, const std::vector<Entry>& all) {
  builder.Clear();
  std::vector<flatbuffers::Offset<fbs::Entry>> tables;
  tables.reserve(all.size());
  for (const Entry& entry : all) {
    const auto key = builder.CreateString(entry.key);
    const auto name = builder.CreateString(entry.name);
    const auto meta = fbs::CreateMeta(builder, builder.CreateString(entry.meta.tag), entry.meta.score);
    tables.push_back(fbs::CreateEntry(builder, key, entry.id, name, entry.value, meta));
  }
  builder.Finish(fbs::CreateEntries(builder, builder.CreateVectorOfSortedTables(&tables)));
}

std::string_view text_of(const flatbuffers::String* text) { return {text->c_str(), text->size()}; }

template <std::size_t kCount>
const fbs::Entries& made() {
  static flatbuffers::FlatBufferBuilder builder;
  static const fbs::Entries* const entries_made = [] {
    make(builder, entries<kCount>());
    return flatbuffers::GetRoot<fbs::Entries>(builder.GetBufferPointer());
  }();
  return *entries_made;
}

template <std::size_t kCount>
Outcome build(std::uint64_t records) {
  static flatbuffers::FlatBufferBuilder builder;
  const std::vector<Entry>& all = entries<kCount>();
  return builds<kCount>(records, [&] {
    make(builder, all);
    return flatbuffers::GetRoot<fbs::Entries>(builder.GetBufferPointer())->all()->size();
  });
}

template <std::size_t kCount>
Outcome look(std::uint64_t records) {
  const auto& all = *made<kCount>().all();
  return lookups<kCount>(records, [&](const std::string& key) {
    const fbs::Meta& meta = *all.LookupByKey(key.c_str())->meta();
    return found(text_of(meta.tag()), meta.score());
  });
}

template <std::size_t kCount>
Outcome scan(std::uint64_t records) {
  const auto& all = *made<kCount>().all();
  return scans<kCount>(records, [&] {
    double sum = 0;
    for (const fbs::Entry* entry : all) {
      sum += seen(entry->id(), text_of(entry->name()), entry->value(), text_of(entry->meta()->tag()),
                  entry->meta()->score());
    }
    return sum;
  });
}

const Register small(contenders<kSmall>("FlatBuffers: sorted tables", build<kSmall>, look<kSmall>, scan<kSmall>));
const Register large(contenders<kLarge>("FlatBuffers: sorted tables", build<kLarge>, look<kLarge>, scan<kLarge>));

}  // namespace
}  // namespace penstock::benchmark::dictionary
