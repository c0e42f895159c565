// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/batch.h>
#include <penstock/dictionary_builder.h>

#include "dictionary/key_hash.h"
#include "dictionary/model.h"

namespace penstock {
namespace {

using testing::HasSubstr;

std::string json_of(DictionaryBuilder& builder) {
  const auto block = builder.finish();
  if (!block) return block.error().to_text();
  const auto dictionary = Dictionary::open(*block);
  return dictionary ? dictionary->to_json() : dictionary.error().to_text();
}

TEST(DictionaryBuilder, TakesValuesOfCppTypes) {
  DictionaryBuilder builder;
  const std::uint64_t large = std::uint64_t{1} << 62;
  builder.add("null", nullptr);
  builder.add("bool", true);
  builder.add("int", -1);
  builder.add("unsigned", large);
  builder.add("float", 0.5F);
  builder.add("literal", "text");
  builder.add("string", std::string("a string of many bytes"));
  builder.add("optional", std::optional<int>(3));
  builder.add("empty", std::optional<std::string>());
  builder.add("numbers", std::vector<std::int16_t>{1, 2});
  EXPECT_EQ(json_of(builder),
            R"({"null":null,"bool":true,"int":-1,"unsigned":4611686018427387904,"float":0.5,"literal":"text",)"
            R"("string":"a string of many bytes","optional":3,"empty":null,"numbers":[1,2]})");
}

TEST(DictionaryBuilder, MakesRowsThatAreTheSameAsDictsBuiltValueByValue) {
  DictionaryBuilder rows;
  const auto inner = rows.shape({"tag", "score"});
  const auto outer = rows.shape({"id", "name", "inner", "maybe"});
  const std::string name = "a name of more than eight";
  const std::optional<std::string> tag = "tag";
  rows.add("first", outer(1, name, inner(tag, 0.5), std::optional<int>()));
  rows.key("list");
  rows.begin_list();
  rows.value(inner("in a list", 1));
  rows.end_list();
  EXPECT_EQ(json_of(rows),
            R"({"first":{"id":1,"name":"a name of more than eight","inner":{"tag":"tag","score":0.5},"maybe":null},)"
            R"("list":[{"tag":"in a list","score":1}]})");
}

TEST(DictionaryBuilder, SharesTheKeysOfRowsAndOfDictsBuiltValueByValue) {
  DictionaryBuilder builder;
  const auto row = builder.shape({"x", "y"});
  builder.add("a", row(1, 2));
  builder.key("b");
  builder.begin_dict();
  builder.add("x", 3);
  builder.add("y", 4);
  builder.end_dict();
  const Dictionary dictionary = *Dictionary::open(*builder.finish());
  EXPECT_EQ(dictionary["a"].as_dict().layout(), dictionary["b"].as_dict().layout());
}

TEST(DictionaryBuilder, GivesTheSameBytesForTheSameCalls) {
  const Model model = RandomModels(3).dict_of(50, 3);
  DictionaryBuilder first;
  DictionaryBuilder second;
  add_members(first, model);
  add_members(second, model);
  const auto a = *first.finish();
  const auto b = *second.finish();
  EXPECT_TRUE(std::ranges::equal(a, b));
  const std::vector<std::byte> kept(a.begin(), a.end());
  std::memset(const_cast<std::byte*>(a.data()), 0xAA, a.size());  // dirty memory: nothing of it may show
  first.clear();
  add_members(first, model);
  EXPECT_TRUE(std::ranges::equal(*first.finish(), kept)) << "also when its memory was used before";
}

TEST(DictionaryBuilder, KeepsShapesWhenItIsCleared) {
  DictionaryBuilder builder;
  const auto row = builder.shape({"x"});
  builder.add("a", row(1));
  EXPECT_EQ(json_of(builder), R"({"a":{"x":1}})");
  builder.clear();
  builder.add("b", row(2));
  EXPECT_EQ(json_of(builder), R"({"b":{"x":2}})");
}

TEST(DictionaryBuilder, BuildsIntoTheCallersMemory) {
  alignas(8) std::byte memory[512];
  DictionaryBuilder builder{std::span<std::byte>(memory)};
  builder.add("a", "some text that is long");
  const auto block = builder.finish();
  ASSERT_TRUE(block) << block.error().to_text();
  EXPECT_EQ(block->data(), memory);
  EXPECT_EQ(Dictionary::open(*block).value()["a"].string_or(""), "some text that is long");
}

TEST(DictionaryBuilder, FailsAtEverySizeOfMemoryThatIsTooSmallAndWritesNothingBehindIt) {
  const Model model = RandomModels(11).dict_of(12, 3);
  DictionaryBuilder whole;
  add_members(whole, model);
  const std::size_t needed = whole.finish()->size();
  for (std::size_t size = 0; size <= needed; size += 8) {
    std::vector<std::uint64_t> memory(needed / 8 + 8, 0x5555555555555555);
    DictionaryBuilder builder(std::as_writable_bytes(std::span(memory)).first(size));
    add_members(builder, model);
    const auto block = builder.finish();
    for (std::size_t i = size / 8; i < memory.size(); ++i) ASSERT_EQ(memory[i], 0x5555555555555555) << size;
    if (block) continue;
    ASSERT_EQ(block.error().code(), ErrorCode::kResourceExhausted) << size;
  }
}

/// Memory in pieces of 64 bytes at another place each time, up to a limit.
class MovingMemory final : public DictionarySink {
 public:
  explicit MovingMemory(std::size_t most) : most_(most) {}
  std::span<std::byte> resize(std::size_t bytes, std::size_t used) override {
    if (bytes > most_) return {};
    std::vector<std::uint64_t> fresh((bytes + 7) / 8);
    if (used > 0) std::memcpy(fresh.data(), memory_.data(), used);
    memory_ = std::move(fresh);
    return std::as_writable_bytes(std::span(memory_));
  }

