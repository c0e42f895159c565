// SPDX-License-Identifier: MIT
// What is true of the store that comes with the library and of its file; what is true of every store is in
// tests/conformance/vector_store_test.cc.
#include "vector/embedded_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <thread>

#include "base/thorough.h"
#include "data/random.h"
#include "platform/file.h"
#include "vector/distance.h"
#include "vector/index_file.h"

namespace penstock {
namespace {

using ::testing::HasSubstr;
using Open = EmbeddedStoreOptions::Open;

/// Rows that own what VectorRows points to.
struct Rows {
  std::vector<std::string> ids;
  std::vector<float> vectors;
  std::vector<std::string> metadata;

  void add(std::string id, const std::vector<float>& vector, std::string about = "") {
    ids.push_back(std::move(id));
    vectors.insert(vectors.end(), vector.begin(), vector.end());
    metadata.push_back(std::move(about));
  }
  Result<PutCounts> into(VectorStore& store, bool replacing = true) const {
    const std::vector<std::string_view> id_views(ids.begin(), ids.end());
    const std::vector<std::string_view> metadata_views(metadata.begin(), metadata.end());
    const VectorRows rows = {id_views, vectors, metadata_views};
    return replacing ? store.upsert(rows) : store.insert(rows);
  }
};

std::vector<float> random_vector(std::size_t dimension, std::uint32_t stream, std::uint64_t index) {
  Random random(42, stream, index);
  std::vector<float> vector(dimension);
  for (float& value : vector) value = static_cast<float>(random.normal());
  return vector;
}

Rows random_rows(std::size_t dimension, std::uint64_t begin, std::uint64_t end) {
  Rows rows;
  for (std::uint64_t row = begin; row < end; ++row) {
    rows.add("row " + std::to_string(row), random_vector(dimension, 1, row),
             R"({"row":)" + std::to_string(row) + R"(,"tens":)" + std::to_string(row / 10) + "}");
  }
  return rows;
}

class EmbeddedStore : public ::testing::Test {
 protected:
  EmbeddedStore()
      : folder_(::testing::TempDir() + "embedded_store_" + std::to_string(::getpid()) + "_" +
                ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
    EXPECT_TRUE(make_folders(folder_));
  }
  ~EmbeddedStore() override { std::filesystem::remove_all(folder_); }

  static EmbeddedStoreOptions options(std::uint32_t dimension, Open open = Open::kCreate) {
    EmbeddedStoreOptions made;
    made.open = open;
    made.shape = {dimension, Metric::kL2};
    made.exact_rows = 20;
    return made;
  }
  std::string path(const std::string& name = "photos.index") const { return folder_ + "/" + name; }
  std::unique_ptr<VectorStore> open(const EmbeddedStoreOptions& how, const std::string& name = "photos.index") const {
    auto store = open_embedded_store(path(name), how);
    EXPECT_TRUE(store) << store.error().to_text();
    return store ? std::move(*store) : nullptr;
  }
  std::unique_ptr<VectorStore> read() const { return open(options(0, Open::kRead)); }
  std::string bytes(const std::string& name = "photos.index") const { return read_file(path(name)).value(); }
  void write_bytes(std::string_view all) const {
    std::filesystem::remove(path());  // ext4 waits for the disk when a file is replaced
    ASSERT_TRUE(write_file(path(), all));
  }

