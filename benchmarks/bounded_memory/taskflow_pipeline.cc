// SPDX-License-Identifier: MIT
// Taskflow's tf::Pipeline, which is bounded by its lines.
#include <taskflow/algorithm/pipeline.hpp>
#include <taskflow/taskflow.hpp>
#include <utility>

#include "workload.h"

namespace penstock::benchmark::bounded_memory {
namespace {

constexpr std::size_t kLines = 64;

Outcome pipeline(std::uint64_t records) {
  SlowSink slow;
  std::vector<Batch> lines(kLines);
  auto source = [&](tf::Pipeflow& flow) {
    const std::uint64_t first = flow.token() * kBatch;
    if (first >= records) return flow.stop();
    make(lines[flow.line()], first, records);
  };
  auto sink = [&](tf::Pipeflow& flow) { slow.take(lines[flow.line()]); };
  tf::Pipeline two_pipes(kLines, tf::Pipe{tf::PipeType::SERIAL, std::move(source)},
                         tf::Pipe{tf::PipeType::SERIAL, std::move(sink)});
  tf::Taskflow flow;
  flow.composed_of(two_pipes);
  tf::Executor().run(flow).wait();
  return slow.outcome();
}

const Register registered(both("Taskflow: Pipeline, 64 lines", pipeline));

}  // namespace
}  // namespace penstock::benchmark::bounded_memory
