// SPDX-License-Identifier: MIT
// Images to tensors and to vectors through the C++ interface.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/images.h>

#include <cstring>
#include <fstream>
#include <mutex>

#include "service/bmp_fixture.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::bmp_picture;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kImages = 9;

class Images : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_.file(name), std::ios::binary) << bytes;
    return folder_.file(name);
  }

  /// a0 to a8, of which a3 is broken and a5 is not there.
  std::vector<ImageItem> items() {
    std::vector<ImageItem> all;
    for (unsigned i = 0; i < kImages; ++i) {
      const std::string name = "a" + std::to_string(i);
      const std::string bytes = i == 3 ? bmp_picture(i).substr(0, 200) : bmp_picture(i);
      if (i != 5) write(name + ".bmp", bytes);
      all.push_back({folder_.file(name + ".bmp"), name, "{\"number\":" + std::to_string(i) + "}"});
    }
    return all;
  }

  PreprocessOptions small(const Strategy& strategy = serial) {
    PreprocessOptions options;
    options.width = options.height = 8;
    options.batch_size = 4;
    options.strategy = strategy;
    return options;
  }
  ImagePipelineOptions to_store(const std::string& name, const Strategy& strategy = serial) {
    ImagePipelineOptions options;
    options.store = folder_.file(name);
    options.images = small(strategy);
    options.images.width = options.images.height = 64;
    return options;
  }

  void insert_at_once(const Strategy& strategy);

  testing::TemporaryFolder folder_;
};

std::vector<std::string> ids_of(const std::vector<ImageError>& errors) {
  std::vector<std::string> ids;
  for (const ImageError& error : errors) ids.push_back(error.id);
  return ids;
}

TEST_F(Images, BecomeOneTensorInTheirOrderAndTheErrorsNameTheOthers) {
  const Result<ImageTensors> made = Preprocessor(small()).preprocess(items());
  ASSERT_TRUE(made) << made.error().to_text();
  EXPECT_THAT(made->ids, ElementsAre("a0", "a1", "a2", "a4", "a6", "a7", "a8"));
  EXPECT_EQ(made->metadata[3], "{\"number\":4}");
  EXPECT_THAT(made->tensor.shape, ElementsAre(3, 8, 8));
  EXPECT_EQ(made->values.size(), 7U * 3 * 8 * 8 * sizeof(float));
  EXPECT_THAT(ids_of(made->errors), ElementsAre("a3", "a5"));
  EXPECT_THAT(made->errors[0].reason, HasSubstr("a3.bmp"));
}

TEST_F(Images, ComeInBatchesWithTheSameBytesUnderEveryStrategy) {
  const Result<ImageTensors> all = Preprocessor(small()).preprocess(items());
  ASSERT_TRUE(all);
  for (const Strategy& strategy : {serial, threads, parallel(3), processes(2)}) {
    SCOPED_TRACE(strategy.name);
    Preprocessor::Tensors tensors = Preprocessor(small(strategy)).stream(items());
    std::vector<std::string> ids;
    std::vector<std::string> failed;
    std::string bytes;
    for (;;) {
      Result<std::optional<ImageTensors>> next = tensors.next();
      ASSERT_TRUE(next) << next.error().to_text();
      if (!*next) break;
      EXPECT_LE((*next)->ids.size(), 4U);
      ids.insert(ids.end(), (*next)->ids.begin(), (*next)->ids.end());
      bytes.append(reinterpret_cast<const char*>((*next)->values.data()), (*next)->values.size());
      for (const std::string& id : ids_of((*next)->errors)) failed.push_back(id);
    }
    EXPECT_EQ(ids, all->ids);
    EXPECT_THAT(failed, ElementsAre("a3", "a5"));
    ASSERT_EQ(bytes.size(), all->values.size());
    EXPECT_EQ(std::memcmp(bytes.data(), all->values.data(), bytes.size()), 0);
  }
}

/// Counts how many images were asked for.
class Counting final : public ImageFeed {
 public:
  explicit Counting(ImageItem item) : item_(std::move(item)) {}
  std::optional<ImageItem> next() override {
    asked.fetch_add(1);
    return item_;
  }
  std::atomic<std::uint64_t> asked{0};

 private:
  ImageItem item_;
};

