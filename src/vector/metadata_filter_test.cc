// SPDX-License-Identifier: MIT
#include "vector/metadata_filter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace penstock {
namespace {

using Relation = Condition::Relation;
using Value = decltype(Condition::value);

bool fulfils(std::string_view metadata, std::string key, Relation relation, Value value) {
  return MetadataReader().fulfils(metadata, {{std::move(key), relation, std::move(value)}});
}

constexpr std::string_view kPhoto =
    R"({"country":"de","year":2024,"stars":4.5,"raw":false,"none":null,"big":18446744073709551615,"tags":["a"]})";

TEST(MetadataFilter, ComparesTextsByTheirBytes) {
  EXPECT_TRUE(fulfils(kPhoto, "country", Relation::kEqual, "de"));
  EXPECT_FALSE(fulfils(kPhoto, "country", Relation::kEqual, "fr"));
  EXPECT_TRUE(fulfils(kPhoto, "country", Relation::kUnequal, "fr"));
  EXPECT_TRUE(fulfils(kPhoto, "country", Relation::kLess, "df"));
  EXPECT_TRUE(fulfils(kPhoto, "country", Relation::kGreaterOrEqual, "de"));
  EXPECT_TRUE(fulfils(R"({"a":"\u00e9"})", "a", Relation::kGreater, "zzz"));
}

TEST(MetadataFilter, ComparesNumbersByTheirValue) {
  EXPECT_TRUE(fulfils(kPhoto, "year", Relation::kEqual, std::int64_t{2024}));
  EXPECT_TRUE(fulfils(kPhoto, "year", Relation::kEqual, 2024.0));
  EXPECT_TRUE(fulfils(kPhoto, "year", Relation::kLess, 2024.5));
  EXPECT_TRUE(fulfils(kPhoto, "stars", Relation::kGreater, std::int64_t{4}));
  EXPECT_TRUE(fulfils(kPhoto, "stars", Relation::kLessOrEqual, 4.5));
  EXPECT_FALSE(fulfils(kPhoto, "stars", Relation::kLess, std::int64_t{4}));
  EXPECT_TRUE(fulfils(kPhoto, "big", Relation::kGreater, std::numeric_limits<std::int64_t>::max()));
  // 2^53 + 1 is no double: as doubles they would be equal.
  EXPECT_TRUE(fulfils(R"({"n":9007199254740993})", "n", Relation::kGreater, 9007199254740992.0));
  EXPECT_TRUE(fulfils(R"({"n":9223372036854775807})", "n", Relation::kLess, 9223372036854775808.0));
  EXPECT_TRUE(fulfils(R"({"n":-9223372036854775808})", "n", Relation::kEqual, -9223372036854775808.0));
}

TEST(MetadataFilter, AsksOfBooleansWhetherTheyAreEqual) {
  EXPECT_TRUE(fulfils(kPhoto, "raw", Relation::kEqual, false));
  EXPECT_TRUE(fulfils(kPhoto, "raw", Relation::kUnequal, true));
  EXPECT_FALSE(fulfils(kPhoto, "raw", Relation::kEqual, true));
}

TEST(MetadataFilter, TakesWhatIsMissingOrOfAnotherKindForUnequal) {
  for (const char* const key : {"missing", "none", "tags", "year"}) {
    EXPECT_TRUE(fulfils(kPhoto, key, Relation::kUnequal, "x")) << key;
    EXPECT_FALSE(fulfils(kPhoto, key, Relation::kEqual, "x")) << key;
    EXPECT_FALSE(fulfils(kPhoto, key, Relation::kGreaterOrEqual, "")) << key;
  }
  EXPECT_TRUE(fulfils("", "a", Relation::kUnequal, true));
}

TEST(MetadataFilter, WantsAllConditions) {
  MetadataReader reader;
  EXPECT_TRUE(reader.fulfils(kPhoto, {}));
  EXPECT_TRUE(reader.fulfils(kPhoto, {{"country", Relation::kEqual, "de"}, {"year", Relation::kGreater, 2000.0}}));
  EXPECT_FALSE(reader.fulfils(kPhoto, {{"country", Relation::kEqual, "de"}, {"year", Relation::kGreater, 2030.0}}));
}

TEST(MetadataFilter, KnowsWhatIsNoObject) {
  MetadataReader reader;
  EXPECT_EQ(reader.why_no_object(kPhoto), "");
  EXPECT_EQ(reader.why_no_object(""), "");
  EXPECT_EQ(reader.why_no_object(" { } "), "");
  EXPECT_EQ(reader.why_no_object("[1]"), "is JSON, but no object");
  for (const char* const bad : {"{", "{\"a\":1", "x", "{\"a\":01}", "{} {}", "{\"a\":\"\xff\"}"})
    EXPECT_NE(reader.why_no_object(bad), "") << bad;
}

}  // namespace
}  // namespace penstock
