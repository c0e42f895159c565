// SPDX-License-Identifier: MIT
#include "workflow/parallel_hash.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "platform/file.h"
#include "store/digest.h"

namespace penstock {
namespace {

TEST(HashInParallel, GivesTheDigestsThatOneThreadGives) {
  std::string folder = testing::TempDir() + "penstock_hash_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::vector<std::string> paths;
  for (int i = 0; i < 5; ++i) {
    paths.push_back(folder + "/" + std::to_string(i));
    const std::size_t size = i == 4 ? 10 : (std::size_t{1} << 20) + 7 * static_cast<std::size_t>(i);
    ASSERT_TRUE(write_file(paths.back(), std::string(size, static_cast<char>('a' + i))));
  }
  paths.push_back(folder + "/missing");
  paths.push_back(folder);  // no file
  DigestIndex index(folder + "/digests");
  const FileDigests digests = hash_in_parallel(paths, index);
  ASSERT_EQ(digests.size(), 4U);  // the small one is not worth a thread
  for (const auto& [path, digest] : digests) EXPECT_EQ(digest.sha256, sha256_of_file(path).value()) << path;
  EXPECT_TRUE(hash_in_parallel({paths[0], paths[4]}, index).empty());  // one alone is nothing to share

  ASSERT_TRUE(make_folders(folder + "/d"));
  for (int i = 0; i < 4; ++i)
    std::filesystem::rename(paths[static_cast<std::size_t>(i)], folder + "/d/" + std::to_string(i));
  const auto several = [&](const std::vector<std::string>& files) { return hash_in_parallel(files, index); };
  EXPECT_EQ(digest_of_folder(folder + "/d", index, several).value(), digest_of_folder(folder + "/d", index).value());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace penstock
