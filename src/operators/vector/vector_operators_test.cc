// SPDX-License-Identifier: MIT
#include "operators/vector/vector_operators.h"

#include <gmock/gmock.h>
#include <penstock/pipeline.h>
#include <penstock/testing.h>
#include <penstock/vector_store.h>

#include <atomic>
#include <cstring>
#include <limits>
#include <map>
#include <thread>

#include "operators/vector/vector_write.h"
#include "stream/stream_kit.h"
#include "vector/npy.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using testing::HarnessOptions;
using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::in_batches_of;
using testing::read_text;
using testing::run_operator;
using testing::TemporaryFolder;

using Vector = std::vector<float>;

struct Row {
  std::optional<std::string> id;
  std::optional<Vector> vector;
  std::string label = "l";
};

/// Makes vector.write with a store of a test.
class WriteFactory final : public OperatorFactory {
 public:
  explicit WriteFactory(VectorWriteOptions options) : options_(std::move(options)) {}
  Result<std::unique_ptr<Operator>> make() const override { return make_vector_write(options_); }

 private:
  VectorWriteOptions options_;
};

/// The columns id, vector (f32 [2]) and label.
RecordBatch rows_of(const std::vector<Row>& rows) {
  const SchemaPtr schema = *make_schema(
      {{"id", Type::kUtf8}, {"vector", Type::kTensor, TensorType{TensorElement::kF32, {2}}}, {"label", Type::kUtf8}});
  RecordBatchBuilder builder(schema, BufferPool::shared());
  for (const Row& row : rows) {
    row.id ? builder.column(0).append_text(*row.id) : builder.column(0).append_null();
    if (row.vector) {
      std::memcpy(builder.column(1).append_tensor().data(), row.vector->data(), 8);
    } else {
      builder.column(1).append_null();
    }
    builder.column(2).append_text(row.label);
  }
  return builder.finish();
}

RecordBatch numbered(int begin, int end) {
  std::vector<Row> rows;
  for (int i = begin; i < end; ++i) rows.push_back({"id" + std::to_string(i), Vector{static_cast<float>(i), 1}});
  return rows_of(rows);
}

class VectorOperators : public ::testing::Test {
 protected:
  Options to_store(const Options& more = {}) const {
    Options options = {{"store", path()}, {"metric", "l2"}, {"metadata", "label"}};
    for (const OptionValue::Entry& entry : more.entries()) options.set(entry.name, entry.value);
    return options;
  }
  std::string path() const { return folder_.file("photos.index"); }
  std::unique_ptr<VectorStore> read() const {
    VectorStoreOptions how;
    how.open = VectorStoreOptions::Open::kRead;
    auto opened = open_vector_store(path(), how);
    EXPECT_TRUE(opened) << opened.error().to_text();
    return opened ? std::move(*opened) : nullptr;
  }
  std::string nearest(const Vector& vector) const {
    const auto found = read()->search({vector, 1, {}});
    return found && !found->empty() ? found->front().id + " " + found->front().metadata : "nothing";
  }

  TemporaryFolder folder_;
};

TEST_F(VectorOperators, WriteRefusesAStoreWhoseVectorsWereMadeInAnotherWay) {
  ASSERT_EQ(run_operator("vector.write", to_store({{"description", "model A"}}), numbered(0, 5)).error(), "");
  EXPECT_THAT(run_operator("vector.write", to_store({{"description", "model B"}}), numbered(5, 9)).error(),
              HasSubstr("made in another way; it says:\nmodel A"));
  EXPECT_EQ(run_operator("vector.write", to_store({}), numbered(5, 9)).error(), "");
  EXPECT_EQ(read()->description(), "model A");
}

TEST_F(VectorOperators, WritePutsTheMembersOfAnObjectBesideTheColumns) {
  for (const auto& [label, metadata] :
       {std::pair(R"({"year": 2024})", R"(id0 {"label":"{\"year\": 2024}","year": 2024})"),
        std::pair(" { } ", R"(id0 {"label":" { } "  } )")}) {
    ASSERT_EQ(
        run_operator("vector.write", to_store({{"metadata_json", "label"}}), rows_of({{"id0", Vector{0, 1}, label}}))
            .error(),
        "");
    EXPECT_EQ(nearest({0, 1}), metadata);
  }
  ASSERT_EQ(
      run_operator("vector.write", Options(to_store({{"metadata_json", "label"}})).set("metadata", OptionValue::List{}),
                   rows_of({{"id0", Vector{0, 1}, R"({"year": 1})"}}))
          .error(),
      "");
  EXPECT_EQ(nearest({0, 1}), R"(id0 {"year": 1})");
  for (const char* const wrong : {"[1]", "} , {", "{\"a\":1}}", "year"}) {
    EXPECT_THAT(
        run_operator("vector.write", to_store({{"metadata_json", "label"}}), rows_of({{"id0", Vector{0, 1}, wrong}}))
            .error(),
        HasSubstr("must be a JSON object"))
        << wrong;
  }
}

