// SPDX-License-Identifier: MIT
#include "stream/output_paths.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

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

}  // namespace
}  // namespace penstock
