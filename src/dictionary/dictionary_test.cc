// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/dictionary.h>
#include <penstock/dictionary_builder.h>

#include <cmath>
#include <limits>

#include "dictionary/model.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A dictionary from JSON with the memory that it needs.
struct Made {
  explicit Made(std::string_view json) {
    EXPECT_TRUE(builder.add_json(json));
    auto block = builder.finish();
    EXPECT_TRUE(block) << block.error().to_text();
    auto opened = Dictionary::open(*block);
    EXPECT_TRUE(opened) << opened.error().to_text();
    dictionary = *opened;
  }
  DictionaryBuilder builder;
  Dictionary dictionary;
};

TEST(Dictionary, FindsValuesOfAllKindsByKey) {
  const Made made(
      R"({"nothing":null,"yes":true,"small":-3,"half":0.5,"short":"abc","long":"longer than eight bytes"})");
  const Dictionary& dictionary = made.dictionary;
  EXPECT_EQ(dictionary.size(), 6);
  EXPECT_TRUE(dictionary["nothing"].is_null());
  EXPECT_EQ(dictionary["yes"].boolean().value(), true);
  EXPECT_EQ(dictionary["small"].int64().value(), -3);
  EXPECT_EQ(dictionary["half"].float64().value(), 0.5);
  EXPECT_EQ(dictionary["short"].string().value(), "abc");
  EXPECT_EQ(dictionary["long"].string().value(), "longer than eight bytes");
}

TEST(Dictionary, GivesAnAbsentValueForAnUnknownKey) {
  const Made made(R"({"a":1})");
  EXPECT_FALSE(made.dictionary["b"]);
  EXPECT_EQ(made.dictionary["b"]["c"][3].kind(), ValueKind::kAbsent);
  EXPECT_EQ(made.dictionary["b"].int64_or(7), 7);
  EXPECT_EQ(made.dictionary["b"].int64().error().code(), ErrorCode::kNotFound);
}

TEST(Dictionary, SaysWhichKindItFoundAndWhichWasExpected) {
  const Made made(R"({"a":"text"})");
  const auto number = made.dictionary["a"].int64();
  ASSERT_FALSE(number);
  EXPECT_EQ(number.error().message(), "the value in the dictionary is a string; expected an int64");
  EXPECT_EQ(made.dictionary["a"].int64_or(7), 7);
}

TEST(Dictionary, ReadsAnInt64AsFloat64Too) {
  const Made made(R"({"a":3})");
  EXPECT_EQ(made.dictionary["a"].float64().value(), 3.0);
  EXPECT_EQ(made.dictionary["a"].float64_or(0), 3.0);
}

TEST(Dictionary, FollowsPathsThroughDictsAndLists) {
  const Made made(R"({"user":{"meta":{"score":2.5},"tags":["x",{"y":1}]}})");
  EXPECT_EQ(made.dictionary.find_path("user.meta.score").float64_or(0), 2.5);
  EXPECT_EQ(made.dictionary.find_path("user.tags.1.y").int64_or(0), 1);
  EXPECT_EQ(made.dictionary["user"].find_path("tags.0").string_or(""), "x");
  EXPECT_FALSE(made.dictionary.find_path("user.tags.2"));
  EXPECT_FALSE(made.dictionary.find_path("user.tags.x"));
  EXPECT_FALSE(made.dictionary.find_path("user.meta.score.more"));
}

TEST(Dictionary, NamesThePartOfAPathThatIsMissingAndTheNearestKey) {
  const Made made(R"({"meta":{"score":1,"tag":"x"}})");
  const auto value = made.dictionary.at("meta.scroe");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().message(), "the dictionary has no \"meta.scroe\": \"scroe\" is not there");
  EXPECT_THAT(value.error().hint(), HasSubstr("score"));
}

TEST(Dictionary, GoesOverMembersInTheOrderInWhichTheyWereAdded) {
  const Made made(R"({"z":1,"a":{"y":2,"b":3},"m":4})");
  std::vector<std::string> keys;
  for (const auto& [key, value] : made.dictionary.root()) keys.emplace_back(key);
  for (const auto& [key, value] : made.dictionary["a"].as_dict()) keys.emplace_back(key);
  EXPECT_THAT(keys, ElementsAre("z", "a", "m", "y", "b"));
}

