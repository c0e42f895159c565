// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <filesystem>
#include <fstream>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::run_source;

class ImageList : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text = "x") {
    std::filesystem::create_directories(std::filesystem::path(folder_.file(name)).parent_path());
    std::ofstream(folder_.file(name), std::ios::binary) << text;
  }

  /// The paths in the folder, without it.
  std::vector<std::string> list(const Options& options) {
    const HarnessResult result = run_source("image.list", options);
    EXPECT_EQ(result.error(), "");
    std::vector<std::string> paths;
    for (const Batch& kept : result.batches) {
      const RecordBatch& batch = kept.record_batch();
      for (std::size_t row = 0; row < batch.num_rows(); ++row) {
        const std::string path(batch.column(1).text(row));
        EXPECT_EQ(batch.column(0).text(row), path);
        paths.push_back(path.substr(std::min(path.size(), folder_.path().size() + 1)));
      }
    }
    return paths;
  }

  testing::TemporaryFolder folder_;
};

TEST_F(ImageList, FindsImagesInAllFoldersBelow) {
  for (const char* const name : {"b.JPG", "a/z.png", "a/b/c.WebP", "notes.txt", ".hidden.jpg", ".git/x.png", "jpg"})
    write(name);
  EXPECT_THAT(list({{"path", folder_.path()}}), ElementsAre("a/b/c.WebP", "a/z.png", "b.JPG"));
  EXPECT_THAT(list({{"path", folder_.path()}, {"extensions", OptionValue::List{}}}),
              ElementsAre("a/b/c.WebP", "a/z.png", "b.JPG", "jpg", "notes.txt"));
  EXPECT_THAT(list({{"path", folder_.path()}, {"extensions", OptionValue::List{"txt"}}}), ElementsAre("notes.txt"));
}

TEST_F(ImageList, TakesFilesAndGlobsWhateverTheirNames) {
  for (const char* const name : {"one.jpg", "two.jpg", "three"}) write(name);
  EXPECT_THAT(list({{"path", OptionValue::List{folder_.file("three"), folder_.file("*.jpg")}}}),
              ElementsAre("three", "one.jpg", "two.jpg"));
}

TEST_F(ImageList, ReadsAListOfPaths) {
  write("list.txt", folder_.file("b.jpg") + "\r\n\n" + folder_.file("a.jpg"));
  EXPECT_THAT(list({{"list", folder_.file("list.txt")}}), ElementsAre("b.jpg", "a.jpg"));
}

TEST_F(ImageList, EndsWhereLinksFormALoop) {
  write("a/one.jpg");
  std::filesystem::create_directory_symlink(folder_.path(), folder_.file("a/up"));
  std::filesystem::create_symlink(folder_.file("itself.jpg"), folder_.file("itself.jpg"));
  EXPECT_THAT(list({{"path", folder_.path()}}), ElementsAre("a/one.jpg", "itself.jpg"));
}

TEST_F(ImageList, PutsOneImageIntoABatchUnlessAskedForMore) {
  for (const char* const name : {"1.jpg", "2.jpg", "3.jpg"}) write(name);
  EXPECT_EQ(run_source("image.list", {{"path", folder_.path()}}).batches.size(), 3U);
  EXPECT_EQ(run_source("image.list", {{"path", folder_.path()}, {"rows", 2}}).batches.size(), 2U);
}

TEST_F(ImageList, SaysWhatIsWrong) {
  EXPECT_THAT(run_source("image.list", {}).error(), HasSubstr("neither \"path\" nor \"list\" is given"));
  EXPECT_THAT(run_source("image.list", {{"path", folder_.file("*.jpg")}}).error(), HasSubstr("*.jpg"));
  EXPECT_THAT(run_source("image.list", {{"path", "a.jpg"}, {"rows", 0}}).error(), HasSubstr("must be at least 1"));
  EXPECT_THAT(run_source("image.list", {{"list", folder_.file("none")}}).error(), HasSubstr("none"));
}

TEST_F(ImageList, OfAnEmptyFolderIsEmpty) { EXPECT_THAT(list({{"path", folder_.path()}}), ElementsAre()); }

}  // namespace
}  // namespace penstock