TEST_F(VectorOperators, WriteFillsAStoreAndPassesRecordsOn) {
  const HarnessResult result =
      run_operator("vector.write", to_store({{"description", "made by hand"}}), numbered(0, 5));
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 5U);
  EXPECT_EQ(read()->count().value(), 5U);
  EXPECT_EQ(read()->description(), "made by hand");
  EXPECT_EQ(nearest({3, 1}), R"(id3 {"label":"l"})");
  EXPECT_EQ(result.note, "2 values, l2; 5 added, 0 replaced, 0 were there already");
  ASSERT_EQ(result.outputs.size(), 1U);
  EXPECT_EQ(result.outputs[0].path, path());
  EXPECT_EQ(result.outputs[0].records, 5U);
}

TEST_F(VectorOperators, WriteMakesTheSameStoreOfAnyBatches) {
  std::vector<std::string> stores;
  for (const std::size_t size : {1U, 7U, 100U}) {
    for (const int batch : {1, 3, 256}) {
      std::filesystem::remove(path());
      ASSERT_EQ(
          run_operator("vector.write", to_store({{"batch", batch}}), in_batches_of(numbered(0, 100), size)).error(),
          "");
      stores.push_back(read_text(path()));
    }
  }
  for (const std::string& store : stores) EXPECT_EQ(store, stores.front());
}

TEST_F(VectorOperators, WriteCountsIdsThatWereThere) {
  ASSERT_EQ(run_operator("vector.write", to_store(), numbered(0, 5)).error(), "");
  const RecordBatch again =
      rows_of({{"id0", Vector{0, 1}}, {"id1", Vector{9, 9}}, {"new", Vector{5, 5}}, {"new", Vector{5, 5}}});
  EXPECT_THAT(run_operator("vector.write", to_store({{"mode", "insert"}}), again).note,
              HasSubstr("1 added, 0 replaced, 3 were there already"));
  EXPECT_EQ(nearest({1, 1}), R"(id1 {"label":"l"})");
  EXPECT_THAT(run_operator("vector.write", to_store(), again).note,
              HasSubstr("0 added, 1 replaced, 3 were there already"));
  EXPECT_EQ(nearest({9, 9}), R"(id1 {"label":"l"})");
  EXPECT_EQ(read()->count().value(), 6U);
}