 private:
  std::size_t most_;
  std::vector<std::uint64_t> memory_;
};

TEST(DictionaryBuilder, GrowsInASinkThatMovesItsMemory) {
  const Model model = RandomModels(5).dict_of(30, 3);
  MovingMemory memory(1 << 20);
  DictionaryBuilder builder(memory, {.initial_bytes = 64});
  add_members(builder, model);
  const auto block = builder.finish();
  ASSERT_TRUE(block) << block.error().to_text();
  EXPECT_TRUE(same_dict(model, Dictionary::open(*block).value().root()));
}

TEST(DictionaryBuilder, SaysWhenASinkHasNoMore) {
  MovingMemory memory(256);
  DictionaryBuilder builder(memory, {.initial_bytes = 64});
  builder.add("a", std::string(1000, 'x'));
  const auto block = builder.finish();
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code(), ErrorCode::kResourceExhausted);
  builder.clear();
  builder.add("a", 1);
  EXPECT_EQ(json_of(builder), R"({"a":1})") << "it can be used again";
}

TEST(DictionaryBuilder, RefusesMemoryAtAnOddPlace) {
  alignas(8) std::byte memory[256];
  DictionaryBuilder builder(std::span<std::byte>(memory).subspan(4));
  EXPECT_EQ(builder.finish().error().code(), ErrorCode::kInvalidArgument);
}

void expect_twice(DictionaryBuilder& builder) {
  const auto block = builder.finish();
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(block.error().message(), "dictionary: the key \"k\" is there twice in one dict");
}

TEST(DictionaryBuilder, RefusesAKeyTwiceInTheRoot) {
  DictionaryBuilder builder;
  builder.add("k", 1);
  builder.add("other", 1);
  builder.add("k", 2);
  expect_twice(builder);
}

TEST(DictionaryBuilder, RefusesAKeyTwiceInADict) {
  DictionaryBuilder builder;
  EXPECT_TRUE(builder.add_json(R"({"a":{"k":1,"l":2,"k":3}})"));
  expect_twice(builder);
}

TEST(DictionaryBuilder, RefusesAKeyTwiceInAShape) {
  DictionaryBuilder builder;
  const auto shape = builder.shape({"k", "k"});
  builder.add("a", shape(1, 2));
  expect_twice(builder);
}

TEST(DictionaryBuilder, RefusesTextThatIsNotUtf8) {
  for (const std::string text : {"\xFF", "short\xC3", "longer than eight\xC3", "more than sixteen bytes \xE2\x82"}) {
    DictionaryBuilder builder;
    builder.add("a", text);
    EXPECT_THAT(json_of(builder), HasSubstr("not valid UTF-8"));
    builder.clear();
    builder.add(text, 1);
    EXPECT_THAT(json_of(builder), HasSubstr("not valid UTF-8"));
    builder.clear();
    builder.key("a");
    builder.begin_dict();
    builder.add(text, 1);
    builder.end_dict();
    EXPECT_THAT(json_of(builder), HasSubstr("not valid UTF-8"));
  }
}

TEST(DictionaryBuilder, RefusesUnsignedIntegersBeyondInt64) {
  DictionaryBuilder builder;
  builder.add("a", std::uint64_t{1} << 63);
  EXPECT_THAT(json_of(builder), HasSubstr("beyond 2^63 - 1"));
}

TEST(DictionaryBuilder, RefusesKeysBeyondTheirLength) {
  DictionaryBuilder builder;
  builder.add(std::string(65'535, 'k'), 1);
  EXPECT_TRUE(Dictionary::open(*builder.finish()));
  builder.clear();
  builder.add(std::string(65'536, 'k'), 1);
  EXPECT_THAT(json_of(builder), HasSubstr("65536 bytes"));
}

TEST(DictionaryBuilder, NestsToTheLimitAndNotBeyond) {
  for (const int depth : {255, 256}) {
    DictionaryBuilder builder;
    builder.key("a");
    for (int i = 0; i < depth; ++i) builder.begin_list();
    for (int i = 0; i < depth; ++i) builder.end_list();
    EXPECT_THAT(json_of(builder), HasSubstr(depth == 255 ? "[[[[" : "nested more than 256 deep"));
  }
  DictionaryBuilder builder;
  const auto shape = builder.shape({"x"});
  builder.key("a");
  for (int i = 0; i < 255; ++i) builder.begin_list();
  builder.value(shape(1));
  for (int i = 0; i < 255; ++i) builder.end_list();
  EXPECT_THAT(json_of(builder), HasSubstr("nested more than 256 deep"));
}

TEST(DictionaryBuilder, IndexesDictsWithMoreKeysThanAreShared) {
  for (const std::size_t count : {64U, 65U, 500U}) {
    DictionaryBuilder builder;
    builder.key("wide");
    builder.begin_dict();
    for (std::size_t i = 0; i < count; ++i) builder.add("key " + std::to_string(i), i);
    builder.end_dict();
    const Dictionary dictionary = *Dictionary::open(*builder.finish());
    const Dictionary::Dict wide = dictionary["wide"].as_dict();
    EXPECT_EQ(wide.layout() != nullptr, count <= DictionaryBuilder::kMaxSharedKeys);
    EXPECT_EQ(wide.size(), count);
    std::size_t at = 0;
    for (const auto& [key, value] : wide) {
      EXPECT_EQ(key, "key " + std::to_string(at));
      EXPECT_EQ(wide[key].int64_or(-1), static_cast<std::int64_t>(at++));
    }
  }
}

// Keys whose first slots of the index, with the seed that is tried first, are all the same one.
std::vector<std::string> colliding_keys(std::size_t count, std::uint64_t num_slots) {
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; keys.size() < count; ++i) {
    std::string key = std::to_string(i);
    if (dictionary_format::home_of(key_hash(key, 0), num_slots) == 3) keys.push_back(std::move(key));
  }
  return keys;
}

TEST(DictionaryBuilder, TakesAnotherSeedForKeysThatWereChosenToCollide) {
  constexpr std::size_t kKeys = 300;
  const std::vector<std::string> keys = colliding_keys(kKeys, kKeys + kKeys / 3 + 1);
  DictionaryBuilder builder;
  for (const std::string& key : keys) builder.add(key, 1);
  const auto dictionary = Dictionary::open(*builder.finish());
  ASSERT_TRUE(dictionary) << dictionary.error().to_text();
  for (const std::string& key : keys) EXPECT_TRUE((*dictionary)[key]) << key;
}

TEST(DictionaryJson, SaysWhereTheJsonIsWrong) {
  DictionaryBuilder builder;
  EXPECT_THAT(builder.add_json("{\"a\":1,\n \"b\":tru}").error().to_text(), HasSubstr("line 2"));
  EXPECT_THAT(builder.add_json("[1]").error().to_text(), HasSubstr("no object"));
  EXPECT_THAT(builder.add_json("3").error().to_text(), HasSubstr("no object"));
  EXPECT_THAT(builder.add_json("").error().to_text(), HasSubstr("invalid JSON"));
  EXPECT_THAT(builder.add_json(R"({"x":{"y":[1,)").error().to_text(), HasSubstr("invalid JSON"));
  EXPECT_THAT(builder.add_json(R"({"z":)").error().to_text(), HasSubstr("invalid JSON"));
  EXPECT_EQ(json_of(builder), R"({"a":1,"b":null,"x":{"y":[1]},"z":null})") << "what came before stays";
}

TEST(DictionaryJson, RefusesNestingBeyondTheLimit) {
  DictionaryBuilder builder;
  EXPECT_TRUE(builder.add_json("{\"a\":" + std::string(255, '[') + std::string(255, ']') + "}"));
  EXPECT_THAT(builder.add_json("{\"b\":" + std::string(100'000, '[')).error().to_text(),
              HasSubstr("nested more than 256 deep"));
}

TEST(DictionaryJson, PutsAnyValueUnderAKeyAndKeepsLargeIntegersAsFloats) {
  DictionaryBuilder builder;
  builder.key("a");
  EXPECT_TRUE(builder.value_json(R"([9223372036854775807, 9223372036854775808, -9223372036854775808])"));
  EXPECT_EQ(json_of(builder), R"({"a":[9223372036854775807,9.223372036854776e18,-9223372036854775808]})");
}

RecordBatch sample_rows() {
  RecordBatchBuilder rows(
      *make_schema({{"id", Type::kInt64}, {"name", Type::kUtf8}, {"ok", Type::kBool}, {"x", Type::kFloat64}}),
      BufferPool::shared());
  for (const int id : {3, 1}) {
    rows.column(0).append_int64(id);
    if (id == 1) {
      rows.column(1).append_null();
    } else {
      rows.column(1).append_text("three");
    }
    rows.column(2).append_bool(id == 3);
    rows.column(3).append_float64(id / 2.0);
  }
  return rows.finish();
}

TEST(DictionaryRows, BecomeDictsUnderTheirKeyColumn) {
  DictionaryBuilder builder;
  ASSERT_TRUE(builder.add_rows(sample_rows(), "id"));
  EXPECT_EQ(json_of(builder), R"({"3":{"name":"three","ok":true,"x":1.5},"1":{"name":null,"ok":false,"x":0.5}})");
}

TEST(DictionaryRows, NeedAKeyColumnOfTextOrIntegersWithoutNulls) {
  DictionaryBuilder builder;
  EXPECT_EQ(builder.add_rows(sample_rows(), "nmae").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(builder.add_rows(sample_rows(), "x").error().message(),
            "column \"x\" cannot be the key: it is float64, expected utf8 or int64");
  EXPECT_EQ(builder.add_rows(sample_rows(), "name").error().message(),
            "column \"name\" cannot be the key: row 1 is null");
}

TEST(DictionaryColumns, BecomeArraysOrLists) {
  DictionaryBuilder builder;
  builder.add_columns(sample_rows());
  const auto block = builder.finish();
  const Dictionary dictionary = *Dictionary::open(*block);
  EXPECT_EQ(dictionary.to_json(), R"({"id":[3,1],"name":["three",null],"ok":[true,false],"x":[1.5,0.5]})");
  EXPECT_EQ(dictionary["x"].as_array().type(), ElementType::kFloat64);
  EXPECT_EQ(dictionary["ok"].as_array().type(), ElementType::kBool);
  EXPECT_EQ(dictionary["name"].kind(), ValueKind::kList);
}

}  // namespace
}  // namespace penstock
