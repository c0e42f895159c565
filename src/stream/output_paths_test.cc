// SPDX-License-Identifier: MIT
#include "stream/output_paths.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

Pipeline with_sinks(const std::string& first, const std::string& second, const ErrorPolicy& policy = fail()) {
  Pipeline pipeline;
  pipeline.add("csv.read", {{"path", "in.csv"}}, {.on_error = policy}, Pipeline::kNone);
  pipeline.add("csv.write", {{"path", first}});
  pipeline.add("json.write", {{"path", second}});
  return pipeline;
}

TEST(OutputPaths, MayNotBeSharedByTwoSinks) {
  const Status status = check_output_paths(with_sinks("out/o.csv", "out/./o.csv"), {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(),
            "out/./o.csv is the output of \"json.write\" and the output of \"csv.write\"; one would replace the other");
}

TEST(OutputPaths, MayNotBeQuarantineToo) {
  EXPECT_FALSE(check_output_paths(with_sinks("o.csv", "bad.jsonl", quarantine("bad.jsonl")), {}));
  EXPECT_FALSE(check_output_paths(with_sinks("o.csv", "./quarantine.jsonl", quarantine()), {}));
}

TEST(OutputPaths, QuarantineMayNotReplaceTheInput) {
  EXPECT_FALSE(check_output_paths(with_sinks("o.csv", "o.jsonl", quarantine("in.csv")), {}));
}

TEST(OutputPaths, MayDifferOrBeDevices) {
  EXPECT_TRUE(check_output_paths(with_sinks("o.csv", "o.jsonl", quarantine("bad.jsonl")), {}));
  EXPECT_TRUE(check_output_paths(with_sinks("/dev/null", "/dev/null"), {}));
}

class OutputOntoInput : public ::testing::Test {
 protected:
  void SetUp() override { put("in.csv"); }
  void put(const std::string& name) { std::ofstream(folder_.file(name)) << "n\n1\n"; }

  // The error of a pipeline that reads `from` and writes to `to`, both in the folder.
  std::string error(OptionValue from, const std::string& to) {
    Pipeline pipeline;
    pipeline.add("csv.read", {{"path", std::move(from)}});
    pipeline.add("csv.write", {{"path", folder_.file(to)}});
    const Status status = check_output_paths(pipeline, {});
    return status ? "" : status.error().message();
  }

  testing::TemporaryFolder folder_;
};

TEST_F(OutputOntoInput, IsRefusedHoweverItIsSpelled) {
  EXPECT_EQ(error(folder_.file("in.csv"), "in.csv"),
            folder_.file("in.csv") +
                " is the output of \"csv.write\" and an input of \"csv.read\"; "
                "the run would replace what it reads");
  EXPECT_NE(error(folder_.file("./in.csv"), "in.csv"), "");
  EXPECT_NE(error(OptionValue::List{folder_.file("other.csv"), folder_.file("in.csv")}, "in.csv"), "");
  EXPECT_EQ(error(folder_.file("in.csv"), "out.csv"), "");
}

TEST_F(OutputOntoInput, IsRefusedThroughLinks) {
  fs::create_symlink("in.csv", folder_.file("soft.csv"));
  fs::create_hard_link(folder_.file("in.csv"), folder_.file("hard.csv"));
  fs::create_directory_symlink(".", folder_.file("here"));
  for (const char* name : {"soft.csv", "hard.csv", "here/in.csv"}) {
    EXPECT_NE(error(folder_.file("in.csv"), name), "") << name;
    EXPECT_NE(error(folder_.file(name), "in.csv"), "") << name;
  }
}

TEST_F(OutputOntoInput, IsRefusedWhenAGlobMatchesIt) {
  EXPECT_NE(error(folder_.file("*.csv"), "in.csv"), "");
  EXPECT_NE(error(folder_.file("*.csv"), "not_there_yet.csv"), "");
  EXPECT_NE(error(folder_.file("./[a-z]*"), "out.csv"), "");
  EXPECT_EQ(error(folder_.file("*.csv"), "out.jsonl"), "");
  EXPECT_EQ(error(folder_.file("*.csv"), "out/in.csv"), "");
}

TEST_F(OutputOntoInput, IsRefusedForTheTableOfAJoin) {
  Pipeline pipeline;
  pipeline.add("generate", {{"records", 1}});
  pipeline.add("join", {{"path", folder_.file("in.csv")}, {"on", "n"}});
  pipeline.add("csv.write", {{"path", folder_.file("in.csv")}});
  EXPECT_FALSE(check_output_paths(pipeline, {}));
}

TEST_F(OutputOntoInput, MayBeTheSameDeviceOrPipe) {
  ASSERT_EQ(mkfifo(folder_.file("pipe").c_str(), 0600), 0);
  EXPECT_EQ(error(folder_.file("pipe"), "pipe"), "");
}

}  // namespace
}  // namespace penstock
