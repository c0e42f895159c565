// SPDX-License-Identifier: MIT
// The scheduler by itself, and whole runs of a workflow with their store, in a folder of their own.
#include <penstock/workflow.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "timing.h"
#include "workflow/schedule.h"

namespace penstock::benchmark {
namespace {

constexpr std::size_t kWidth = 100;

class AddOne final : public StageWork {
 public:
  explicit AddOne(std::size_t stages) : values(stages, 0) {}
  WorkEnd work(std::size_t stage) override {
    values[stage] = (stage < kWidth ? 0 : values[stage - kWidth]) + 1;
    return {};
  }
  std::vector<std::uint64_t> values;
};

Outcome scheduled(std::uint64_t stages) {
  StageGraph graph;
  graph.needs.resize(stages);
  graph.dependents.resize(stages);
  graph.fallback.assign(stages, StageGraph::kNone);
  graph.fallback_of.assign(stages, StageGraph::kNone);
  graph.runs_with.assign(stages, StageGraph::kNone);
  for (std::size_t i = kWidth; i < stages; ++i) {
    graph.needs[i].push_back({i - kWidth, true, false});
    graph.dependents[i - kWidth].push_back(i);
  }
  AddOne work(stages);
  ScheduleLimits limits;
  limits.max_parallel = 2;
  if (!run_schedule(graph, limits, work)) std::abort();
  std::uint64_t sum = 0;
  for (const std::uint64_t value : work.values) sum += value;
  return {.result = sum};
}

Outcome run_in_store(std::uint64_t stages, bool durable) {
  Workflow flow("stages");
  flow.settings().max_parallel = 2;
  flow.settings().durable = durable;
  std::vector<StageHandle<std::uint64_t>> handles;
  for (std::size_t i = 0; i < stages; ++i) {
    StageOptions options;
    options.name = "s" + std::to_string(i);
    handles.push_back(
        i < kWidth
            ? flow.stage(
                  std::move(options), []() -> std::uint64_t { return 1; })
            : flow.stage(std::move(options), [](std::uint64_t value) { return value + 1; }, handles[i - kWidth]));
  }
  std::string folder = (std::filesystem::temp_directory_path() / "penstock_benchmark_XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) std::abort();
  FileRunOptions options;
  options.store = folder;
  const Result<FileRun> run = flow.run(options);
  std::int64_t first = run->stages.front().started_micros;
  double last = 0;
  for (const StageRun& stage : run->stages) {
    first = std::min(first, stage.started_micros);
    last = std::max(last, static_cast<double>(stage.started_micros) + stage.duration_seconds * 1e6);
  }
  std::fprintf(stderr, "%.1f us per stage from the begin of the first to the end of the last\n",
               (last - static_cast<double>(first)) / static_cast<double>(stages));
  std::uint64_t sum = 0;
  for (const StageHandle<std::uint64_t>& handle : handles) sum += flow.value(*run, handle).value();
  std::filesystem::remove_all(folder);
  return {.result = sum};
}

const Register contenders({{"stages", "Penstock: the schedule alone, 2 threads", scheduled, false, 0},
                           {"stages", "Penstock: a run with its store (and reading and removing it)",
                            [](std::uint64_t stages) { return run_in_store(stages, false); }, false, 0}});

}  // namespace
}  // namespace penstock::benchmark
