// SPDX-License-Identifier: MIT
// Runs in one process leave nothing behind: no memory, no descriptor, no shared memory, no thread, no process.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/wait.h>

#include <filesystem>
#include <iostream>

#include "base/thorough.h"
#include "sample_pipelines.h"
#include "stream/stream_kit.h"

namespace penstock::conformance {
namespace {

std::size_t entries_of(const char* folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

/// What the process holds at a moment between two runs.
struct Holdings {
  std::size_t heap_bytes = mallinfo2().uordblks + mallinfo2().hblkhd;
  std::size_t descriptors = entries_of("/proc/self/fd");
  std::size_t threads = entries_of("/proc/self/task");
  bool children = ::waitpid(-1, nullptr, WNOHANG) != -1;
};

class Soak : public ::testing::TestWithParam<std::string> {
 protected:
  Soak() { write_sample_inputs(folder_.path()); }

  void run_once() {
    Pipeline pipeline("soak");
    pipeline.add("csv.read",
                 {{"path", folder_.file("orders.csv")}, {"types", OptionValue::Table{{"price", "float64"}}}},
                 {.on_error = skip()}, Pipeline::kNone);
    pipeline.add("derive", {{"set", OptionValue::Table{{"twice", "price * 2"}}}}, {.on = processes(1)});
    pipeline.add("aggregate", {{"by", "category"}, {"compute", OptionValue::Table{{"total", "sum(twice)"}}}});
    pipeline.add("csv.write", {{"path", folder_.file("out.csv")}});
    RunOptions options;
    options.strategy = {GetParam()};
    options.batch_size = 100;
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << report.error().to_text();
  }

  testing::TemporaryFolder folder_;
};

TEST_P(Soak, OfManyRunsGrowsByLessThanAKibibyteARun) {
  const int warm_up = 20;
  const int runs = testing::is_thorough() ? 1000 : 100;
  for (int i = 0; i < warm_up; ++i) run_once();
  ::malloc_trim(0);
  const std::size_t segments = entries_of("/dev/shm");
  const Holdings before;
  for (int i = 0; i < runs && !HasFailure(); ++i) run_once();
  const Holdings after;
  EXPECT_EQ(after.descriptors, before.descriptors);
  EXPECT_EQ(after.threads, before.threads);
  EXPECT_FALSE(after.children);
  EXPECT_EQ(entries_of("/dev/shm"), segments);
  const auto growth = static_cast<double>(after.heap_bytes) - static_cast<double>(before.heap_bytes);
  if (!testing::kSanitized) {
    EXPECT_LT(growth / runs, 1024) << "bytes a run";
  }
  std::cout << fmt::format("{} runs: {:.1f} bytes a run, {} descriptors\n", runs, growth / runs, after.descriptors);
}

std::vector<std::string> strategy_names() {
  std::vector<std::string> names;
  for (const StrategyInfo& strategy : all_strategies()) names.push_back(strategy.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Every, Soak, ::testing::ValuesIn(strategy_names()),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace penstock::conformance