  const std::string folder_;
};

std::vector<std::string> ids_of(const Result<std::vector<Neighbor>>& neighbors) {
  std::vector<std::string> ids;
  EXPECT_TRUE(neighbors) << neighbors.error().to_text();
  if (!neighbors) return ids;
  for (const Neighbor& each : *neighbors) ids.push_back(each.id);
  return ids;
}

TEST_F(EmbeddedStore, FindsAfterOpeningWhatWasPutBefore) {
  const Rows rows = random_rows(8, 0, 100);
  {
    const auto store = open(options(8));
    const auto counts = rows.into(*store);
    ASSERT_TRUE(counts) << counts.error().to_text();
    EXPECT_EQ(counts->added, 100U);
    ASSERT_TRUE(store->close());
  }
  const auto store = read();
  EXPECT_EQ(store->count().value(), 100U);
  EXPECT_EQ(store->shape().dimension, 8U);
  EXPECT_EQ(store->shape().metric, Metric::kL2);
  for (std::uint64_t row = 0; row < 100; ++row) {
    const auto found = store->search({random_vector(8, 1, row), 1, {}});
    ASSERT_EQ(ids_of(found), std::vector<std::string>{"row " + std::to_string(row)});
    EXPECT_EQ(found->front().distance, 0);
    EXPECT_EQ(found->front().metadata, rows.metadata[row]);
  }
}

TEST_F(EmbeddedStore, LosesOnlyWhatWasNotFlushed) {
  {
    const auto store = open(options(4));
    ASSERT_TRUE(random_rows(4, 0, 30).into(*store));
    ASSERT_TRUE(store->flush());
    ASSERT_TRUE(random_rows(4, 30, 40).into(*store));
  }
  EXPECT_EQ(read()->count().value(), 30U);
}

TEST_F(EmbeddedStore, HasTheSameBytesAfterTheSameCalls) {
  const auto fill = [&](const std::string& name, std::uint64_t batch, bool closing_between) {
    auto store = open(options(16), name);
    for (std::uint64_t begin = 0; begin < 600; begin += batch) {
      ASSERT_TRUE(random_rows(16, begin, begin + batch).into(*store));
      if (begin % 200 != 200 - batch) continue;
      ASSERT_TRUE(closing_between ? store->close() : store->flush());
      if (closing_between) store = open(options(16), name);
    }
    ASSERT_TRUE(store->close());
  };
  fill("a", 50, false);
  fill("b", 50, false);
  fill("one_by_one", 1, false);
  EXPECT_EQ(bytes("a"), bytes("b"));
  EXPECT_EQ(bytes("a"), bytes("one_by_one")) << "batches are no matter of the file";
  fill("c", 50, true);
  fill("d", 25, true);
  EXPECT_EQ(bytes("c"), bytes("d"));
  // The graph is the same, too, whether it was made at once or on several days.
  const auto at_once = open(options(0, Open::kRead), "a");
  const auto by_days = open(options(0, Open::kRead), "c");
  for (std::uint64_t i = 0; i < 50; ++i) {
    const std::vector<float> query = random_vector(16, 2, i);
    EXPECT_EQ(ids_of(at_once->search({query, 10, {}})), ids_of(by_days->search({query, 10, {}})));
  }
}

TEST_F(EmbeddedStore, RefusesASecondWriterAndNamesTheFirst) {
  const auto store = open(options(4));
  const auto second = open_embedded_store(path(), options(4));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message(), HasSubstr("is being written by process " + std::to_string(::getpid())));
}

TEST_F(EmbeddedStore, ReadersMayComeWhileOneWrites) {
  const auto store = open(options(4));
  EXPECT_EQ(read()->count().value(), 0U);
  ASSERT_TRUE(random_rows(4, 0, 50).into(*store));
  ASSERT_TRUE(store->flush());
  const auto reader = read();
  EXPECT_EQ(reader->count().value(), 50U);
  ASSERT_TRUE(random_rows(4, 50, 90).into(*store));
  ASSERT_TRUE(store->close());
  EXPECT_EQ(reader->count().value(), 50U) << "it sees what was there when it came";
  EXPECT_EQ(read()->count().value(), 90U);
}

TEST_F(EmbeddedStore, TakesTheLockOfAProcessThatWasKilled) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = open_embedded_store(path(), options(4));
    if (!store || !random_rows(4, 0, 30).into(**store) || !(*store)->flush()) ::_exit(1);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(open(options(4))->count().value(), 30U);
}

TEST_F(EmbeddedStore, CannotBeWrittenWhenOpenForReading) {
  ASSERT_TRUE(open(options(4))->close());
  const auto put = random_rows(4, 0, 1).into(*read());
  ASSERT_FALSE(put);
  EXPECT_THAT(put.error().message(), HasSubstr("is not open for writing"));
}

TEST_F(EmbeddedStore, RefusesAnotherDimensionOrMetric) {
  ASSERT_TRUE(open(options(4))->close());
  const auto other = open_embedded_store(path(), options(5));
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message(),
              HasSubstr("has 4 values per vector and the metric l2, and what comes has 5 and l2"));
  EmbeddedStoreOptions cosine = options(4);
  cosine.shape.metric = Metric::kCosine;
  EXPECT_FALSE(open_embedded_store(path(), cosine));
  EXPECT_EQ(open(options(0, Open::kWrite))->shape().dimension, 4U);
}