TEST_F(VectorOperators, WriteRejectsRowsThatCannotBePut) {
  const float infinite = std::numeric_limits<float>::infinity();
  const RecordBatch rows = rows_of({{"good", Vector{1, 1}},
                                    {std::nullopt, Vector{1, 1}},
                                    {"no vector", std::nullopt},
                                    {"far", Vector{infinite, 1}},
                                    {"", Vector{1, 2}},
                                    {"zero", Vector{0, 0}},
                                    {"last", Vector{1, 2}}});
  const HarnessResult result =
      run_operator("vector.write", to_store({{"metric", "cosine"}}), rows, {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  EXPECT_THAT(
      result.reasons(),
      ElementsAre("\"id\" is null", "\"vector\" is null", "the vector of the row \"far\" has infinity as value 0",
                  "an id is empty",
                  "the vector of the row \"zero\" has the length 0, and so no direction for the metric cosine"));
  EXPECT_EQ(result.rejections[0].record, 1U);
  EXPECT_EQ(result.num_rows(), 2U);
  EXPECT_EQ(read()->count().value(), 2U);
  EXPECT_THAT(run_operator("vector.write", to_store({{"metric", "cosine"}}), rows).error(),
              HasSubstr("\"id\" is null"));
}

TEST_F(VectorOperators, WriteTakesIntegersAsIdsAndAnyTensorAsVector) {
  const SchemaPtr schema =
      *make_schema({{"number", Type::kInt64}, {"tensor", Type::kTensor, TensorType{TensorElement::kF32, {2, 1, 2}}}});
  RecordBatchBuilder builder(schema, BufferPool::shared());
  builder.column(0).append_int64(-7);
  const Vector values = {1, 2, 3, 4};
  std::memcpy(builder.column(1).append_tensor().data(), values.data(), 16);
  const HarnessResult result = run_operator(
      "vector.write", {{"store", path()}, {"metric", "l2"}, {"id", "number"}, {"vector", "tensor"}}, builder.finish());
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(nearest(values), "-7 {}");
}

TEST_F(VectorOperators, WriteSaysWhatIsWrong) {
  const auto error_of = [&](const Options& more) {
    return run_operator("vector.write", to_store(more), numbered(0, 1)).error();
  };
  EXPECT_THAT(error_of({{"vector", "label"}}), HasSubstr("column \"label\" is utf8, a tensor of f32 was expected"));
  EXPECT_THAT(error_of({{"vector", "vectr"}}), HasSubstr("vector"));
  EXPECT_THAT(error_of({{"id", "vector"}}),
              HasSubstr("column \"vector\" is tensor f32 [2], ids are texts or integers"));
  EXPECT_THAT(error_of({{"metadata", "vector"}}), HasSubstr("column \"vector\" is tensor, which metadata cannot hold"));
  EXPECT_THAT(error_of({{"batch", 0}}), HasSubstr("option \"batch\" is 0, and must be from 1 to 100,000"));
  EXPECT_THAT(error_of({{"retries", -1}}), HasSubstr("option \"retries\" is -1"));
  ASSERT_EQ(error_of({}), "");
  EXPECT_THAT(error_of({{"metric", "dot"}}),
              HasSubstr("has 2 values per vector and the metric l2, and what comes has 2 and dot"));
}

TEST_F(VectorOperators, WriteTriesAgainWhileAnotherProcessWrites) {
  VectorStoreOptions how;
  how.shape = {2, Metric::kL2};
  auto other = std::move(open_vector_store(path(), how).value());
  EXPECT_THAT(run_operator("vector.write", to_store({{"retries", 1}}), numbered(0, 1)).error(),
              HasSubstr("is being written by process"));
  ASSERT_TRUE(other->close());
  other.reset();
  EXPECT_EQ(run_operator("vector.write", to_store({{"retries", 0}}), numbered(0, 1)).error(), "");
}

/// What an operator that is restored goes on with, after another one saved and went away without a word.
TEST_F(VectorOperators, WriteGoesOnBehindACheckpoint) {
  const auto make = [&] { return std::move(Registry::global().make("vector.write", to_store()).value()); };
  testing::CollectingErrors errors;
  const StopSignal stop;
  OperatorContext context{.name = "w", .pool = &BufferPool::shared(), .errors = &errors, .stop = &stop};
  testing::CollectingEmitter out;
  const RecordBatch first = numbered(0, 10);
  StateWriter state;
  {
    const auto killed = make();
    ASSERT_TRUE(killed->bind(StreamType::of_schema(first.schema_ptr())));
    ASSERT_TRUE(killed->open(context));
    ASSERT_TRUE(killed->process(first, out));
    ASSERT_TRUE(killed->save(state));
    EXPECT_EQ(read()->count().value(), 10U) << "what was put before the checkpoint is there";
    ASSERT_TRUE(killed->process(numbered(10, 15), out));
  }
  const auto next = make();
  ASSERT_TRUE(next->bind(StreamType::of_schema(first.schema_ptr())));
  ASSERT_TRUE(next->open(context));
  StateReader from(state.bytes());
  const Status restored = next->restore(from);
  ASSERT_TRUE(restored) << restored.error().to_text();
  ASSERT_TRUE(next->process(numbered(10, 20), out));
  ASSERT_TRUE(next->finish(out));
  ASSERT_TRUE(next->commit());
  EXPECT_EQ(read()->count().value(), 20U);
  EXPECT_EQ(next->note(), "2 values, l2; 20 added, 0 replaced, 0 were there already");

  std::filesystem::remove(path());
  const auto robbed = make();
  ASSERT_TRUE(robbed->bind(StreamType::of_schema(first.schema_ptr())));
  ASSERT_TRUE(robbed->open(context));
  StateReader again(state.bytes());
  const Status refused = robbed->restore(again);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("the store has 0 rows, and 10 were put into it"));
}

TEST_F(VectorOperators, SearchGivesARowForEachNeighbour) {
  ASSERT_EQ(run_operator("vector.write", to_store(), numbered(0, 20)).error(), "");
  const RecordBatch queries = rows_of({{"a", Vector{3, 1}}, {"b", Vector{10.4F, 1}}});
  const HarnessResult result = run_operator("vector.search", {{"store", path()}, {"k", 2}}, queries);
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.type.schema->to_text(),
            "id: utf8, label: utf8, rank: int64, neighbor: utf8, distance: float64, metadata: utf8");
  const std::vector<std::string> rows = result.rows();
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0],
            R"({"id":"a","label":"l","rank":1,"neighbor":"id3","distance":0.0,"metadata":"{\"label\":\"l\"}"})");
  EXPECT_THAT(rows[1], HasSubstr(R"("id":"a","label":"l","rank":2,"neighbor":"id2","distance":1.0)"));
  EXPECT_THAT(rows[2], HasSubstr(R"("id":"b","label":"l","rank":1,"neighbor":"id10")"));
  EXPECT_THAT(rows[3], HasSubstr(R"("id":"b","label":"l","rank":2,"neighbor":"id11")"));
}

