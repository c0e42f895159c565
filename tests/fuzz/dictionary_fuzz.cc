// SPDX-License-Identifier: MIT
// Damages dictionary blocks and walks what the verifier accepts: no read may leave the block, and every walk must end.
// The first byte chooses what is damaged; the rest is the block itself, or changes to a good one: two bytes of place,
// one of what to do there, one of value. The checksum is made right in each, so that damage reaches what is behind it.
#include <penstock/dictionary_builder.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "dictionary/key_hash.h"

namespace format = penstock::dictionary_format;
using penstock::Dictionary;

namespace {

[[noreturn]] void wrong(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

std::vector<std::byte> block_of(std::string_view json, std::size_t array_length) {
  penstock::DictionaryBuilder builder;
  if (!builder.add_json(json)) wrong("a seed is no JSON");
  builder.add("array", std::vector<std::int32_t>(array_length, 5));
  builder.add("bytes", std::as_bytes(std::span(json)));
  const auto block = builder.finish();
  if (!block) wrong("a seed does not become a block");
  return {block->begin(), block->end()};
}

std::string wide_dict() {
  std::string json = R"({"wide":{)";
  for (int i = 0; i < 70; ++i) json += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":" + std::to_string(i);
  return json + "}}";
}

const std::vector<std::vector<std::byte>>& good_blocks() {
  static const std::vector<std::vector<std::byte>> blocks = {
      block_of(R"({"a":1})", 0),
      block_of(R"({"a":{"x":1,"y":"a text that is long","z":{"w":null}},"b":{"x":2.5,"y":"","z":{"w":true}}})", 3),
      block_of(R"({"l":[1,[2,[3,["four","more than eight"]]],{},[]],"":{"":[]}})", 40),
      block_of(wide_dict(), 1),
  };
  return blocks;
}

/// Memory of exactly that size, so that reading beyond it is seen.
class Copy {
 public:
  explicit Copy(std::size_t size) : words_(new std::uint64_t[size / 8 + 1]()), size_(size / 8 * 8) {}
  std::span<std::byte> bytes() { return {reinterpret_cast<std::byte*>(words_.get()), size_}; }

  /// Makes right what a damaged block would be refused for at once.
  void repair() {
    if (size_ < sizeof(format::Header) + format::kTrailerBytes) return;
    std::memcpy(bytes().data(), format::kMagic, sizeof format::kMagic);
    format::store(bytes().data() + offsetof(format::Header, major_version), format::kMajorVersion);
    format::store(bytes().data() + offsetof(format::Header, size), std::uint64_t{size_});
    const auto body = bytes().first(size_ - format::kTrailerBytes);
    format::store(bytes().data() + body.size(), penstock::block_checksum(body));
  }

 private:
  std::unique_ptr<std::uint64_t[]> words_;
  std::size_t size_;
};

void change(std::span<std::byte> block, const std::uint8_t* edit) {
  const std::size_t at = (std::size_t{edit[0]} | std::size_t{edit[1]} << 8) % block.size();
  switch (edit[2] % 4) {
    case 0: block[at] = std::byte{edit[3]}; return;
    case 1: block[at] ^= static_cast<std::byte>(1U << (edit[3] % 8)); return;
    case 2:
      block[at] = static_cast<std::byte>(std::to_integer<int>(block[at]) + static_cast<std::int8_t>(edit[3]));
      return;
    default: std::memcpy(block.data() + at / 8 * 8, block.data() + edit[3] * std::size_t{8} % block.size() / 8 * 8, 8);
  }
}

Copy damaged(const std::uint8_t* data, std::size_t size) {
  const std::size_t choice = data[0] % (good_blocks().size() + 1);
  if (choice == good_blocks().size()) {
    Copy copy(size - 1);
    if (!copy.bytes().empty()) std::memcpy(copy.bytes().data(), data + 1, copy.bytes().size());
    return copy;
  }
  const std::vector<std::byte>& good = good_blocks()[choice];
  Copy copy(good.size());
  std::memcpy(copy.bytes().data(), good.data(), good.size());
  for (std::size_t at = 1; at + 4 <= size; at += 4) change(copy.bytes(), data + at);
  return copy;
}

void walk(const Dictionary& dictionary) {
  const std::string json = dictionary.to_json();
  if (!nlohmann::json::accept(json)) wrong("what was accepted does not become JSON");
  Dictionary::Path path("x.y");
  for (const auto& [key, value] : dictionary.root()) {
    if (dictionary.find(key).kind() != value.kind()) wrong("a key is not found by its index");
    path.in(value);
    value.find_path("z.w.1");
    for (const auto& [inner, each] : value.as_dict()) {
      if (value[inner].kind() != each.kind()) wrong("a key is not found in its dict");
    }
  }
  dictionary.find("no such key");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  Copy copy = damaged(data, size);
  if (const auto dictionary = Dictionary::open(copy.bytes())) walk(*dictionary);
  copy.repair();
  if (const auto dictionary = Dictionary::open(copy.bytes())) walk(*dictionary);
  return 0;
}
