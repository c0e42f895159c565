// SPDX-License-Identifier: MIT
#include "platform/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/file_modes_hold.h"
#include "platform/glob.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "penstock_file_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~FileTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void put(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
      all.push_back(entry.path().filename().string());
    std::sort(all.begin(), all.end());
    return all;
  }
  std::string folder_;
};

TEST_F(FileTest, ReadFileReturnsAllBytes) {
  const std::string bytes = std::string("a\0b", 3) + std::string(100'000, 'x');
  put("a", bytes);
  EXPECT_EQ(read_file(path("a")).value(), bytes);
  put("empty", "");
  EXPECT_EQ(read_file(path("empty")).value(), "");
}

TEST_F(FileTest, ReadFileRefusesMoreThanItsLimit) {
  put("a", "12345");
  EXPECT_EQ(read_file(path("a"), 5).value(), "12345");
  const auto answer = read_file(path("a"), 4);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kResourceExhausted);
}

TEST_F(FileTest, ReadsAPartOfAFile) {
  put("a", "0123456789");
  EXPECT_EQ(read_file_part(path("a"), 3, 4, 4).value(), "3456");
  EXPECT_EQ(read_file_part(path("a"), 10, 0, 4).value(), "");
  EXPECT_EQ(read_file_part(path("a"), 3, 4, 3).error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(read_file_part(path("a"), 8, 3, 4).error().code(), ErrorCode::kDataLoss);
  EXPECT_EQ(read_file_part(path("a"), UINT64_MAX, 3, 4).error().code(), ErrorCode::kDataLoss);
}

TEST_F(FileTest, OpenNamesAMissingFile) {
  const auto file = File::open(path("none.csv"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(file.error().message(), "cannot open " + path("none.csv") + ": no such file or folder");
  EXPECT_THAT(file.error().hint(), HasSubstr("check the path"));
}

TEST_F(FileTest, OpenRefusesAFolder) {
  const auto file = File::open(folder_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(file.error().message(), HasSubstr("it is a folder, a file was expected"));
}

TEST_F(FileTest, OpenSaysWhenPermissionIsMissing) {
  put("secret", "x");
  ::chmod(path("secret").c_str(), 0);
  const testing::FileModesHold as_others;
  const auto file = File::open(path("secret"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), ErrorCode::kPermissionDenied);
}

TEST(FileError, TellsNumbersApart) {
  EXPECT_EQ(file_error(EACCES, "open", "a").code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(file_error(EACCES, "open", "a").message(), "cannot open a: permission denied");
  EXPECT_EQ(file_error(EDQUOT, "write", "a").code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(file_error(EIO, "read", "a").code(), ErrorCode::kDataLoss);
  EXPECT_EQ(file_error(EROFS, "create", "a").code(), ErrorCode::kPermissionDenied);
}

TEST_F(FileTest, ReadAtLeavesThePositionAlone) {
  put("a", "0123456789");
  File file = File::open(path("a")).value();
  char buffer[16];
  EXPECT_EQ(file.read(buffer, 2).value(), 2u);
  EXPECT_EQ(file.read_at(buffer, sizeof buffer, 7).value(), 3u);
  EXPECT_EQ(std::string_view(buffer, 3), "789");
  EXPECT_EQ(file.read(buffer, 2).value(), 2u);
  EXPECT_EQ(std::string_view(buffer, 2), "23");
}

TEST_F(FileTest, WriteAllGetsThroughAPipeSmallerThanTheBytes) {
  const std::string fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const std::string bytes(1 << 20, 'p');
  std::string got;
  std::thread reader([&] { got = read_file(fifo).value(); });
  auto written = File::create(fifo, {.append = true}).value().write_all(bytes);
  reader.join();
  EXPECT_TRUE(written);
  EXPECT_EQ(got, bytes);
}

TEST_F(FileTest, CreateExclusiveRefusesWhatIsThere) {
  put("a", "old");
  const auto file = File::create(path("a"), {.exclusive = true});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(read_file(path("a")).value(), "old");
}

TEST_F(FileTest, StampChangesWithTheContent) {
  put("a", "old");
  const FileStamp before = stamp_of(path("a")).value();
  EXPECT_EQ(stamp_of(path("a")).value(), before);
  put("a", "longer");
  EXPECT_NE(stamp_of(path("a")).value(), before);
}

TEST(AtomicFile, ReportsAFullDiskAndNamesTheTarget) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  AtomicFile file = AtomicFile::create("/dev/full").value();
  const auto written = file.write_all("bytes");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(written.error().to_text(), HasSubstr("no space left on the disk"));
}

TEST_F(FileTest, AtomicFileShowsNothingBeforeCommit) {
  put("a", "old");
  AtomicFile file = AtomicFile::create(path("a")).value();
  ASSERT_TRUE(file.write_all("new"));
  EXPECT_EQ(read_file(path("a")).value(), "old");
  ASSERT_TRUE(file.commit());
  EXPECT_EQ(read_file(path("a")).value(), "new");
  EXPECT_THAT(names(), ElementsAre("a"));
}

TEST_F(FileTest, AtomicFileLeavesNothingWhenAborted) {
  {
    AtomicFile file = AtomicFile::create(path("a")).value();
    ASSERT_TRUE(file.write_all("half"));
    AtomicFile moved = std::move(file);
    EXPECT_EQ(names().size(), 1u);
  }
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(FileTest, ARevocableAtomicFileCanBeTakenBack) {
  put("a", "old");
  {
    AtomicFile replaced = AtomicFile::create(path("a"), {.revocable = true}).value();
    AtomicFile created = AtomicFile::create(path("b"), {.revocable = true}).value();
    ASSERT_TRUE(replaced.write_all("new"));
    ASSERT_TRUE(replaced.commit());
    ASSERT_TRUE(created.commit());
    EXPECT_EQ(read_file(path("a")).value(), "new");
    AtomicFile moved = std::move(replaced);
    moved.abort();
    created.abort();
    EXPECT_EQ(read_file(path("a")).value(), "old");
  }
  EXPECT_THAT(names(), ElementsAre("a"));
}

TEST_F(FileTest, ARevocableAtomicFileStaysWhenItIsNotTakenBack) {
  put("a", "old");
  for (const char* const name : {"a", "b"}) ASSERT_TRUE(write_file(path(name), "new", {.revocable = true}));
  EXPECT_EQ(read_file(path("a")).value(), "new");
  EXPECT_THAT(names(), ElementsAre("a", "b"));
}

TEST_F(FileTest, AtomicFileKeepsPermissionsAndLinks) {
  put("a", "old");
  ::chmod(path("a").c_str(), 0640);
  ASSERT_EQ(::symlink("a", path("link").c_str()), 0);
  ASSERT_TRUE(write_file(path("link"), "new", {.durable = true}));
  struct stat info;
  ASSERT_EQ(::lstat(path("link").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  ASSERT_EQ(::stat(path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0640u);
  EXPECT_EQ(read_file(path("a")).value(), "new");
}

TEST_F(FileTest, AtomicFileRefusesAFolder) {
  const auto file = AtomicFile::create(folder_);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message(), HasSubstr("it is a folder"));
}

TEST_F(FileTest, AtomicFileMakesFoldersOnlyWhenAsked) {
  const auto refused = AtomicFile::create(path("x/y/out.csv"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(refused.error().message(), HasSubstr(path("x/y/out.csv")));
  ASSERT_TRUE(write_file(path("x/y/out.csv"), "1", {.make_folders = true}));
  EXPECT_EQ(read_file(path("x/y/out.csv")).value(), "1");
}

TEST_F(FileTest, MakeFoldersSaysWhenAFileIsInTheWay) {
  put("a", "");
  EXPECT_FALSE(make_folders(path("a")));
  EXPECT_FALSE(make_folders(path("a/b")));
  EXPECT_TRUE(make_folders(path("b/c/")));
  EXPECT_TRUE(make_folders(path("b/c")));
}

TEST_F(FileTest, MappedFileShowsTheBytes) {
  const std::string bytes(20'000, 'm');
  put("a", bytes);
  MappedFile file = MappedFile::open(path("a")).value();
  EXPECT_EQ(file.bytes(), bytes);
  file.release(0, 10'000);
  EXPECT_EQ(file.bytes(), bytes);
  put("empty", "");
  EXPECT_EQ(MappedFile::open(path("empty")).value().bytes(), "");
}

TEST_F(FileTest, FolderOfCutsTheName) {
  EXPECT_EQ(folder_of("a/b/c"), "a/b");
  EXPECT_EQ(folder_of("c"), ".");
  EXPECT_EQ(folder_of("/c"), "/");
}

TEST_F(FileTest, ExpandGlobSortsByBytesAndSkipsFolders) {
  for (const char* name : {"b.csv", "B.csv", "a10.csv", "a9.csv", "c.txt"}) put(name, "");
  std::filesystem::create_directory(path("d.csv"));
  EXPECT_THAT(expand_glob(path("*.csv")).value(),
              ElementsAre(path("B.csv"), path("a10.csv"), path("a9.csv"), path("b.csv")));
}

TEST_F(FileTest, ExpandGlobTakesAnExistingNameLiterally) {
  put("a[1].csv", "");
  put("a1.csv", "");
  EXPECT_THAT(expand_glob(path("a[1].csv")).value(), ElementsAre(path("a[1].csv")));
}

TEST_F(FileTest, ExpandGlobFindsFilesInAnyFolders) {
  std::filesystem::create_directories(path("a/b.d/c"));
  std::filesystem::create_directories(path("a/.hidden"));
  std::filesystem::create_directories(path("[odd*]"));
  std::filesystem::create_directory_symlink(path("a"), path("a/b.d/up"));  // would go round for ever
  for (const char* name :
       {"1.csv", "a/2.csv", "a/b.d/c/3.csv", "a/b.d/c/3.txt", "a/.hidden/4.csv", "a/.5.csv", "[odd*]/6.csv"})
    put(name, "");
  EXPECT_THAT(expand_glob(path("**/*.csv")).value(),
              ElementsAre(path("1.csv"), path("[odd*]/6.csv"), path("a/2.csv"), path("a/b.d/c/3.csv")));
  EXPECT_THAT(expand_glob(path("a/**/c/*")).value(), ElementsAre(path("a/b.d/c/3.csv"), path("a/b.d/c/3.txt")));
  EXPECT_THAT(expand_glob(path("a/**/**/3.csv")).value(), ElementsAre(path("a/b.d/c/3.csv")));
  EXPECT_THAT(expand_glob(path("a/*.d/**")).value(), ElementsAre(path("a/b.d/c/3.csv"), path("a/b.d/c/3.txt")));
  EXPECT_EQ(expand_glob(path("**/*.json")).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(expand_glob(path("nowhere/**/*.csv")).error().code(), ErrorCode::kNotFound);
}

TEST_F(FileTest, MatchesGlobPartByPart) {
  EXPECT_TRUE(matches_glob("/x/*.csv", "/x/a.csv"));
  EXPECT_FALSE(matches_glob("/x/*.csv", "/x/y/a.csv"));
  EXPECT_FALSE(matches_glob("/x/*.csv", "/x/.a.csv"));
  EXPECT_TRUE(matches_glob("/x/**/*.csv", "/x/a.csv"));
  EXPECT_TRUE(matches_glob("/x/**/*.csv", "/x/y/z/a.csv"));
  EXPECT_FALSE(matches_glob("/x/**/*.csv", "/x/.y/a.csv"));
  EXPECT_FALSE(matches_glob("/x/**/*.csv", "/y/a.csv"));
  EXPECT_TRUE(matches_glob("/x/**", "/x/y/a"));
  EXPECT_FALSE(matches_glob("/x/**/z/*", "/x/y/a"));
}

TEST_F(FileTest, ExpandGlobNamesAPatternWithoutMatch) {
  const auto answer = expand_glob(path("*.csv"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(answer.error().message(), HasSubstr("no file matches " + path("*.csv")));
}

TEST_F(FileTest, GoesOnBehindWhatAnotherProcessWrote) {
  put("left", "one two three");
  {
    Result<File> file = File::go_on(path("left"), path("mine"), 7);
    ASSERT_TRUE(file) << file.error().to_text();
    ASSERT_TRUE(file->write_all(" four"));
  }
  EXPECT_EQ(read_file(path("mine")).value(), "one two four");
  EXPECT_EQ(read_file(path("left")).value().substr(0, 7), "one two");
  EXPECT_TRUE(std::filesystem::equivalent(path("left"), path("mine"))) << "it was copied";
}

TEST_F(FileTest, GoesOnWithACopyOfWhatHasAnotherName) {
  put("left", "one two three");
  std::filesystem::create_hard_link(path("left"), path("published"));
  ASSERT_TRUE(File::go_on(path("left"), path("mine"), 7));
  EXPECT_EQ(read_file(path("mine")).value(), "one two");
  EXPECT_EQ(read_file(path("published")).value(), "one two three");
}

TEST_F(FileTest, DoesNotGoOnWithLessThanThereWas) {
  put("left", "one");
  const Result<File> file = File::go_on(path("left"), path("mine"), 7);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(names(), ElementsAre("left"));
  EXPECT_EQ(File::go_on(path("none"), path("mine"), 0).error().code(), ErrorCode::kNotFound);
}

TEST_F(FileTest, OnlyOneGoesOn) {
  put("left", "one two three");
  const Result<File> first = File::go_on(path("left"), path("first"), 7);
  ASSERT_TRUE(first);
  const Result<File> second = File::go_on(path("left"), path("second"), 7);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kUnavailable);
}

TEST_F(FileTest, AnAtomicFileThatGoesOnAppearsWhole) {
  put("left", "one two three");
  put("out", "old");
  Result<AtomicFile> file = AtomicFile::go_on(path("out"), {}, path("left"), 7);
  ASSERT_TRUE(file) << file.error().to_text();
  EXPECT_EQ(file->bytes_written(), 7U);
  ASSERT_TRUE(file->write_all(" four"));
  EXPECT_EQ(read_file(path("out")).value(), "old");
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(read_file(path("out")).value(), "one two four");
  EXPECT_THAT(names(), ElementsAre("left", "out"));
}

}  // namespace
}  // namespace penstock
