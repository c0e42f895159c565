// SPDX-License-Identifier: MIT
// oneTBB: parallel_pipeline, which is bounded by its tokens, and a flow graph, whose nodes queue without bound by
// default.
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/parallel_pipeline.h>

#include <memory>

#include "workload.h"

namespace penstock::benchmark::bounded_memory {
namespace {

using Shared = std::shared_ptr<Batch>;

Shared next_batch(std::uint64_t& first, std::uint64_t records) {
  auto batch = std::make_shared<Batch>();
  make(*batch, first, records);
  first += kBatch;
  return batch;
}

Outcome pipeline(std::uint64_t records) {
  constexpr auto kInOrder = tbb::filter_mode::serial_in_order;
  SlowSink sink;
  std::uint64_t first = 0;
  const auto source = [&](tbb::flow_control& control) -> Shared {
    if (first >= records) return control.stop(), nullptr;
    return next_batch(first, records);
  };
  tbb::parallel_pipeline(64, tbb::make_filter<void, Shared>(kInOrder, source) &
                                 tbb::make_filter<Shared, void>(kInOrder, [&](const Shared& b) { sink.take(*b); }));
  return sink.outcome();
}

Outcome flow_graph(std::uint64_t records) {
  SlowSink sink;
  std::uint64_t first = 0;
  tbb::flow::graph graph;
  tbb::flow::input_node<Shared> source(graph, [&](tbb::flow_control& control) -> Shared {
    if (first >= records) return control.stop(), nullptr;
    return next_batch(first, records);
  });
  tbb::flow::function_node<Shared> slow(graph, tbb::flow::serial, [&](const Shared& batch) { sink.take(*batch); });
  tbb::flow::make_edge(source, slow);
  source.activate();
  graph.wait_for_all();
  return sink.outcome();
}

const Register bounded(both("oneTBB: parallel_pipeline, 64 tokens", pipeline));
const Register unbounded(both("oneTBB: flow graph, queueing nodes", flow_graph));

}  // namespace
}  // namespace penstock::benchmark::bounded_memory
