// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/dictionary_builder.h>

#include "dictionary/key_hash.h"
#include "dictionary/model.h"

namespace penstock {
namespace {

namespace format = dictionary_format;
using testing::HasSubstr;

/// A copy of a block that can be damaged; its checksum can be made right again.
class Block {
 public:
  explicit Block(std::span<const std::byte> bytes) : words_(bytes.size() / 8) {
    std::memcpy(words_.data(), bytes.data(), bytes.size());
  }
  explicit Block(std::string_view json) {
    DictionaryBuilder builder;
    EXPECT_TRUE(builder.add_json(json));
    *this = Block(*builder.finish());
  }
  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words_)); }
  template <class T>
  void set(std::size_t offset, T value) {
    format::store(bytes().data() + offset, value);
  }
  template <class T>
  T get(std::size_t offset) {
    return format::load<T>(bytes().data() + offset);
  }
  Block& fix_checksum() {
    set(bytes().size() - 8, block_checksum(bytes().first(bytes().size() - 8)));
    return *this;
  }
  std::size_t root() { return get<std::uint64_t>(offsetof(format::Header, root)); }
  std::size_t first_entry() { return root() - get<std::uint64_t>(root() + offsetof(format::Index, first)); }
  Status verify() { return Dictionary::verify(bytes()); }
  std::string verdict() {
    const Status status = verify();
    return status ? "good" : status.error().to_text();
  }

 private:
  std::vector<std::uint64_t> words_;
};

constexpr std::string_view kJson = R"({"a":{"x":1,"y":"a text that is long"},"b":[1,true],"c":{"x":2,"y":"z"}})";

TEST(DictionaryVerify, AcceptsWhatTheBuilderMakes) { EXPECT_EQ(Block(kJson).verdict(), "good"); }

TEST(DictionaryVerify, RefusesABlockThatIsCutOffAnywhere) {
  Block block(kJson);
  for (std::size_t size = 0; size < block.bytes().size(); ++size) {
    EXPECT_FALSE(Dictionary::verify(block.bytes().first(size))) << size;
    EXPECT_FALSE(Dictionary::view(block.bytes().first(size))) << size;
  }
}

TEST(DictionaryVerify, SeesEveryBitThatFlips) {
  Block block(kJson);
  for (std::size_t bit = 0; bit < 8 * block.bytes().size(); ++bit) {
    block.bytes()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_FALSE(block.verify()) << "bit " << bit;
    block.bytes()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  }
}

// What is accepted although a bit flipped is safe to walk; the address sanitizer sees whether that is so.
TEST(DictionaryVerify, KeepsReadersInsideTheBlockWhateverBitFlipsUnderAGoodChecksum) {
  Block block(kJson);
  std::size_t accepted = 0;
  for (std::size_t bit = 0; bit + 64 < 8 * block.bytes().size(); ++bit) {
    block.bytes()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    block.fix_checksum();
    const auto dictionary = Dictionary::open(block.bytes());
    if (dictionary) {
      ++accepted;
      EXPECT_FALSE(dictionary->to_json().empty());
    }
    block.bytes()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  }
  EXPECT_GT(accepted, 0) << "flips in numbers and texts are no damage that structure shows";
}

TEST(DictionaryVerify, ReadsABlockOfANewerMinorVersionWithALongerHeader) {
  Block block(kJson);
  block.set<std::uint16_t>(offsetof(format::Header, minor_version), 7);
  block.set<std::uint64_t>(offsetof(format::Header, reserved_b), 12345);
  EXPECT_EQ(block.fix_checksum().verdict(), "good");
  EXPECT_EQ(Dictionary::open(block.bytes()).value()["b"][0].int64_or(0), 1);
}

TEST(DictionaryVerify, RefusesANewerMajorVersionAndSaysWhich) {
  Block block(kJson);
  block.set<std::uint16_t>(offsetof(format::Header, major_version), 2);
  const Status status = block.fix_checksum().verify();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kUnsupported);
  EXPECT_EQ(status.error().message(), "dictionary block: its format has version 2.0, this program reads 1.x");
}

TEST(DictionaryVerify, RefusesOtherBytesAndOddPlaces) {
  EXPECT_THAT(Block(std::vector<std::byte>(128)).verdict(), HasSubstr("no dictionary block"));
  Block block(kJson);
  std::vector<std::uint64_t> moved(block.bytes().size() / 8 + 1);
  const auto odd = std::as_writable_bytes(std::span(moved)).subspan(4, block.bytes().size());
  std::memcpy(odd.data(), block.bytes().data(), odd.size());
  EXPECT_EQ(Dictionary::view(odd).error().code(), ErrorCode::kInvalidArgument);
}

TEST(DictionaryVerify, AcceptsABlockWithoutChecksumWhenTheRestIsGood) {
  DictionaryBuilder builder(DictionaryBuilder::Options{.checksum = false});
  builder.add("a", 1);
  Block block(*builder.finish());
  EXPECT_EQ(block.verdict(), "good");
  block.set<std::uint32_t>(block.first_entry() + offsetof(format::Entry, step), 0);
  EXPECT_THAT(block.verdict(), HasSubstr("an entry reaches beyond its dict"));
}

TEST(DictionaryVerify, RefusesReferencesOutside) {
  for (const std::int32_t distance : {-1'000'000, 1'000'000, INT32_MIN, INT32_MAX}) {
    Block block(R"({"a":[1,2]})");
    block.set<std::int32_t>(block.first_entry(), distance);
    EXPECT_THAT(block.fix_checksum().verdict(), HasSubstr("beyond the block")) << distance;
  }
}