TEST_F(Images, AreReadNoFurtherAheadThanTheQueuesAllow) {
  const auto endless = std::make_shared<Counting>(ImageItem{write("one.bmp", bmp_picture(1)), "one"});
  {
    Preprocessor::Tensors tensors = Preprocessor(small(threads)).stream(endless);
    const Result<std::optional<ImageTensors>> first = tensors.next();
    ASSERT_TRUE(first) << first.error().to_text();
    ASSERT_TRUE(*first);
    // 3 batches of 4 wait at most, one is being gathered, and two queues hold 4 images each, with one in each hand.
    EXPECT_LE(endless->asked.load(), 64U);
  }
  const std::uint64_t asked = endless->asked.load();  // the end waits for the thread that asks
  EXPECT_LE(asked, 64U);
}

TEST_F(Images, SaysWhatIsWrongWithTheOptions) {
  PreprocessOptions options = small();
  options.mode = "fit";
  const Result<ImageTensors> made = Preprocessor(options).preprocess(items());
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().to_text(), HasSubstr("mode"));
}

TEST_F(Images, AreFoundInAStore) {
  for (const Strategy& strategy : {serial, processes(2)}) {
    SCOPED_TRACE(strategy.name);
    Result<ImagePipeline> images = ImagePipeline::open(to_store(strategy.name + ".index", strategy));
    ASSERT_TRUE(images) << images.error().to_text();
    const Result<InsertedImages> inserted = images->insert(items());
    ASSERT_TRUE(inserted) << inserted.error().to_text();
    EXPECT_THAT(inserted->ids, ElementsAre("a0", "a1", "a2", "a4", "a6", "a7", "a8"));
    EXPECT_THAT(ids_of(inserted->errors), ElementsAre("a3", "a5"));
    EXPECT_EQ(inserted->counts.added, 7U);

    const Result<std::vector<Neighbor>> found = images->search(folder_.file("a6.bmp"), 3);
    ASSERT_TRUE(found) << found.error().to_text();
    ASSERT_THAT(*found, SizeIs(3));
    EXPECT_EQ(found->front().id, "a6");
    EXPECT_EQ(found->front().metadata, "{\"number\":6}");
    EXPECT_LT(found->front().distance, 1e-5F);
    EXPECT_EQ(images->search(folder_.file("a3.bmp")).error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST_F(Images, StayOnceHoweverOftenTheyAreInserted) {
  Result<ImagePipeline> images = ImagePipeline::open(to_store("a.index"));
  ASSERT_TRUE(images) << images.error().to_text();
  ASSERT_TRUE(images->insert(items()));
  const Result<InsertedImages> again = images->insert(items());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->counts.kept, 7U);
  EXPECT_EQ(images->store().count().value(), 7U);
}

TEST_F(Images, GoIntoAStoreFromSeveralInsertsAtOnce) {
  for (const Strategy& strategy : {serial, processes(2)}) insert_at_once(strategy);
}

TEST_F(Images, BecomeOneBatchOfMoreThanWhatAStreamGives) {
  PreprocessOptions options = small();
  options.width = options.height = 1'000;  // 12 MB each
  const std::string path = write("one.bmp", bmp_picture(1));
  const Result<ImageTensors> made = Preprocessor(options).preprocess(std::vector<ImageItem>(8, {path}));
  ASSERT_TRUE(made) << made.error().to_text();
  EXPECT_EQ(made->ids.size(), 8U);
  EXPECT_EQ(made->values.size(), 8U * 12'000'000);
}

void Images::insert_at_once(const Strategy& strategy) {
  SCOPED_TRACE(strategy.name);
  Result<ImagePipeline> images = ImagePipeline::open(to_store(strategy.name + ".index", strategy));
  ASSERT_TRUE(images) << images.error().to_text();
  const std::vector<ImageItem> all = items();
  std::vector<PendingInsert> pending;
  for (std::size_t i = 0; i < 3; ++i)
    pending.push_back(images->insert_async(
        {all.begin() + static_cast<std::ptrdiff_t>(3 * i), all.begin() + static_cast<std::ptrdiff_t>(3 * i + 3)}));
  std::vector<std::size_t> counts;
  for (PendingInsert& each : pending) {
    const Result<InsertedImages> inserted = each.wait();
    ASSERT_TRUE(inserted) << inserted.error().to_text();
    counts.push_back(inserted->ids.size());
  }
  EXPECT_THAT(counts, ElementsAre(3U, 1U, 3U));
  EXPECT_EQ(images->store().count().value(), 7U);
}

TEST_F(Images, OfOtherMakingAreRefusedByAStore) {
  {
    ASSERT_TRUE(ImagePipeline::open(to_store("a.index"))->insert(items()));
  }
  ImagePipelineOptions larger = to_store("a.index");
  larger.images.width = 32;
  const Result<ImagePipeline> opened = ImagePipeline::open(larger);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().to_text(), HasSubstr("was filled in another way"));
}

}  // namespace
}  // namespace penstock