TEST_F(VectorOperators, SearchNamesItsColumnsAndKeepsTheVectorWhenAsked) {
  ASSERT_EQ(run_operator("vector.write", to_store(), numbered(0, 3)).error(), "");
  const HarnessResult result =
      run_operator("vector.search", {{"store", path()}, {"prefix", "near_"}, {"keep_vector", true}}, numbered(0, 1));
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(
      result.type.schema->to_text(),
      "id: utf8, vector: tensor f32 [2], label: utf8, near_rank: int64, near_neighbor: utf8, near_distance: float64, "
      "near_metadata: utf8");
  EXPECT_EQ(result.num_rows(), 3U) << "a store of three rows has three neighbours at most";
}

TEST_F(VectorOperators, SearchLooksOnlyAtWhatFulfilsTheFilter) {
  ASSERT_EQ(
      run_operator("vector.write", to_store(), rows_of({{"near", Vector{1, 1}, "cat"}, {"far", Vector{9, 9}, "dog"}}))
          .error(),
      "");
  const Options filter = {{"store", path()}, {"filter", OptionValue::Table{{"label", "dog"}}}};
  const HarnessResult result = run_operator("vector.search", filter, rows_of({{"q", Vector{1, 1}}}));
  ASSERT_EQ(result.num_rows(), 1U) << result.error();
  EXPECT_THAT(result.rows()[0], HasSubstr(R"("neighbor":"far")"));
}

TEST_F(VectorOperators, SearchRejectsRowsWithoutAVectorAndRefusesOtherStores) {
  ASSERT_EQ(run_operator("vector.write", to_store(), numbered(0, 3)).error(), "");
  const HarnessResult result = run_operator("vector.search", {{"store", path()}, {"k", 1}},
                                            rows_of({{"q", std::nullopt}, {"p", Vector{1, 1}}}), {.on_error = skip()});
  ASSERT_EQ(result.error(), "");
  EXPECT_THAT(result.reasons(), ElementsAre("\"vector\" is null"));
  EXPECT_EQ(result.num_rows(), 1U);
  const SchemaPtr three = *make_schema({{"vector", Type::kTensor, TensorType{TensorElement::kF32, {3}}}});
  RecordBatchBuilder builder(three, BufferPool::shared());
  EXPECT_THAT(run_operator("vector.search", {{"store", path()}}, builder.finish()).error(),
              HasSubstr("column \"vector\" has vectors of 3 values, and the store has 2 per vector"));
  EXPECT_THAT(run_operator("vector.search", {{"store", folder_.file("none")}}, numbered(0, 1)).error(),
              HasSubstr("cannot open"));
}

std::string npy(const std::string& bytes, std::vector<std::uint64_t>& shape, std::string& element) {
  const auto header = read_npy_header(bytes);
  EXPECT_TRUE(header) << header.error().to_text();
  if (!header) return {};
  shape = header->shape;
  element = header->element;
  return bytes.substr(header->data_at, header->data_bytes);
}