TEST(Dictionary, ReadsTheSameWhereverTheBlockIsMoved) {
  const Made made(R"({"a":{"b":[1,"a text of many bytes"]}})");
  const auto bytes = made.dictionary.bytes();
  std::vector<std::uint64_t> moved(bytes.size() / 8 + 1);
  std::memcpy(moved.data() + 1, bytes.data(), bytes.size());
  const auto there = Dictionary::open(std::as_bytes(std::span(moved)).subspan(8));
  ASSERT_TRUE(there);
  EXPECT_EQ(there->to_json(), made.dictionary.to_json());
}

TEST(Dictionary, TakesMemoryThatIsLongerThanTheBlock) {
  const Made made(R"({"a":1})");
  std::vector<std::uint64_t> longer(made.dictionary.bytes().size() / 8 + 100);
  std::memcpy(longer.data(), made.dictionary.bytes().data(), made.dictionary.bytes().size());
  EXPECT_EQ(Dictionary::open(std::as_bytes(std::span(longer))).value()["a"].int64_or(0), 1);
}

TEST(Dictionary, IsEmptyByDefault) {
  const Dictionary dictionary;
  EXPECT_EQ(dictionary.size(), 0);
  EXPECT_FALSE(dictionary["a"]);
  EXPECT_FALSE(dictionary.find_path("a.b"));
  EXPECT_EQ(dictionary.to_json(), "{}");
  for (const auto& member : dictionary.root()) FAIL() << member.key;
}

TEST(Dictionary, HoldsKeysOfAnyBytesOfUtf8) {
  const Made made("{\"\":1,\"a\\u0000b\":2,\"\xC3\xA4\":3,\"a.b\":4}");
  EXPECT_EQ(made.dictionary[""].int64_or(0), 1);
  EXPECT_EQ(made.dictionary[std::string_view("a\0b", 3)].int64_or(0), 2);
  EXPECT_EQ(made.dictionary["\xC3\xA4"].int64_or(0), 3);
  EXPECT_EQ(made.dictionary["a.b"].int64_or(0), 4);
  EXPECT_FALSE(made.dictionary.find_path("a.b"));
}