TEST_F(EmbeddedStore, SaysWhatIsNoStore) {
  const auto missing = open_embedded_store(path(), options(0, Open::kRead));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  write_bytes("id,name\n1,x\n");
  for (const Open how : {Open::kRead, Open::kWrite, Open::kCreate}) {
    const auto other = open_embedded_store(path(), options(4, how));
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error().message(), HasSubstr("is no store of vectors"));
  }
  EXPECT_EQ(bytes(), "id,name\n1,x\n");
}

TEST_F(EmbeddedStore, BeginsAnewWhereItsMakerWasKilledAtOnce) {
  ASSERT_TRUE(open(options(4))->close());
  const std::string whole = bytes();
  for (std::size_t size = 0; size < kIndexHeadBytes; ++size) {
    write_bytes(whole.substr(0, size));
    EXPECT_FALSE(open_embedded_store(path(), options(0, Open::kRead)));
    const auto store = open(options(4));
    ASSERT_NE(store, nullptr) << size;
    ASSERT_TRUE(random_rows(4, 0, 2).into(*store));
    ASSERT_TRUE(store->close());
    EXPECT_EQ(read()->count().value(), 2U);
  }
}

TEST_F(EmbeddedStore, SaysWhatMadeItsVectors) {
  EmbeddedStoreOptions how = options(4);
  how.description = "model 7, 224 × 224";
  ASSERT_TRUE(random_rows(4, 0, 30).into(*open(how)));
  EXPECT_EQ(read()->description(), "model 7, 224 × 224") << "it is there from the beginning, flushed or not";
  how.description = "model 8";
  const auto store = open(how);
  EXPECT_EQ(store->description(), "model 7, 224 × 224") << "what a store has stays";
  ASSERT_TRUE(random_rows(4, 0, 30).into(*store));
  ASSERT_TRUE(store->close());
  EXPECT_EQ(read()->description(), "model 7, 224 × 224");
  EXPECT_EQ(read()->count().value(), 30U);
}

TEST_F(EmbeddedStore, KeepsItsDescriptionWhenItIsMadeAnew) {
  EmbeddedStoreOptions how = options(4);
  how.description = std::string(VectorStore::kMaxDescriptionBytes, 'd');
  std::size_t before = 0;
  for (int time = 0; time < 5; ++time) {
    const auto store = open(how);
    Rows rows;
    for (std::uint64_t row = 0; row < 50; ++row)
      rows.add(std::to_string(row), random_vector(4, static_cast<std::uint32_t>(time), row), std::string());
    ASSERT_TRUE(rows.into(*store));
    ASSERT_TRUE(store->flush());
    before = bytes().size();
    ASSERT_TRUE(store->close());
  }
  EXPECT_LT(bytes().size(), before) << "dead rows are gone";
  EXPECT_EQ(read()->description(), how.description);
  EXPECT_EQ(read()->count().value(), 50U);
}

TEST_F(EmbeddedStore, IsOfTheFirstVersionWithoutADescription) {
  // So programs that know no descriptions read it, and this one what they wrote.
  const auto version_of = [](const std::string& bytes) { return static_cast<int>(bytes[16]); };
  ASSERT_TRUE(open(options(4))->close());
  EXPECT_EQ(version_of(bytes()), 1);
  EXPECT_EQ(bytes().size(), kIndexHeadBytes);
  EXPECT_EQ(read()->description(), "");
  EmbeddedStoreOptions how = options(4);
  how.description = "d";
  ASSERT_TRUE(open(how, "described")->close());
  EXPECT_EQ(version_of(bytes("described")), 2);
}

TEST_F(EmbeddedStore, RefusesDescriptionsThatCannotBe) {
  EmbeddedStoreOptions how = options(4);
  how.description = std::string(VectorStore::kMaxDescriptionBytes + 1, 'd');
  EXPECT_THAT(open_embedded_store(path(), how).error().to_text(), HasSubstr("has 65537 bytes, more than 65536"));
  how.description = "\xFF";
  EXPECT_THAT(open_embedded_store(path(), how).error().to_text(), HasSubstr("is no valid UTF-8"));
}

TEST_F(EmbeddedStore, BeginsAnewWhereTheMakerOfItsDescriptionWasKilled) {
  EmbeddedStoreOptions how = options(4);
  how.description = "model 7";
  ASSERT_TRUE(open(how)->close());
  const std::string whole = bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_bytes(whole.substr(0, size));
    const auto reader = open_embedded_store(path(), options(0, Open::kRead));
    ASSERT_FALSE(reader) << size;
    EXPECT_EQ(reader.error().code(), ErrorCode::kDataLoss);
    EXPECT_THAT(reader.error().message(), HasSubstr("was not made whole"));
    ASSERT_TRUE(random_rows(4, 0, 2).into(*open(how)));
    EXPECT_EQ(bytes(), whole) << size;
  }
}

