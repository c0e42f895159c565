// SPDX-License-Identifier: MIT
// Taskflow's tf::Pipeline with default threads, and with as many threads as operators, which the user must know to ask
// for.
#include <array>
#include <taskflow/algorithm/pipeline.hpp>
#include <taskflow/taskflow.hpp>
#include <thread>
#include <utility>

#include "workload.h"

namespace penstock::benchmark::blocking {
namespace {

constexpr std::size_t kLines = 8;

Outcome run(std::uint64_t batches, std::size_t threads) {
  std::array<std::uint64_t, kLines> lines{};
  std::uint64_t hash = 0;
  auto source = [&](tf::Pipeflow& flow) {
    if (flow.token() == batches) return flow.stop();
    work(lines[flow.line()] = flow.token(), 0);
  };
  const auto step = [&](std::uint64_t number) {
    return tf::Pipe{tf::PipeType::SERIAL, [&lines, number](tf::Pipeflow& flow) { work(lines[flow.line()], number); }};
  };
  auto sink = [&](tf::Pipeflow& flow) {
    work(lines[flow.line()], 3);
    fold(hash, lines[flow.line()]);
  };
  tf::Pipeline pipeline(kLines, tf::Pipe{tf::PipeType::SERIAL, std::move(source)}, step(1), step(2),
                        tf::Pipe{tf::PipeType::SERIAL, std::move(sink)});
  tf::Taskflow flow;
  flow.composed_of(pipeline);
  tf::Executor(threads).run(flow).wait();
  return {.result = hash};
}

Outcome with_default_threads(std::uint64_t batches) { return run(batches, std::thread::hardware_concurrency()); }
Outcome with_four_threads(std::uint64_t batches) { return run(batches, 4); }

const Register registered({{kGroup, "Taskflow: Pipeline, default threads", with_default_threads},
                           {kGroup, "Taskflow: Pipeline, told to use 4 threads", with_four_threads}});

}  // namespace
}  // namespace penstock::benchmark::blocking
