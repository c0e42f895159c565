// SPDX-License-Identifier: MIT
// That servers understand these is shown by tests/conformance/vector_store_test.cc.
#include "vector/milvus_expression.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace penstock::milvus {
namespace {

using Relation = Condition::Relation;

TEST(MilvusExpression, ListsIds) {
  const std::vector<std::string_view> ids = {"a", "b \"c\"", "back\\slash", "two\nlines\r", "tab\t'é'"};
  EXPECT_EQ(expression_of_ids(ids), R"(id in ["a","b \"c\"","back\\slash","two\nlines\r","tab)"
                                    "\t'é'\"]");
  EXPECT_EQ(expression_of_ids({}), "id in []");
}

TEST(MilvusExpression, OfNoConditionIsEmpty) { EXPECT_EQ(expression_of({}), ""); }

TEST(MilvusExpression, ComparesKeysOfTheMetadata) {
  EXPECT_EQ(expression_of({{"n", Relation::kGreaterOrEqual, std::int64_t{40}}}), R"((metadata["n"] >= 40))");
  EXPECT_EQ(expression_of({{"a \"b\"", Relation::kLess, "x\\"}, {"ok", Relation::kEqual, true}}),
            R"((metadata["a \"b\""] < "x\\") and (metadata["ok"] == true))");
  EXPECT_EQ(expression_of({{"f", Relation::kGreater, 0.5}}), R"((metadata["f"] > 0.5))");
  EXPECT_EQ(expression_of({{"f", Relation::kLessOrEqual, 1e300}}), R"((metadata["f"] <= 1e+300))");
}

TEST(MilvusExpression, FindsAMissingKeyUnequal) {
  EXPECT_EQ(expression_of({{"n", Relation::kUnequal, std::int64_t{7}}}),
            R"((metadata["n"] != 7 or not (exists metadata["n"])))");
}

TEST(MilvusExpression, WritesTheLeastIntegerAsMilvusReadsIt) {
  EXPECT_EQ(expression_of({{"n", Relation::kGreater, std::numeric_limits<std::int64_t>::min()}}),
            R"((metadata["n"] > -9.223372036854776e+18))");
}

}  // namespace
}  // namespace penstock::milvus