/// What a store of few rows answers, as text.
std::string answers_of(const VectorStore& store) {
  std::string all = store.description() + "\n" + std::to_string(store.count().value()) + "\n";
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto found = store.search({random_vector(store.shape().dimension, 2, i), 100, {}});
    if (!found) return found.error().to_text();
    for (const Neighbor& each : *found)
      all += each.id + " " + std::to_string(each.distance) + " " + each.metadata + "\n";
  }
  return all;
}

/// A small file of several blocks, with a description, a graph and replaced rows.
class DamagedStore : public EmbeddedStore {
 protected:
  void SetUp() override {
    EmbeddedStoreOptions how = options(3);
    how.description = "made by a test";
    const auto store = open(how);
    for (std::uint64_t begin = 0; begin < 30; begin += 6) {
      ASSERT_TRUE(random_rows(3, begin, begin + 6).into(*store));
      ASSERT_TRUE(store->flush());
      wholes_.push_back(bytes());
      lengths_.push_back(wholes_.back().size());
      answers_.push_back(answers_of(*store));
    }
    Rows again;
    again.add("row 3", {9, 9, 9}, R"({"new":true})");
    ASSERT_TRUE(again.into(*store));
    ASSERT_TRUE(store->close());
    whole_ = bytes();
    lengths_.push_back(whole_.size());
    answers_.push_back(answers_of(*read()));
  }
  std::string whole_;
  std::vector<std::string> wholes_;     ///< After each flush.
  std::vector<std::uint64_t> lengths_;  ///< Of these.
  std::vector<std::string> answers_;    ///< And what was found then.
};

TEST_F(DamagedStore, IsNeverWrongWhenAnyByteIsAnother) {
  std::size_t refused = 0;
  const std::size_t step = testing::kSanitized ? 7 : 1;
  const std::vector<int> changes =
      testing::is_thorough() ? std::vector<int>{0x01, 0x10, 0x80, 0xFF} : std::vector<int>{0x20};
  for (std::size_t at = 0; at < whole_.size(); at += step) {
    for (const int change : changes) {
      std::string damaged = whole_;
      damaged[at] = static_cast<char>(damaged[at] ^ change);
      write_bytes(damaged);
      const auto store = open_embedded_store(path(), options(0, at % 5 == 0 ? Open::kWrite : Open::kRead));
      refused += store ? 0 : 1;
      if (!store) continue;
      ASSERT_EQ(answers_of(**store), answers_.back()) << "byte " << at << ", change " << change;
    }
  }
  // Only a mark may be damaged without harm: the other one is enough.
  EXPECT_GE(refused + 64 * changes.size(), (whole_.size() + step - 1) / step * changes.size());
}

TEST_F(DamagedStore, LosesNothingThatWasFlushedWhenItsEndIsTorn) {
  // As a kill leaves it: the blocks of the last flush are there in part, the mark is the one before.
  ASSERT_EQ(whole_.substr(kIndexHeadBytes, lengths_[4] - kIndexHeadBytes), wholes_[4].substr(kIndexHeadBytes));
  for (std::size_t flush = 0; flush < 4; ++flush) {
    const std::uint64_t step = testing::is_thorough() ? 1 : 13;
    for (std::uint64_t size = lengths_[flush + 1]; size >= lengths_[flush]; size -= std::min(step, size)) {
      write_bytes(wholes_[flush] + whole_.substr(lengths_[flush], size - lengths_[flush]));
      const auto store = open_embedded_store(path(), options(0, Open::kWrite));
      ASSERT_TRUE(store) << store.error().to_text();
      const bool has_all = answers_of(**store) == answers_[flush + 1];
      ASSERT_TRUE(has_all || answers_of(**store) == answers_[flush]) << size;
      EXPECT_TRUE(has_all || size < lengths_[flush + 1]);
      // And it goes on from there.
      Rows rows;
      rows.add("another", {1, 2, 3});
      ASSERT_TRUE(rows.into(**store));
      ASSERT_TRUE((*store)->close());
      EXPECT_EQ(read()->search({std::vector<float>{1, 2, 3}, 1, {}}).value().front().id, "another");
    }
  }
}

