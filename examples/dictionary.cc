// SPDX-License-Identifier: MIT
// A dictionary in one block of bytes: built, read in place, read again wherever the bytes go.
#include <penstock/dictionary_builder.h>
#include <penstock/penstock.h>

#include <cstdio>
#include <vector>

namespace ps = penstock;

struct Reading {
  std::string sensor;
  std::int64_t count;
  double mean;
  std::string unit;
};

// Rows: all of them have the same keys, which are kept once.
void add_readings(ps::DictionaryBuilder& builder, const std::vector<Reading>& readings) {
  const auto meta = builder.shape({"unit", "mean"});
  const auto row = builder.shape({"count", "meta"});
  for (const Reading& each : readings) builder.add(each.sensor, row(each.count, meta(each.unit, each.mean)));
}

int main() {
  ps::DictionaryBuilder builder;
  add_readings(builder, {{"hall", 12, 19.5, "C"}, {"attic", 3, 31.25, "C"}});
  const std::vector<float> weights = {0.5F, 0.25F, 0.125F, 1, 2, 4};
  const std::uint64_t shape[] = {2, 3};
  builder.add("weights", ps::ArrayView::of<float>(weights, shape));
  builder.key("settings");
  if (const auto status = builder.value_json(R"({"rate": 2.5, "tags": ["a", "b"]})"); !status)
    return ps::fail(status.error());

  const auto block = builder.finish();  // plain bytes: for a file, a socket, shared memory
  if (!block) return ps::fail(block.error());

  const auto dictionary = ps::Dictionary::open(*block);  // checks everything; `view` trusts
  if (!dictionary) return ps::fail(dictionary.error());
  std::printf("%zu members\n", dictionary->size());
  std::printf("attic: %.2f\n", dictionary->find_path("attic.meta.mean").float64_or(0));
  std::printf("second tag: %.*s\n", 1, dictionary->find_path("settings.tags.1").string_or("?").data());

  ps::Dictionary::Path mean("meta.mean");  // remembers where it is: for loops
  double sum = 0;
  for (const auto& [key, value] : dictionary->root()) sum += mean.in(value).float64_or(0);
  std::printf("sum of means: %.2f\n", sum);

  const auto elements = (*dictionary)["weights"].as_array().elements<float>();
  if (!elements) return ps::fail(elements.error());
  std::printf("%zu weights, the last %.1f\n", elements->size(), static_cast<double>(elements->back()));

  const auto missing = dictionary->at("attic.meta.maen");
  std::printf("%s\n", missing.error().to_text().c_str());
  std::printf("%s\n", dictionary->to_json().c_str());
}
