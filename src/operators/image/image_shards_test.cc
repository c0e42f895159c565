// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <cstdio>
#include <fstream>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::run_source;

/// A tar file of the oldest form that all know (POSIX.1-1988, ustar).
std::string tar(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string file;
  for (const auto& [name, bytes] : members) {
    std::string header(512, '\0');
    header.replace(0, name.size(), name);
    header.replace(100, 8, std::string("0000644\0", 8));
    char size[13];
    std::snprintf(size, sizeof size, "%011zo", bytes.size());
    header.replace(124, 12, std::string(size, 12));
    header[156] = '0';
    header.replace(257, 8, std::string("ustar\00000", 8));
    header.replace(148, 8, "        ");
    unsigned sum = 0;
    for (const char byte : header) sum += static_cast<unsigned char>(byte);
    char text[8];
    std::snprintf(text, sizeof text, "%06o", sum);
    header.replace(148, 7, std::string(text, 7));
    file += header + bytes + std::string((512 - bytes.size() % 512) % 512, '\0');
  }
  return file + std::string(1024, '\0');
}

class ImageShards : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_.file(name), std::ios::binary) << bytes;
    return folder_.file(name);
  }

  /// "key: bytes of the image, metadata" of each record.
  std::vector<std::string> list(const Options& options) {
    const HarnessResult result = run_source("image.shards", options);
    EXPECT_EQ(result.error(), "");
    std::vector<std::string> found;
    for (const Batch& kept : result.batches) {
      const RecordBatch& rows = kept.record_batch();
      for (std::size_t row = 0; row < rows.num_rows(); ++row) {
        std::ifstream shard(std::string(rows.column(1).text(row)), std::ios::binary);
        std::string bytes(static_cast<std::size_t>(rows.column(3).int64s()[row]), '\0');
        shard.seekg(rows.column(2).int64s()[row]);
        shard.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        found.push_back(std::string(rows.column(4).text(row)) + ": " + bytes + ", " +
                        (rows.column(5).is_null(row) ? "none" : std::string(rows.column(5).text(row))));
        ids_.emplace_back(rows.column(0).text(row));
      }
    }
    return found;
  }

  testing::TemporaryFolder folder_;
  std::vector<std::string> ids_;
};

TEST_F(ImageShards, FindsEachImageWithWhatStandsBesideIt) {
  const std::string shard = write("a.tar", tar({{"x/1.jpg", "one"},
                                                {"x/1.json", R"({"n":1})"},
                                                {"x/2.json", R"({"n":2})"},
                                                {"x/2.PNG", "two"},
                                                {"x/3.txt", "no image"},
                                                {"y/3.jpg", ""}}));
  EXPECT_THAT(list({{"path", shard}}), ElementsAre(R"(x/1: one, {"n":1})", R"(x/2: two, {"n":2})", "y/3: , none"));
  EXPECT_THAT(ids_, ElementsAre(shard + "/x/1.jpg", shard + "/x/2.PNG", shard + "/y/3.jpg"));
}

TEST_F(ImageShards, TakesSeveralImagesOfOneKey) {
  const std::string shard =
      write("a.tar", tar({{"1.left.jpg", "l"}, {"1.right.jpg", "r"}, {"1.json", "{}"}, {"2.jpg", "t"}}));
  EXPECT_THAT(list({{"path", shard}}), ElementsAre("1: l, {}", "1: r, {}", "2: t, none"));
}

TEST_F(ImageShards, GoesThroughTheShardsOfAGlobInOrder) {
  write("b.tar", tar({{"b.jpg", "b"}}));
  write("a.tar", tar({{"a.jpg", "a"}}));
  write("empty.tar", tar({}));
  EXPECT_THAT(list({{"path", folder_.file("*.tar")}}), ElementsAre("a: a, none", "b: b, none"));
}

TEST_F(ImageShards, SaysWhatIsNoTarFile) {
  EXPECT_THAT(run_source("image.shards", {{"path", write("a.tar", "this is no tar file")}}).error(),
              HasSubstr("a.tar is no tar file, or damaged"));
  EXPECT_THAT(run_source("image.shards", {{"path", folder_.file("none.tar")}}).error(), HasSubstr("none.tar"));
}

TEST_F(ImageShards, EndsWithAnErrorWhereAShardIsCutShort) {
  const std::string whole = tar({{"1.jpg", "one"}, {"2.jpg", std::string(2'000, '2')}});
  for (const std::size_t size : {700U, 1'100U, 1'600U, 2'500U}) {
    EXPECT_THAT(run_source("image.shards", {{"path", write("a.tar", whole.substr(0, size))}}).error(),
                HasSubstr("a.tar is no tar file, or damaged"))
        << size;
  }
}

TEST_F(ImageShards, GoesOnBehindAShardThatIsDamaged) {
  write("a.tar", tar({{"1.jpg", "one"}}));
  write("b.tar", tar({{"2.jpg", "two"}, {"3.jpg", std::string(2'000, '3')}}).substr(0, 1'600));
  write("c.tar", tar({{"4.jpg", "four"}}));
  testing::HarnessOptions how;
  how.on_error = skip();
  const HarnessResult result = run_source("image.shards", {{"path", folder_.file("*.tar")}}, how);
  EXPECT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 3U);
  ASSERT_EQ(result.rejections.size(), 1U);
  EXPECT_THAT(result.rejections[0].reason, HasSubstr("b.tar is no tar file, or damaged"));
}

TEST_F(ImageShards, PutsNoMoreRowsIntoABatchThanItShallWhateverTheKeys) {
  std::vector<std::pair<std::string, std::string>> members = {{"frame.json", "{}"}};
  for (int i = 0; i < 20; ++i) members.emplace_back("frame." + std::to_string(i) + ".jpg", "x");
  const HarnessResult result = run_source("image.shards", {{"path", write("a.tar", tar(members))}, {"rows", 3}});
  EXPECT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 20U);
  for (const Batch& batch : result.batches) EXPECT_LE(batch.num_records(), 3U);
}

TEST_F(ImageShards, RejectsWhatIsNoText) {
  const std::string shard = write("a.tar", tar({{"1.jpg", "one"}, {"2.json", "\xff"}, {"2.jpg", "two"}}));
  EXPECT_THAT(run_source("image.shards", {{"path", shard}}).error(), HasSubstr("the metadata is no valid UTF-8"));
}

}  // namespace
}  // namespace penstock