TEST_F(DamagedStore, SaysWhatIsCutShort) {
  for (std::size_t size = kIndexHeadBytes; size < whole_.size(); size += 8) {
    write_bytes(whole_.substr(0, size));
    const auto store = open_embedded_store(path(), options(0, Open::kRead));
    ASSERT_FALSE(store) << size;
    EXPECT_EQ(store.error().code(), ErrorCode::kDataLoss);
    EXPECT_THAT(store.error().message(), HasSubstr("and had at least " + std::to_string(whole_.size())));
  }
}

TEST_F(EmbeddedStore, IsMadeAnewWithoutDeadRowsWhenTheyAreMost) {
  const auto fill = [&](int times) {
    const auto store = open(options(8));
    for (int time = 0; time < times; ++time) {
      Rows rows;
      for (std::uint64_t row = 0; row < 100; ++row)
        rows.add("row " + std::to_string(row), random_vector(8, static_cast<std::uint32_t>(time), row));
      ASSERT_TRUE(rows.into(*store));
    }
    EXPECT_EQ(store->count().value(), 100U);
    ASSERT_TRUE(store->close());
  };
  fill(1);
  const std::size_t once = bytes().size();
  fill(10);
  EXPECT_LT(bytes().size(), once * 2);
  EXPECT_EQ(read()->count().value(), 100U);
  for (std::uint64_t row = 0; row < 100; ++row)
    EXPECT_EQ(ids_of(read()->search({random_vector(8, 9, row), 1, {}})).front(), "row " + std::to_string(row));
  // Its name leads to the new file: others can write on.
  EXPECT_TRUE(open(options(8))->close());
}

TEST_F(EmbeddedStore, RemovesWhatAKilledWriterLeftBesideIt) {
  ASSERT_TRUE(open(options(4))->close());
  ASSERT_TRUE(write_file(path(".photos.index.4711-9f3a02bc-0.tmp"), "half"));
  ASSERT_TRUE(write_file(path(".photos.index.of.mine.tmp"), "mine"));
  ASSERT_TRUE(open(options(4))->close());
  EXPECT_FALSE(std::filesystem::exists(path(".photos.index.4711-9f3a02bc-0.tmp")));
  EXPECT_TRUE(std::filesystem::exists(path(".photos.index.of.mine.tmp")));
}

TEST_F(EmbeddedStore, DoesNotGrowWhenTheSameIsPutAgain) {
  std::string first;
  for (int day = 0; day < 3; ++day) {
    const auto store = open(options(8));
    const auto counts = random_rows(8, 0, 60).into(*store);
    ASSERT_TRUE(counts);
    EXPECT_EQ(counts->added, day == 0 ? 60U : 0U);
    EXPECT_EQ(counts->kept, day == 0 ? 0U : 60U);
    ASSERT_TRUE(store->close());
    if (day == 0) first = bytes();
    EXPECT_EQ(bytes(), first);
  }
}

TEST_F(EmbeddedStore, GoesOnWithAGraphThatFewerRowsWouldNotHaveMade) {
  EmbeddedStoreOptions how = options(4);
  how.exact_rows = 100;
  {
    const auto store = open(how);
    ASSERT_TRUE(random_rows(4, 0, 60).into(*store));
    ASSERT_TRUE(random_rows(4, 0, 60).into(*store));  // the same again, for which there is to be room
    ASSERT_TRUE(random_rows(4, 60, 63).into(*store));
    ASSERT_TRUE(store->close());
  }
  for (std::uint64_t begin = 63; begin < 120; begin += 8) {
    const auto store = open(how);
    const auto put = random_rows(4, begin, begin + 8).into(*store);
    ASSERT_TRUE(put) << put.error().to_text();
    for (std::uint64_t row = 0; row < begin + 8; ++row) {
      const std::vector<float> vector = random_vector(4, 1, row);
      const auto found = store->search({.vector = vector, .k = 1, .filter = {}});
      ASSERT_TRUE(found) << found.error().to_text();
      ASSERT_EQ(found->at(0).id, "row " + std::to_string(row));
    }
    ASSERT_TRUE(store->close());
  }
}

TEST_F(EmbeddedStore, RefusesSettingsThatCannotBe) {
  for (const std::uint32_t links : {0U, 1U, 129U}) {
    EmbeddedStoreOptions how = options(4);
    how.graph.links = links;
    EXPECT_THAT(open_embedded_store(path(), how).error().to_text(), HasSubstr("2 to 128 links"));
  }
}

