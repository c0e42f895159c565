// SPDX-License-Identifier: MIT
// Taskflow's tf::Pipeline with four serial pipes, eight lines, default threads. Each line has a buffer of its own.
#include <algorithm>
#include <taskflow/algorithm/pipeline.hpp>
#include <taskflow/taskflow.hpp>
#include <utility>
#include <vector>

#include "workload.h"

namespace penstock::benchmark::hop {
namespace {

constexpr std::size_t kLines = 8;

template <typename Work>
Outcome run(std::uint64_t records, std::size_t batch_size) {
  std::vector<std::vector<typename Work::Record>> lines(kLines);
  std::uint64_t hash = 0;
  auto source = [&](tf::Pipeflow& flow) {
    const std::uint64_t first = flow.token() * batch_size;
    if (first >= records) return flow.stop();
    auto& batch = lines[flow.line()];
    batch.resize(static_cast<std::size_t>(std::min<std::uint64_t>(batch_size, records - first)));
    for (std::size_t i = 0; i < batch.size(); ++i) Work::make(first + i, batch[i]);
  };
  const auto each = [&](auto work) {
    return tf::Pipe{tf::PipeType::SERIAL, [&lines, work](tf::Pipeflow& flow) {
                      for (auto& record : lines[flow.line()]) work(record);
                    }};
  };
  tf::Pipeline pipeline(kLines, tf::Pipe{tf::PipeType::SERIAL, std::move(source)},
                        each([](auto& record) { Work::f(record); }), each([](auto& record) { Work::g(record); }),
                        each([&hash](auto& record) { Work::sink(hash, record); }));
  tf::Taskflow flow;
  flow.composed_of(pipeline);
  tf::Executor().run(flow).wait();
  return {.result = hash};
}

template <typename Work>
Outcome by_record(std::uint64_t records) {
  return run<Work>(records, 1);
}
template <typename Work>
Outcome by_batch(std::uint64_t records) {
  return run<Work>(records, kBatch);
}

const Register registered({{kNumbersOneByOne, "Taskflow: Pipeline, 8 lines", by_record<Numbers>},
                           {kOrdersOneByOne, "Taskflow: Pipeline, 8 lines", by_record<Orders>},
                           {kNumbersInBatches, "Taskflow: Pipeline, 8 lines", by_batch<Numbers>},
                           {kOrdersInBatches, "Taskflow: Pipeline, 8 lines", by_batch<Orders>}});

}  // namespace
}  // namespace penstock::benchmark::hop
