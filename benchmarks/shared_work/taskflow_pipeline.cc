// SPDX-License-Identifier: MIT
// Taskflow's tf::Pipeline: a source and a sink in order, the work in parallel between them; single records, and batches
// of 64.
#include <algorithm>
#include <array>
#include <taskflow/algorithm/pipeline.hpp>
#include <taskflow/taskflow.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "workload.h"

namespace penstock::benchmark::shared_work {
namespace {

constexpr std::size_t kLines = 16;

template <std::uint64_t (*kWork)(std::uint64_t), std::uint64_t kRecords>
Outcome run(std::uint64_t records, std::size_t threads) {
  std::array<std::array<std::uint64_t, kRecords>, kLines> lines{};
  std::uint64_t hash = 0;
  const auto size_of = [records](std::uint64_t token) { return std::min(kRecords, records - token * kRecords); };
  auto source = [&](tf::Pipeflow& flow) {
    if (flow.token() * kRecords >= records) return flow.stop();
    for (std::uint64_t i = 0; i < size_of(flow.token()); ++i) lines[flow.line()][i] = flow.token() * kRecords + i;
  };
  auto work = [&](tf::Pipeflow& flow) {
    for (std::uint64_t i = 0; i < size_of(flow.token()); ++i) lines[flow.line()][i] = kWork(lines[flow.line()][i]);
  };
  auto sink = [&](tf::Pipeflow& flow) {
    for (std::uint64_t i = 0; i < size_of(flow.token()); ++i) fold(hash, lines[flow.line()][i]);
  };
  tf::Pipeline pipeline(kLines, tf::Pipe{tf::PipeType::SERIAL, std::move(source)},
                        tf::Pipe{tf::PipeType::PARALLEL, std::move(work)},
                        tf::Pipe{tf::PipeType::SERIAL, std::move(sink)});
  tf::Taskflow flow;
  flow.composed_of(pipeline);
  tf::Executor(threads).run(flow).wait();
  return {.result = hash};
}

std::size_t cores() { return std::thread::hardware_concurrency(); }

Outcome calculate_records(std::uint64_t records) { return run<calculate, 1>(records, cores()); }
Outcome calculate_batches(std::uint64_t records) { return run<calculate, kBatch>(records, cores()); }
Outcome wait_with_default_threads(std::uint64_t records) { return run<wait, 1>(records, cores()); }
Outcome wait_with_sixteen_threads(std::uint64_t records) { return run<wait, 1>(records, kWaitingWorkers); }

const Register registered({
    {kArithmetic, "Taskflow: Pipeline, records", calculate_records},
    {kArithmetic, "Taskflow: Pipeline, batches of 64", calculate_batches},
    {kWaits, "Taskflow: Pipeline, default threads", wait_with_default_threads, false, kWaitingRecords},
    {kWaits, "Taskflow: Pipeline, told to use 16", wait_with_sixteen_threads, false, kWaitingRecords},
});

}  // namespace
}  // namespace penstock::benchmark::shared_work