TEST_F(EmbeddedStore, TakesRowsFromSeveralThreads) {
  constexpr std::uint64_t kEach = 300;
  const auto store = open(options(8));
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t part = 0; part < 3; ++part) {
      threads.emplace_back([&, part] {
        for (std::uint64_t row = part * kEach; row < (part + 1) * kEach; row += 10)
          EXPECT_TRUE(random_rows(8, row, row + 10).into(*store));
      });
    }
    threads.emplace_back([&] {
      for (std::uint64_t i = 0; i < 100; ++i) EXPECT_TRUE(store->search({random_vector(8, 2, i), 5, {}}));
    });
  }
  EXPECT_EQ(store->count().value(), 3 * kEach);
  ASSERT_TRUE(store->close());
  const auto reader = read();
  for (std::uint64_t row = 0; row < 3 * kEach; ++row)
    EXPECT_EQ(ids_of(reader->search({random_vector(8, 1, row), 1, {}})).front(), "row " + std::to_string(row));
}

/// Groups around random centres, as pictures of few subjects give them.
std::vector<float> grouped_vector(std::size_t dimension, std::uint32_t stream, std::uint64_t index) {
  const auto group = static_cast<std::uint64_t>(Random(5, stream, index).integer(0, 199));
  std::vector<float> vector = random_vector(dimension, 77, group);
  const std::vector<float> own = random_vector(dimension, stream, index);
  for (std::size_t i = 0; i < dimension; ++i) vector[i] += 0.5F * own[i];
  return vector;
}

// Of the ten nearest, how many a search in the graph finds.
double recall(VectorStore& store, std::uint64_t queries,
              std::vector<float> (*make)(std::size_t, std::uint32_t, std::uint64_t), std::size_t breadth) {
  std::uint64_t hits = 0;
  const std::vector<Condition> exactly = {
      {"no such key", Condition::Relation::kUnequal, true}};  // with a filter it is exact
  for (std::uint64_t i = 0; i < queries; ++i) {
    const std::vector<float> query = make(store.shape().dimension, 3, i);
    const std::vector<std::string> all = ids_of(store.search({query, 10, exactly}));
    for (const std::string& id : ids_of(store.search({query, 10, {}, breadth}))) hits += std::ranges::count(all, id);
  }
  return static_cast<double>(hits) / static_cast<double>(queries * 10);
}

TEST_F(EmbeddedStore, MissesLessTheMoreItKeepsInSight) {
  if (!NeighborGraph::is_there()) GTEST_SKIP() << "SKIPPED: every search is exact: apt-get install libhnswlib-dev";
  EmbeddedStoreOptions how = options(32);
  how.exact_rows = 0;
  const auto store = open(how);
  ASSERT_TRUE(random_rows(32, 0, 1'500).into(*store));
  const double least = recall(*store, 50, random_vector, 1);
  const double more = recall(*store, 50, random_vector, 150);
  EXPECT_LT(least, more);
  EXPECT_EQ(recall(*store, 50, random_vector, VectorStore::kMaxNeighbors), 1);
}

TEST_F(EmbeddedStore, FindsNearlyAllOfTheTenNearest) {
  const std::uint64_t count = testing::is_thorough() ? 100'000 : testing::kSanitized ? 1'500 : 5'000;
  const std::uint32_t dimension = testing::is_thorough() ? 128 : 32;
  for (const auto make : {grouped_vector, random_vector}) {
    EmbeddedStoreOptions how = options(dimension);
    how.exact_rows = 1024;
    const auto store = open(how, make == grouped_vector ? "grouped" : "random");
    Rows rows;
    for (std::uint64_t row = 0; row < count; ++row) rows.add(std::to_string(row), make(dimension, 1, row));
    ASSERT_TRUE(rows.into(*store));
    // What is nearest among many without any order no graph finds easily, and nobody needs: there is little between it
    // and the rest.
    const std::size_t breadth = make == random_vector && count == 100'000 ? 2'048 : 0;
    const double found = recall(*store, 100, make, breadth);
    RecordProperty(make == grouped_vector ? "recall_grouped" : "recall_random", std::to_string(found));
    EXPECT_GE(found, 0.95) << (make == grouped_vector ? "groups" : "no groups");
    ASSERT_TRUE(store->close());
  }
}

}  // namespace
}  // namespace penstock
