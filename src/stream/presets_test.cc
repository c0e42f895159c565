// SPDX-License-Identifier: MIT
// Presets are defaults: what is said beside them wins.
#include "stream/presets.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::calling;
using testing::counting_source;
using testing::error_text;
using ::testing::HasSubstr;

TEST(Preset, OfEveryNameSetsSomethingAndSaysWhat) {
  for (const PresetInfo& info : presets()) {
    const Result<RunOptions> options = preset(info.name);
    ASSERT_TRUE(options) << info.name;
    EXPECT_THAT(preset_text(*options), HasSubstr(std::string(info.name) + " sets ")) << info.name;
  }
}

TEST(Preset, OfAnotherNameIsAnErrorWithTheNearest) {
  EXPECT_THAT(error_text(preset("low_latancy")), HasSubstr("did you mean \"low_latency\"?"));
}

TEST(Preset, LeavesWhatIsSaidExplicitly) {
  RunOptions options{.strategy = threads(3), .batch_size = 10};
  const std::vector<std::string> said = {"strategy", "batch_size"};
  ASSERT_TRUE(apply_preset(options, "streaming", said));
  EXPECT_EQ(options.strategy, threads(3));
  EXPECT_EQ(options.batch_size, 10U);
  EXPECT_EQ(options.queue_depth, 2U);
}

TEST(Preset, KeepsTheNumberOfWorkers) {
  RunOptions options{.strategy = serial(4)};
  ASSERT_TRUE(apply_preset(options, "high_throughput", {}));
  EXPECT_EQ(options.strategy, parallel(4));
}

TEST(Preset, TakesThePlaceOfAnother) {
  RunOptions options;
  options.trace = true;
  ASSERT_TRUE(apply_preset(options, "streaming", {}));
  EXPECT_FALSE(options.trace);
  ASSERT_TRUE(apply_preset(options, "high_throughput", {}));
  EXPECT_TRUE(options.trace);
  EXPECT_EQ(options.batch_size, RunOptions::kDefaultBatchSize);
  EXPECT_EQ(options.queue_depth, RunOptions().queue_depth);
  EXPECT_EQ(options.strategy, parallel);
}

TEST(Preset, IsInThePlanWithWhatIsNotItsOwn) {
  Pipeline pipeline("numbers");
  pipeline.add("count", calling(counting_source(1)), {.name = "source"}, Pipeline::kNone);
  RunOptions options = *preset("low_latency");
  options.queue_depth = 7;
  const Result<Plan> plan = pipeline.plan(options);
  ASSERT_TRUE(plan) << error_text(plan);
  EXPECT_THAT(plan->to_text(), HasSubstr("\n  preset: low_latency sets batch_size = 256; of your own: queue_depth\n"));
  EXPECT_EQ(nlohmann::json::parse(plan->to_json())["preset"], plan->preset);
  EXPECT_EQ(pipeline.plan()->preset, "");
}

}  // namespace
}  // namespace penstock