TEST(DictionaryVerify, RefusesCounts) {
  Block block(R"({"a":[1,2]})");
  const std::size_t list = block.first_entry() + 8 * std::int64_t{block.get<std::int32_t>(block.first_entry())};
  ASSERT_EQ(block.get<std::uint32_t>(list), 2);
  for (const std::uint32_t count : {UINT32_MAX, UINT32_MAX / 9, 1000U}) {
    block.set(list, count);
    EXPECT_FALSE(block.fix_checksum().verify()) << count;
  }
}

TEST(DictionaryVerify, RefusesAListThatHoldsItself) {
  Block block(R"({"a":[[1,2],3]})");
  const std::size_t list = block.first_entry() + 8 * std::int64_t{block.get<std::int32_t>(block.first_entry())};
  const std::size_t slot = list + format::slots_offset(2);
  block.set<std::int32_t>(
      slot, static_cast<std::int32_t>((static_cast<std::int64_t>(list) - static_cast<std::int64_t>(slot)) / 8));
  EXPECT_THAT(block.fix_checksum().verdict(), HasSubstr("more than once"));
}

// Thirty lists, each of which would hold the one before it twice: 2^30 values for who walks them.
TEST(DictionaryVerify, RefusesValuesThatAreSharedInsteadOfGrowingWithoutLimit) {
  std::string json = "[]";
  for (int i = 0; i < 30; ++i) json = "[" + json + ",[1,2]]";
  Block block("{\"a\":" + json + "}");
  std::size_t list = block.first_entry() + 8 * std::int64_t{block.get<std::int32_t>(block.first_entry())};
  for (int i = 0; i < 30; ++i) {
    const std::size_t slot = list + format::slots_offset(2);
    const std::int32_t distance = block.get<std::int32_t>(slot);
    block.set<std::int32_t>(slot + 8, distance - 1);
    list = slot + 8 * std::int64_t{distance};
  }
  EXPECT_THAT(block.fix_checksum().verdict(), HasSubstr("more than once"));
}

TEST(DictionaryVerify, RefusesAnIndexThatDoesNotLeadToItsEntries) {
  Block block(R"({"a":1,"b":2})");
  const std::size_t slots = block.root() + sizeof(format::Index);
  const auto num_slots = block.get<std::uint64_t>(block.root() + offsetof(format::Index, num_slots));
  for (std::size_t i = 0; i < num_slots; ++i) {
    const auto word = block.get<std::uint64_t>(slots + 8 * i);
    block.set<std::uint64_t>(slots + 8 * i, word == 0 ? 1 : 0);
    EXPECT_THAT(block.fix_checksum().verdict(), HasSubstr("index")) << i;
    block.set<std::uint64_t>(slots + 8 * i, word);
  }
  block.set<std::uint64_t>(block.root() + offsetof(format::Index, count), num_slots);
  EXPECT_THAT(block.fix_checksum().verdict(), HasSubstr("no empty slot"));
}

TEST(DictionaryVerify, RefusesTextAndKeysThatAreNotUtf8) {
  Block block(R"({"key":"value"})");
  block.set<char>(block.first_entry(), '\xFF');
  EXPECT_THAT(block.fix_checksum().verdict(), HasSubstr("a string is not UTF-8"));
  Block other(R"({"key":"value"})");
  other.set<char>(other.first_entry() + sizeof(format::Entry), '\xFF');
  EXPECT_THAT(other.fix_checksum().verdict(), HasSubstr("a key is not UTF-8"));
}

TEST(DictionaryVerify, RefusesAShapeWhoseIdentityIsNotThatOfItsKeys) {
  Block block(kJson);
  const std::size_t shape =
      8 * std::size_t{block.get<std::uint32_t>(block.get<std::uint64_t>(offsetof(format::Header, shapes)))};
  block.set<std::uint64_t>(shape, 99);
  EXPECT_THAT(block.fix_checksum().verdict(), HasSubstr("identity of a shape"));
}

TEST(DictionaryVerify, AcceptsManyEmptyValues) {
  DictionaryBuilder builder;
  builder.key("a");
  builder.begin_list();
  for (int i = 0; i < 1000; ++i) {
    builder.value("");
    builder.value(std::span<const std::byte>());
    builder.value(std::vector<double>());
    builder.begin_list();
    builder.end_list();
    builder.begin_dict();
    builder.end_dict();
  }
  builder.end_list();
  EXPECT_EQ(Block(*builder.finish()).verdict(), "good");
}

// Random damage under a good checksum: nothing may be read outside, and what is accepted can be walked to its end.
TEST(DictionaryVerify, MakesDamagedBlocksSafeToWalk) {
  std::mt19937_64 random(1);
  std::size_t accepted = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    DictionaryBuilder builder;
    add_members(builder, RandomModels(seed).dict_of(6, 3));
    const Block whole(*builder.finish());
    for (int i = 0; i < 200; ++i) {
      Block block = whole;
      for (std::size_t flips = 1 + random() % 3; flips > 0; --flips) {
        const std::size_t at = random() % (block.bytes().size() - 8);
        block.bytes()[at] = static_cast<std::byte>(random() % 4 == 0 ? random() : random() % 16);
      }
      const auto dictionary = Dictionary::open(block.fix_checksum().bytes());
      if (!dictionary) continue;
      ++accepted;
      ASSERT_FALSE(dictionary->to_json().empty());
      for (const auto& [key, value] : dictionary->root()) ASSERT_TRUE(dictionary->find(key)) << key;
    }
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace penstock
