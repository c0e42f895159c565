// SPDX-License-Identifier: MIT
#ifdef PENSTOCK_ASYNC
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>
#include <sys/stat.h>

#include <fstream>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::in_batches_of;
using testing::run_operator;
using testing::table;

class FileRead : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.file(name), std::ios::binary) << text;
  }
  static RecordBatch names(const std::vector<std::string>& all) {
    std::vector<std::vector<testing::Value>> rows;
    for (const std::string& name : all) rows.push_back({name});
    return table({{"name", Type::kUtf8}}, rows);
  }
  Options options(Options more = {}) {
    more.set("path", "'" + folder_.path() + "/' || name");
    return more;
  }

  testing::TemporaryFolder folder_;
};

TEST_F(FileRead, AddsTheTextOfTheFile) {
  write("a", "text of a");
  write("empty", "");
  const HarnessResult result = run_operator("file.read", options({{"as", "text"}}), names({"a", "empty"}));
  ASSERT_EQ(result.error(), "");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"name":"a","text":"text of a"})", R"({"name":"empty","text":""})"));
}

TEST_F(FileRead, KeepsTheOrderAndGivesTheSameForAllBatchSizes) {
  std::vector<std::string> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back("f" + std::to_string(i));
    write(all.back(),
          std::string(static_cast<std::size_t>(i % 13 == 0 ? 300'000 : 10), static_cast<char>('a' + i % 26)));
  }
  std::vector<std::string> expected;
  for (const std::size_t size : {1U, 7U, 1000U}) {
    const HarnessResult result =
        run_operator("file.read", options(), in_batches_of(names(all), size), {.batch_size = size});
    ASSERT_EQ(result.error(), "");
    ASSERT_EQ(result.num_rows(), 200U);
    if (expected.empty()) expected = result.rows();
    EXPECT_EQ(result.rows(), expected);
  }
}

TEST_F(FileRead, RejectsRowsWithTheirReason) {
  write("good", "good");
  write("large", std::string(101, 'x'));
  write("exact", std::string(100, 'x'));
  write("latin", "\xe9");
  ASSERT_EQ(::mkfifo(folder_.file("pipe").c_str(), 0600), 0);
  const HarnessResult result =
      run_operator("file.read", options({{"max_bytes", 100}}),
                   names({"none", "good", "large", "exact", "latin", "pipe", "."}), {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 2U);
  ASSERT_EQ(result.rejections.size(), 5U);
  EXPECT_EQ(result.rejections[0].record, 0U);
  EXPECT_EQ(result.rejections[0].raw, R"({"name":"none"})");
  EXPECT_THAT(result.reasons(),
              ElementsAre(HasSubstr("no such file"), HasSubstr("more than 100 bytes"), HasSubstr("is not UTF-8"),
                          HasSubstr("not a regular file"), HasSubstr("not a regular file")));
}

TEST_F(FileRead, SaysWhereAnOptionIsWrong) {
  EXPECT_THAT(run_operator("file.read", {{"path", "nmae"}}, names({"a"})).error(), HasSubstr("nmae"));
  EXPECT_THAT(run_operator("file.read", {{"path", "length(name)"}}, names({"a"})).error(),
              HasSubstr("option \"path\" must be a text, found int64"));
  EXPECT_THAT(run_operator("file.read", options({{"as", "name"}}), names({"a"})).error(), HasSubstr("name"));
  EXPECT_THAT(run_operator("file.read", options({{"max_concurrent", 0}}), names({"a"})).error(),
              HasSubstr("max_concurrent must be from 1"));
}

}  // namespace
}  // namespace penstock
#endif