TEST(DictionaryArray, GivesSpansOfItsElementType) {
  DictionaryBuilder builder;
  const std::vector<float> weights = {1, 2, 3, 4, 5, 6};
  const std::uint64_t shape[] = {2, 3};
  builder.add("weights", ArrayView::of<float>(weights, shape));
  builder.add("ids", std::vector<std::int64_t>(100, 7));
  const Dictionary dictionary = *Dictionary::open(*builder.finish());
  const Dictionary::Array array = dictionary["weights"].as_array();
  EXPECT_EQ(array.type(), ElementType::kFloat32);
  EXPECT_THAT(array.shape(), ElementsAre(2, 3));
  EXPECT_EQ(array.size(), 6);
  EXPECT_THAT(array.elements<float>().value(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(array.elements<double>().error().message(),
            "the array in the dictionary has elements of type float32; expected float64");
  const auto ids = dictionary["ids"].as_array().elements<std::int64_t>().value();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(ids.data()) % 64, 0) << "large arrays are aligned";
  EXPECT_EQ(dictionary["weights"].to_json(), "[[1.0,2.0,3.0],[4.0,5.0,6.0]]");
}

TEST(DictionaryPath, FindsWhatNamesFindInDictsOfDifferentKeys) {
  const Made made(
      R"({"a":{"x":1,"m":{"s":2}},"b":{"m":{"t":0,"s":3},"x":4},"c":{},"d":{"m":5},"e":[1],"f":{"x":1,"m":{"s":6}}})");
  Dictionary::Path score("m.s");
  std::vector<std::int64_t> seen;
  for (const auto& [key, value] : made.dictionary.root()) {
    seen.push_back(score.in(value).int64_or(-1));
    EXPECT_EQ(seen.back(), value["m"]["s"].int64_or(-1)) << key;
  }
  EXPECT_THAT(seen, ElementsAre(2, 3, -1, -1, -1, 6));
}

TEST(DictionaryPath, WorksAcrossBlocks) {
  Dictionary::Path score("s");
  const Made first(R"({"a":{"x":1,"s":2}})");
  EXPECT_EQ(score.in(first.dictionary["a"]).int64_or(0), 2);
  const Made second(R"({"a":{"s":3}})");
  EXPECT_EQ(score.in(second.dictionary["a"]).int64_or(0), 3);
  const Made third(R"({"filler":"moves what follows","a":{"x":1,"s":4}})");
  EXPECT_EQ(score.in(third.dictionary["a"]).int64_or(0), 4);
}

TEST(DictionaryPath, TakesKeysWithDots) {
  const Made made(R"({"a":{"x.y":{"z":1}}})");
  Dictionary::Path path({"x.y", "z"});
  EXPECT_EQ(path.in(made.dictionary["a"]).int64_or(0), 1);
}

TEST(DictionaryField, IsGoodForAllDictsOfALayout) {
  const Made made(R"({"a":{"x":1,"y":2},"b":{"x":3,"y":4},"c":{"y":5}})");
  const auto dict = [&](const char* key) { return made.dictionary[key].as_dict(); };
  const Dictionary::Field y = dict("a").field("y");
  EXPECT_EQ(dict("a").layout(), dict("b").layout());
  EXPECT_NE(dict("a").layout(), dict("c").layout());
  EXPECT_EQ(dict("b")[y].int64_or(0), 4);
  EXPECT_FALSE(dict("a").field("z"));
  EXPECT_FALSE(dict("a")[dict("a").field("z")]);
  EXPECT_EQ(made.dictionary.root().layout(), nullptr);
}

TEST(DictionaryJson, WritesWhatJsonHasNoWordFor) {
  DictionaryBuilder builder;
  builder.add("nan", std::numeric_limits<double>::quiet_NaN());
  builder.add("inf", -std::numeric_limits<double>::infinity());
  builder.add("bytes", std::as_bytes(std::span("\x01\xFF", 2)));
  builder.add("scalar", ArrayView{ElementType::kUint8, {}, std::as_bytes(std::span("\x05", 1))});
  builder.add("bools", std::vector<std::uint8_t>{1});
  builder.add("none", std::vector<double>());
  EXPECT_EQ(Dictionary::open(*builder.finish()).value().to_json(),
            R"({"nan":"NaN","inf":"-Infinity","bytes":"Af8=","scalar":5,"bools":[1],"none":[]})");
}

TEST(DictionaryJson, ComesBackAsItWas) {
  constexpr std::string_view kJson =
      R"({"a":[1,-2.5,"x\n\"\u0001",null,true,[],{}],"":{"b":{"c":[[0]]}},"long":"0123456789abcdef01234567","n":1e300})";
  EXPECT_EQ(Made(kJson).dictionary.to_json(), kJson);
}

TEST(DictionaryModel, HoldsWhatWasAddedForAnyNesting) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    RandomModels random(seed);
    const Model model = random.dict(4);
    DictionaryBuilder builder;
    add_members(builder, model);
    const auto block = builder.finish();
    ASSERT_TRUE(block) << "seed " << seed << ": " << block.error().to_text();
    const auto dictionary = Dictionary::open(*block);
    ASSERT_TRUE(dictionary) << "seed " << seed << ": " << dictionary.error().to_text();
    ASSERT_TRUE(same_dict(model, dictionary->root())) << "seed " << seed;
  }
}

TEST(DictionaryModel, FindsEachOfManyKeys) {
  const Model model = RandomModels(7).dict_of(5'000, 0);
  DictionaryBuilder builder;
  add_members(builder, model);
  const auto dictionary = Dictionary::open(*builder.finish());
  ASSERT_TRUE(dictionary) << dictionary.error().to_text();
  EXPECT_TRUE(same_dict(model, dictionary->root()));
}

}  // namespace
}  // namespace penstock