TEST_F(VectorOperators, NpyIsAnArrayOfAllRowsWithTheirIdsBeside) {
  const std::string file = folder_.file("out/vectors.npy");
  const std::string ids = folder_.file("out/ids.txt");
  for (const std::size_t size : {1U, 4U, 100U}) {
    const HarnessResult result =
        run_operator("npy.write", {{"path", file}, {"ids", ids}}, in_batches_of(numbered(0, 9), size));
    ASSERT_EQ(result.error(), "");
    EXPECT_EQ(result.num_rows(), 9U);
    ASSERT_EQ(result.outputs.size(), 2U);
    EXPECT_EQ(result.outputs[0].records, 9U);
    std::vector<std::uint64_t> shape;
    std::string element;
    const std::string data = npy(read_text(file), shape, element);
    EXPECT_THAT(shape, ElementsAre(9U, 2U));
    EXPECT_EQ(element, "<f4");
    const RecordBatch rows = numbered(0, 9);
    ASSERT_EQ(data.size(), 72U);
    EXPECT_EQ(std::memcmp(data.data(), rows.column(1).elements<float>().data(), 72), 0);
    EXPECT_EQ(read_text(ids), "id0\nid1\nid2\nid3\nid4\nid5\nid6\nid7\nid8\n");
  }
}

TEST_F(VectorOperators, NpyTakesNumbersAndRejectsNullsAndIdsOfSeveralLines) {
  const RecordBatch rows =
      testing::table({{"id", Type::kUtf8}, {"x", Type::kFloat64}, {"yes", Type::kBool}},
                     {{"a", 1.5, true}, {"b\nc", 2.5, true}, {"d", nullptr, false}, {"e", 4.5, false}});
  const std::string file = folder_.file("x.npy");
  const Options options = {{"path", file}, {"column", "x"}, {"ids", folder_.file("x.txt")}};
  const HarnessResult result = run_operator("npy.write", options, rows, {.on_error = skip()});
  ASSERT_EQ(result.error(), "");
  EXPECT_THAT(result.reasons(), ElementsAre(HasSubstr("the id has a line end"), "an array has no nulls"));
  std::vector<std::uint64_t> shape;
  std::string element;
  const std::string data = npy(read_text(file), shape, element);
  EXPECT_THAT(shape, ElementsAre(2U));
  EXPECT_EQ(element, "<f8");
  double last = 0;
  std::memcpy(&last, data.data() + 8, 8);
  EXPECT_EQ(last, 4.5);
  ASSERT_EQ(run_operator("npy.write", {{"path", file}, {"column", "yes"}}, rows).error(), "");
  EXPECT_EQ(npy(read_text(file), shape, element), std::string("\1\1\0\0", 4));
  EXPECT_EQ(element, "|b1");
  EXPECT_THAT(run_operator("npy.write", {{"path", file}, {"column", "id"}}, rows).error(),
              HasSubstr("column \"id\" is utf8, numbers or a tensor were expected"));
}

TEST_F(VectorOperators, NpyAppearsWholeOrNotAtAll) {
  const std::string file = folder_.file("v.npy");
  EXPECT_THAT(run_operator("npy.write", {{"path", file}, {"ids", folder_.file("ids")}},
                           rows_of({{"a", Vector{1, 2}}, {"b", std::nullopt}}))
                  .error(),
              HasSubstr("an array has no nulls"));
  EXPECT_THAT(folder_.names(), ElementsAre());
}

// ---- Stores that do not do what they should ------------------------------------------------------------------------

/// What a store of one test does at its calls; a store in memory behind it.
struct Behaviour {
  std::function<Status()> at_put = [] { return Status(); };
  std::function<Status()> at_flush = [] { return Status(); };
  std::map<std::string, int> puts;  ///< By id.
};

class OddStore final : public VectorStore {
 public:
  OddStore(Shape shape, Behaviour& behaviour) : VectorStore(shape), behaviour_(behaviour) {}
  Status flush() override { return behaviour_.at_flush(); }
  Result<std::uint64_t> count() const override { return behaviour_.puts.size(); }
  Status close() override { return {}; }

 private:
  Result<PutCounts> put(const VectorRows& rows, Put) override {
    PENSTOCK_TRY(behaviour_.at_put());
    PutCounts counts;
    for (const std::string_view id : rows.ids) ++(behaviour_.puts[std::string(id)]++ == 0 ? counts.added : counts.kept);
    return counts;
  }
  Result<std::vector<Neighbor>> find(const VectorQuery&) const override { return std::vector<Neighbor>(); }

  Behaviour& behaviour_;
};

VectorWriteOptions into(Behaviour& behaviour, std::uint32_t retries, std::size_t batch = 10) {
  VectorWriteOptions options;
  options.calls.store = "odd://";
  options.calls.retries = retries;
  options.id.text = "id";
  options.vector.text = "vector";
  options.batch = batch;
  options.open = [&behaviour](const std::string&,
                              const VectorStoreOptions& how) -> Result<std::unique_ptr<VectorStore>> {
    return std::make_unique<OddStore>(how.shape, behaviour);
  };
  return options;
}

