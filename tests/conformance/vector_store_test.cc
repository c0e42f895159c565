// SPDX-License-Identifier: MIT
// What every store of vectors must keep to, whoever wrote it. A store adds a line to `kinds()`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "base/thorough.h"
#include "data/random.h"
#include "platform/file.h"
#include "vector/embedded_store.h"
#include "vector/milvus_calls.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Relation = Condition::Relation;
using Opened = Result<std::unique_ptr<VectorStore>>;

/// One store: opened again and again, it is the same.
struct Kind {
  std::string name;
  bool is_exact;  ///< Searches miss nothing.
  int patience;   ///< Every so many-th step of a long test is enough.
  std::size_t most_id_bytes;
  Opened (*open)(const std::string& folder, VectorStore::Shape shape);
  void (*remove)(const std::string& folder);
};

void remove_nothing(const std::string&) {}

Opened open_small(const std::string& folder, VectorStore::Shape shape) {
  return open_embedded_store(folder + "/vectors.index", {.shape = shape, .exact_rows = 1'000'000});
}

// With a graph from the first rows on.
Opened open_graph(const std::string& folder, VectorStore::Shape shape) {
  return open_embedded_store(folder + "/vectors.index", {.shape = shape, .exact_rows = 0});
}

// A table of its own for each folder; postgres_test.py starts the server.
Opened open_postgres(const std::string& folder, VectorStore::Shape shape) {
  static int tables = 0;
  const std::string file = folder + "/table";
  if (!std::filesystem::exists(file)) {
    const auto written = write_file(file, "t" + std::to_string(::getpid()) + "_" + std::to_string(++tables));
    if (!written) return written.error();
  }
  PENSTOCK_ASSIGN(const std::string table, read_file(file));
  VectorStoreOptions how;
  how.shape = shape;
  return open_vector_store(std::string(std::getenv("PENSTOCK_TEST_POSTGRES")) + "&table=" + table, how);
}

// A server that tests/vector/milvus_test.py has started; each folder has a collection there.
std::string milvus_address(const std::string& folder) {
  std::string collection = std::filesystem::path(folder).filename().string();
  return std::getenv("PENSTOCK_MILVUS") + ("/" + collection);
}

Opened open_milvus(const std::string& folder, VectorStore::Shape shape) {
  return open_vector_store(milvus_address(folder), {.shape = shape});
}

void remove_milvus(const std::string& folder) {
  const milvus::Calls calls(milvus::parse_address(milvus_address(folder)).value());
  // Requests that name a collection and nothing else are alike.
  (void)calls.call<milvus::StatusAnswer>("DropCollection", milvus::describe_collection(calls.address().collection),
                                         "removing");
}

