// SPDX-License-Identifier: MIT
// Writes a block with values of all kinds to FILE, and its JSON to standard output: write_dictionary FILE
#include <penstock/dictionary_builder.h>

#include <cstdio>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  penstock::DictionaryBuilder builder;
  if (!builder.add_json(
          R"({"null":null,"yes":true,"int":-9223372036854775808,"half":0.5,"short":"äöü","long":"longer than eight €",)"
          R"("list":[1,[2,"three",{}],[]],"nested":{"meta":{"score":2.5,"tag":"x"}},"":{"":""}})")) {
    return 1;
  }
  builder.key("wide");
  builder.begin_dict();
  for (int i = 0; i < 100; ++i) builder.add("key " + std::to_string(i), i);
  builder.end_dict();
  const std::vector<std::int32_t> numbers = {1, -2, 3, 4, 5, 6};
  const std::uint64_t shape[] = {3, 2};
  builder.add("tensor", penstock::ArrayView::of<std::int32_t>(numbers, shape));
  builder.add("doubles", std::vector<double>{0.25, 1e300});
  builder.add("empty", std::vector<double>());
  const auto block = builder.finish();
  if (!block) return 1;
  std::FILE* const out = std::fopen(argv[1], "wb");
  if (out == nullptr) return 1;
  const bool whole = std::fwrite(block->data(), 1, block->size(), out) == block->size();
  if (std::fclose(out) != 0 || !whole) return 1;
  const auto dictionary = penstock::Dictionary::open(*block);
  if (!dictionary) return 1;
  std::puts(dictionary->to_json().c_str());
}