Status away() { return Error(ErrorCode::kUnavailable, "the store is away"); }

TEST(VectorWrite, TriesAgainUntilTheStoreIsBack) {
  Behaviour behaviour;
  int calls = 0;
  behaviour.at_put = [&] { return ++calls % 3 != 0 ? away() : Status(); };
  const auto write = make_vector_write(into(behaviour, 2));
  const HarnessResult result = run_operator(*write, numbered(0, 25));
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(calls, 9) << "three calls of ten rows at most, each at its third attempt";
  EXPECT_EQ(behaviour.puts.size(), 25U);
  EXPECT_THAT(result.note, HasSubstr("; 6 calls made again"));
}

TEST(VectorWrite, EndsTheRunWhenTheStoreStaysAway) {
  Behaviour behaviour;
  int calls = 0;
  behaviour.at_put = [&] { return ++calls, away(); };
  const auto write = make_vector_write(into(behaviour, 2));
  EXPECT_THAT(run_operator(*write, numbered(0, 25), {.on_error = skip()}).error(), HasSubstr("the store is away"));
  EXPECT_EQ(calls, 3);
}

TEST(VectorWrite, DoesNotTryAgainWhatCannotHelp) {
  Behaviour behaviour;
  int calls = 0;
  behaviour.at_put = [&]() -> Status { return ++calls, Error(ErrorCode::kPermissionDenied, "not yours"); };
  const auto write = make_vector_write(into(behaviour, 5));
  EXPECT_THAT(run_operator(*write, numbered(0, 25)).error(), HasSubstr("not yours"));
  EXPECT_EQ(calls, 1);
}

TEST(VectorWrite, SavesNothingThatIsNotFlushed) {
  Behaviour behaviour;
  behaviour.at_flush = [] { return Error(ErrorCode::kDataLoss, "the disk is gone"); };
  const auto write = make_vector_write(into(behaviour, 0));
  testing::CollectingErrors errors;
  const StopSignal stop;
  OperatorContext context{.name = "w", .pool = &BufferPool::shared(), .errors = &errors, .stop = &stop};
  testing::CollectingEmitter out;
  const RecordBatch rows = numbered(0, 3);
  ASSERT_TRUE(write->bind(StreamType::of_schema(rows.schema_ptr())));
  ASSERT_TRUE(write->open(context));
  ASSERT_TRUE(write->process(rows, out));
  StateWriter state;
  EXPECT_FALSE(write->save(state));
  EXPECT_FALSE(write->finish(out));
}

// A store that does not answer before the source has come to rest: how far that got is counted, not timed.
TEST(VectorWrite, AStoreThatDoesNotAnswerHoldsTheSourceBack) {
  constexpr int kRows = 20'000;
  for (const char* const strategy : {"threads", "parallel", "processes", "hybrid"}) {
    SCOPED_TRACE(strategy);
    std::atomic<int> emitted = 0;
    int most_at_once = 0;
    Behaviour behaviour;
    behaviour.at_put = [&] {
      for (int before = -1, quiet = 0; quiet < 2'000; ++quiet) {
        if (before != emitted) quiet = 0;
        before = emitted;
        std::this_thread::yield();
      }
      most_at_once = std::max(most_at_once, emitted - static_cast<int>(behaviour.puts.size()));
      return Status();
    };
    testing::Calls source;
    source.bind = [](const StreamType&) { return StreamType::of_schema(numbered(0, 1).schema_ptr()); };
    source.produce = [&](Emitter& out) -> Result<Source::Next> {
      const int n = emitted++;
      return out.emit(numbered(n, n + 1)) && n + 1 < kRows ? Source::Next::kMore : Source::Next::kEnd;
    };
    Pipeline pipeline("slow");
    pipeline.add("source", testing::calling(source), {}, Pipeline::kNone);
    pipeline.add("look", testing::calling(testing::Calls()), {.stateless = true});
    pipeline.add("write", std::make_shared<WriteFactory>(into(behaviour, 0, 500)));
    RunOptions options;
    options.strategy = {strategy};
    const RunOutcome outcome = pipeline.run_to_outcome(options);
    ASSERT_TRUE(outcome.status) << outcome.status.error().to_text();
    EXPECT_EQ(behaviour.puts.size(), std::size_t{kRows});
    EXPECT_LT(most_at_once, 2'000) << "of 20,000: what waits in the pipeline and for its call";
  }
}

}  // namespace
}  // namespace penstock