std::vector<Kind> kinds() {
  std::vector<Kind> all = {{"embedded_small", true, 1, 65'535, open_small, remove_nothing},
                           {"embedded_graph", false, 1, 65'535, open_graph, remove_nothing}};
  if (std::getenv("PENSTOCK_TEST_POSTGRES") != nullptr)
    all.push_back({"postgres", false, 1, 2'600, open_postgres, remove_nothing});
  if (std::getenv("PENSTOCK_MILVUS") != nullptr)
    all.push_back({"milvus", false, 10, 65'535, open_milvus, remove_milvus});
  return all;
}

class VectorStoreOf : public ::testing::TestWithParam<Kind> {
 protected:
  VectorStoreOf() : folder_(::testing::TempDir() + "vector_store_" + std::to_string(::getpid())) {
    std::filesystem::remove_all(folder_);
    EXPECT_TRUE(make_folders(folder_));
  }
  ~VectorStoreOf() override {
    store_.reset();
    GetParam().remove(folder_);
    std::filesystem::remove_all(folder_);
  }

  VectorStore& open(VectorStore::Shape shape) {
    shape_ = shape;
    auto opened = GetParam().open(folder_, shape);
    EXPECT_TRUE(opened) << opened.error().to_text();
    store_ = std::move(*opened);
    return *store_;
  }
  VectorStore& open_again() {
    EXPECT_TRUE(store_->close());
    store_.reset();
    return open(shape_);
  }
  VectorStore& store() { return *store_; }
  void begin_anew() {
    store_.reset();
    GetParam().remove(folder_);
    std::filesystem::remove_all(folder_);
    EXPECT_TRUE(make_folders(folder_));
  }

  struct Row {
    std::string id;
    std::vector<float> vector;
    std::string metadata;
  };
  Result<PutCounts> put(const std::vector<Row>& rows, bool replacing) {
    std::vector<std::string_view> ids;
    std::vector<float> vectors;
    std::vector<std::string_view> metadata;
    for (const Row& row : rows) {
      ids.push_back(row.id);
      vectors.insert(vectors.end(), row.vector.begin(), row.vector.end());
      metadata.push_back(row.metadata);
    }
    return replacing ? store().upsert({ids, vectors, metadata}) : store().insert({ids, vectors, metadata});
  }
  PutCounts upsert(const std::vector<Row>& rows) {
    const auto counts = put(rows, true);
    EXPECT_TRUE(counts) << counts.error().to_text();
    return counts.value_or(PutCounts());
  }
  PutCounts insert(const std::vector<Row>& rows) {
    const auto counts = put(rows, false);
    EXPECT_TRUE(counts) << counts.error().to_text();
    return counts.value_or(PutCounts());
  }
  std::vector<Neighbor> search(const std::vector<float>& vector, std::size_t k, std::vector<Condition> filter = {}) {
    const auto found = store().search({vector, k, std::move(filter)});
    EXPECT_TRUE(found) << found.error().to_text();
    return found.value_or(std::vector<Neighbor>());
  }
  std::vector<std::string> ids(const std::vector<float>& vector, std::size_t k, std::vector<Condition> filter = {}) {
    std::vector<std::string> all;
    for (const Neighbor& each : search(vector, k, std::move(filter))) all.push_back(each.id);
    return all;
  }

 private:
  std::string folder_;
  VectorStore::Shape shape_;
  std::unique_ptr<VectorStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, VectorStoreOf, ::testing::ValuesIn(kinds()),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(VectorStoreOf, IsEmptyAtFirst) {
  open({2, Metric::kL2});
  EXPECT_EQ(store().count().value(), 0U);
  EXPECT_THAT(search({1, 2}, 3), IsEmpty());
  EXPECT_EQ(open_again().count().value(), 0U);
}

TEST_P(VectorStoreOf, GivesTheNearestFirst) {
  open({2, Metric::kL2});
  upsert({{"far", {10, 0}, ""}, {"near", {1, 0}, R"({"a":1})"}, {"middle", {0, 3}, ""}});
  const std::vector<Neighbor> found = search({0, 0}, 2);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].id, "near");
  EXPECT_EQ(found[0].distance, 1);
  EXPECT_EQ(nlohmann::json::parse(found[0].metadata), nlohmann::json({{"a", 1}}));
  EXPECT_EQ(found[1].id, "middle");
  EXPECT_EQ(found[1].distance, 3);
  EXPECT_EQ(nlohmann::json::parse(found[1].metadata), nlohmann::json::object());
  EXPECT_THAT(ids({0, 0}, 100), ElementsAre("near", "middle", "far"));
}

TEST_P(VectorStoreOf, MeasuresByItsMetric) {
  struct Case {
    Metric metric;
    std::vector<std::string> order;
    std::vector<float> distances;
  };
  // Seen from (1, 0).
  const std::vector<Row> rows = {{"same", {1, 0}, ""}, {"long", {3, 3}, ""}, {"back", {-2, 0}, ""}};
  const float diagonal = 1 - std::sqrt(0.5F);
  for (const Case& each : {Case{Metric::kCosine, {"same", "long", "back"}, {0, diagonal, 2}},
                           Case{Metric::kL2, {"same", "back", "long"}, {0, 3, std::sqrt(13.0F)}},
                           Case{Metric::kDot, {"long", "same", "back"}, {-3, -1, 2}}}) {
    SCOPED_TRACE(to_string(each.metric));
    open({2, each.metric});
    upsert(rows);
    std::vector<std::string> order;
    std::vector<float> distances;
    for (const Neighbor& found : search({1, 0}, 3)) {
      order.push_back(found.id);
      distances.push_back(found.distance);
    }
    EXPECT_EQ(order, each.order);
    EXPECT_THAT(distances, ::testing::Pointwise(::testing::FloatNear(1e-6F), each.distances));
    begin_anew();
  }
}

TEST_P(VectorStoreOf, UpsertReplacesAndInsertKeeps) {
  open({1, Metric::kL2});
  PutCounts counts = insert({{"a", {1}, R"({"v":1})"}, {"b", {2}, ""}});
  EXPECT_EQ(counts.added, 2U);
  counts = insert({{"a", {100}, ""}, {"c", {3}, ""}});
  EXPECT_EQ(counts.added, 1U);
  EXPECT_EQ(counts.kept, 1U);
  EXPECT_EQ(store().count().value(), 3U);
  EXPECT_THAT(ids({1}, 1), ElementsAre("a"));
  counts = upsert({{"a", {100}, R"({"v":2})"}, {"b", {2}, ""}});
  EXPECT_EQ(counts.replaced, 1U);
  EXPECT_EQ(counts.kept, 1U);
  EXPECT_EQ(store().count().value(), 3U);
  EXPECT_THAT(ids({100}, 3), ElementsAre("a", "c", "b"));
  EXPECT_EQ(nlohmann::json::parse(search({100}, 1).front().metadata), nlohmann::json({{"v", 2}}));
}

TEST_P(VectorStoreOf, TakesTheLastOfEqualIdsInABatch) {
  open({1, Metric::kL2});
  upsert({{"a", {1}, ""}, {"a", {5}, ""}, {"a", {9}, ""}});
  EXPECT_EQ(store().count().value(), 1U);
  EXPECT_EQ(search({9}, 5).front().distance, 0);
  insert({{"b", {1}, ""}, {"b", {5}, ""}});
  EXPECT_EQ(store().count().value(), 2U);
  EXPECT_EQ(search({1}, 1).front().id, "b");
}

TEST_P(VectorStoreOf, FindsOnlyWhatFulfilsTheFilter) {
  open({1, Metric::kL2});
  std::vector<Row> rows;
  for (int i = 0; i < 60; ++i) {
    rows.push_back({"row " + std::to_string(i),
                    {static_cast<float>(i)},
                    R"({"n":)" + std::to_string(i) + R"(,"odd":)" + (i % 2 != 0 ? "true" : "false") + R"(,"name":"n)" +
                        std::to_string(i % 3) + R"("})"});
  }
  rows.push_back({"bare", {0}, ""});
  upsert(rows);
  EXPECT_THAT(ids({0}, 3, {{"n", Relation::kGreaterOrEqual, std::int64_t{40}}}),
              ElementsAre("row 40", "row 41", "row 42"));
  EXPECT_THAT(ids({50}, 2, {{"odd", Relation::kEqual, true}, {"n", Relation::kLess, std::int64_t{20}}}),
              ElementsAre("row 19", "row 17"));
  EXPECT_THAT(ids({10}, 1, {{"name", Relation::kEqual, "n2"}, {"odd", Relation::kEqual, false}}), ElementsAre("row 8"));
  EXPECT_THAT(ids({0}, 100, {{"n", Relation::kEqual, 7.0}}), ElementsAre("row 7"));
  EXPECT_THAT(ids({0}, 5, {{"name", Relation::kEqual, "nobody's"}}), IsEmpty());
}

TEST_P(VectorStoreOf, FindsWhatIsMissingOrOfAnotherKindUnequalAndNothingElse) {
  open({1, Metric::kL2});
  upsert({{"less", {1}, R"({"n":-7})"},
          {"seven", {2}, R"({"n":7.0})"},
          {"text", {3}, R"({"n":"7"})"},
          {"yes", {4}, R"({"n":true})"},
          {"list", {5}, R"({"n":[7]})"},
          {"null", {6}, R"({"n":null})"},
          {"none", {7}, R"({"m":7})"}});
  EXPECT_THAT(ids({0}, 9, {{"n", Relation::kEqual, std::int64_t{7}}}), ElementsAre("seven"));
  EXPECT_THAT(ids({0}, 9, {{"n", Relation::kUnequal, std::int64_t{7}}}),
              ElementsAre("less", "text", "yes", "list", "null", "none"));
  EXPECT_THAT(ids({0}, 9, {{"n", Relation::kLess, 1e18}}), ElementsAre("less", "seven"));
  EXPECT_THAT(ids({0}, 9, {{"n", Relation::kGreater, std::numeric_limits<std::int64_t>::min()}}),
              ElementsAre("less", "seven"));
  EXPECT_THAT(ids({0}, 9, {{"n", Relation::kGreaterOrEqual, "7"}}), ElementsAre("text"));
  EXPECT_THAT(ids({0}, 9, {{"n", Relation::kEqual, true}}), ElementsAre("yes"));
  EXPECT_THAT(ids({0}, 9, {{"n", Relation::kUnequal, true}}),
              ElementsAre("less", "seven", "text", "list", "null", "none"));
}

// A server that finds 1 and true equal must not use up the answer with them.
TEST_P(VectorStoreOf, FindsAsManyAsWereAskedForWhateverIsNearer) {
  open({1, Metric::kL2});
  std::vector<Row> rows;
  for (int i = 0; i < 50; ++i) rows.push_back({"one " + std::to_string(i), {static_cast<float>(i)}, R"({"b":1})"});
  for (int i = 0; i < 4; ++i)
    rows.push_back({"yes " + std::to_string(i), {static_cast<float>(100 + i)}, R"({"b":true})"});
  upsert(rows);
  EXPECT_THAT(ids({0}, 3, {{"b", Relation::kEqual, true}}), ElementsAre("yes 0", "yes 1", "yes 2"));
}

TEST_P(VectorStoreOf, MissesNothingWhenItKeepsAllInSight) {
  open({8, Metric::kL2});
  Random random(9, 0, 0);
  const auto some_vector = [&] {
    std::vector<float> vector(8);
    for (float& value : vector) value = static_cast<float>(random.uniform());
    return vector;
  };
  std::vector<Row> rows;
  for (int i = 0; i < 400; ++i) rows.push_back({std::to_string(i), some_vector(), R"({"b":1})"});
  upsert(rows);
  for (int i = 0; i < 10; ++i) {
    const std::vector<float> query = some_vector();
    const auto exact = ids(query, 10, {{"b", Relation::kEqual, std::int64_t{1}}});
    const auto found = store().search({query, 10, {}, VectorStore::kMaxNeighbors});
    ASSERT_TRUE(found) << found.error().to_text();
    std::vector<std::string> found_ids;
    for (const Neighbor& each : *found) found_ids.push_back(each.id);
    EXPECT_EQ(found_ids, exact);
  }
  EXPECT_THAT(store().search({some_vector(), 1, {}, VectorStore::kMaxNeighbors + 1}).error().to_text(),
              HasSubstr("at most 16384 candidates"));
}

TEST_P(VectorStoreOf, OrdersEqualDistancesById) {
  open({2, Metric::kL2});
  upsert({{"d", {1, 0}, ""}, {"b", {0, 1}, ""}, {"c", {-1, 0}, ""}, {"a", {0, 2}, ""}, {"e", {0, -1}, ""}});
  EXPECT_THAT(ids({0, 0}, 5), ElementsAre("b", "c", "d", "e", "a"));
}

TEST_P(VectorStoreOf, TakesKeysOfAnyText) {
  open({1, Metric::kL2});
  const std::vector<std::string> keys = {"a b", "a/b", "a~b", "a.b", "$a", "'a'", "\"a\"", "a\\b", "süß"};
  std::vector<Row> rows;
  for (std::size_t i = 0; i < keys.size(); ++i)
    rows.push_back({keys[i], {static_cast<float>(i)}, nlohmann::json({{keys[i], 1}}).dump()});
  upsert(rows);
  for (const std::string& key : keys)
    EXPECT_THAT(ids({0}, 9, {{key, Relation::kEqual, std::int64_t{1}}}), ElementsAre(key));
}

TEST_P(VectorStoreOf, TakesIdsAndMetadataOfAnyText) {
  open({1, Metric::kL2});
  const std::string long_id(GetParam().most_id_bytes, 'x');
  const std::vector<std::string> all = {
      "a b", "\"quoted\" \\ back", "süß/日本/😀.jpg", "tab\tline\nend", long_id, "1", "%", "'"};
  const auto text_of = [&](std::size_t i) { return all[i].substr(0, 20'000); };  // metadata have limits of their own
  std::vector<Row> rows;
  for (std::size_t i = 0; i < all.size(); ++i)
    rows.push_back(
        {all[i], {static_cast<float>(i)}, nlohmann::json({{"text", text_of(i)}, {"list", {1, nullptr}}}).dump()});
  upsert(rows);
  open_again();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<Neighbor> found = search({static_cast<float>(i)}, 1);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].id, all[i]);
    EXPECT_EQ(nlohmann::json::parse(found[0].metadata)["text"], text_of(i));
    EXPECT_THAT(ids({0}, 1, {{"text", Relation::kEqual, text_of(i)}}), ElementsAre(all[i]));
  }
}

TEST_P(VectorStoreOf, RefusesWhatCannotBePutAndPutsNothingThen) {
  open({2, Metric::kCosine});
  const float infinite = std::numeric_limits<float>::infinity();
  const auto refusal = [&](Row bad) {
    const auto result = put({{"good", {1, 1}, ""}, std::move(bad)}, true);
    EXPECT_FALSE(result);
    if (result) return std::string();
    EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
    return result.error().to_text();
  };
  EXPECT_THAT(refusal({"", {1, 2}, ""}), HasSubstr("an id is empty (record 1)"));
  EXPECT_THAT(refusal({"\xff", {1, 2}, ""}), HasSubstr("an id is no valid UTF-8"));
  EXPECT_THAT(refusal({std::string(70'000, 'x'), {1, 2}, ""}), HasSubstr("an id has 70000 bytes"));
  EXPECT_THAT(refusal({std::string(GetParam().most_id_bytes + 1, 'x'), {1, 2}, ""}),
              HasSubstr(std::to_string(GetParam().most_id_bytes + 1)));
  EXPECT_THAT(refusal({"x", {1, infinite}, ""}), HasSubstr("the vector of the row \"x\" has infinity as value 1"));
  EXPECT_THAT(refusal({"x", {std::nanf(""), 0}, ""}), HasSubstr("has no number as value 0"));
  EXPECT_THAT(refusal({"x", {0, 0}, ""}), HasSubstr("has the length 0, and so no direction for the metric cosine"));
  EXPECT_THAT(refusal({"x", {3e38F, 1}, ""}), HasSubstr("is too long"));
  EXPECT_THAT(refusal({"x", {1, 2}, "[1]"}), HasSubstr("must be a JSON object, and is JSON, but no object"));
  EXPECT_THAT(refusal({"x", {1, 2}, "{\"a\":"}), HasSubstr("must be a JSON object, and cannot be read"));
  EXPECT_EQ(store().count().value(), 0U);
  EXPECT_TRUE(store().check_row("x", std::vector<float>{1, 2}, "{}"));
  EXPECT_FALSE(store().check_row("x", std::vector<float>{0, 0}, "{}"));
}

TEST_P(VectorStoreOf, RefusesAnotherDimension) {
  open({3, Metric::kL2});
  const std::vector<std::string_view> ids = {"a"};
  const auto put = store().upsert({ids, std::vector<float>{1, 2}, {}});
  ASSERT_FALSE(put);
  EXPECT_THAT(put.error().to_text(),
              HasSubstr("the vector of the row \"a\" has 2 values, and the vectors of this store have 3"));
  const auto found = store().search({std::vector<float>{1, 2, 3, 4}, 1, {}});
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().to_text(), HasSubstr("the vector to look for has 4 values"));
  EXPECT_FALSE(store().search({std::vector<float>{1, 2, 3}, 0, {}}));
}

// Random operations beside a plain map; searches beside one that looks at every row.
TEST_P(VectorStoreOf, DoesWhatAMapAndABruteSearchDo) {
  const int steps = (testing::is_thorough() ? 3'000 : testing::kSanitized ? 150 : 400) / GetParam().patience;
  constexpr std::size_t kDimension = 6;
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot}) {
    SCOPED_TRACE(to_string(metric));
    open({kDimension, metric});
    std::map<std::string, std::pair<std::vector<float>, int>> model;
    std::uint64_t hits = 0;
    std::uint64_t wanted = 0;
    for (int step = 0; step < steps; ++step) {
      Random chance(2026, static_cast<std::uint32_t>(metric), static_cast<std::uint64_t>(step));
      const auto vector = [&] {
        std::vector<float> made(kDimension);
        for (float& value : made) value = static_cast<float>(chance.normal());
        return made;
      };
      if (chance.chance(0.6)) {
        const bool replacing = chance.chance(0.5);
        std::vector<Row> rows;
        PutCounts expected;
        for (std::int64_t left = chance.integer(1, 6); left > 0; --left) {
          const std::string id = std::to_string(chance.integer(0, steps / 2));
          const std::vector<float> its = vector();
          rows.push_back({id, its, R"({"step":)" + std::to_string(step) + "}"});
          const bool is_there = model.contains(id);
          ++(!is_there ? expected.added : replacing ? expected.replaced : expected.kept);
          if (!is_there || replacing) model[id] = {its, step};
        }
        const PutCounts counts = replacing ? upsert(rows) : insert(rows);
        EXPECT_EQ(counts.added, expected.added);
        EXPECT_EQ(counts.replaced, expected.replaced);
        EXPECT_EQ(counts.kept, expected.kept);
      } else if (chance.chance(0.05)) {
        open_again();
      } else if (chance.chance(0.1)) {
        EXPECT_TRUE(store().flush());
      } else {
        const std::vector<float> query = vector();
        const int before = chance.chance(0.3) ? static_cast<int>(chance.integer(0, step)) : steps;
        std::vector<std::pair<double, std::string>> all;
        for (const auto& [id, row] : model) {
          double dot = 0, own = 0, its = 0, squares = 0;
          for (std::size_t i = 0; i < kDimension; ++i) {
            const double a = query[i], b = row.first[i];
            dot += a * b, own += a * a, its += b * b, squares += (a - b) * (a - b);
          }
          const double distance = metric == Metric::kL2       ? std::sqrt(squares)
                                  : metric == Metric::kCosine ? 1 - dot / std::sqrt(own * its)
                                                              : -dot;
          if (row.second < before) all.emplace_back(distance, id);
        }
        std::ranges::sort(all);
        std::vector<Condition> filter;
        if (before < steps) filter.push_back({"step", Relation::kLess, std::int64_t{before}});
        const std::vector<Neighbor> found = search(query, 10, filter);
        ASSERT_EQ(found.size(), std::min<std::size_t>(10, all.size()));
        for (std::size_t i = 0; i < found.size(); ++i) {
          const auto same = std::ranges::find(all, found[i].id, &std::pair<double, std::string>::second);
          ASSERT_NE(same, all.end()) << found[i].id;
          EXPECT_NEAR(found[i].distance, same->first, 1e-4);
          EXPECT_EQ(nlohmann::json::parse(found[i].metadata)["step"], model[found[i].id].second);
          hits += found[i].distance <= all[found.size() - 1].first + 1e-4 ? 1 : 0;
        }
        wanted += found.size();
        EXPECT_EQ(store().count().value(), model.size());
      }
    }
    EXPECT_GE(static_cast<double>(hits), static_cast<double>(wanted) * (GetParam().is_exact ? 1 : 0.99));
    begin_anew();
  }
}

}  // namespace
}  // namespace penstock
