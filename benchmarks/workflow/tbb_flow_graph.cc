// SPDX-License-Identifier: MIT
// oneTBB's flow graph: a node per stage, an edge per need, default threads.
#include <oneapi/tbb/flow_graph.h>

#include <deque>
#include <vector>

#include "timing.h"

namespace penstock::benchmark {
namespace {

constexpr std::size_t kWidth = 100;

Outcome flow_graph(std::uint64_t stages) {
  using Node = tbb::flow::continue_node<tbb::flow::continue_msg>;
  tbb::flow::graph graph;
  std::vector<std::uint64_t> values(stages, 0);
  std::deque<Node> nodes;
  for (std::size_t i = 0; i < stages; ++i) {
    nodes.emplace_back(
        graph, [&values, i](const tbb::flow::continue_msg&) { values[i] = (i < kWidth ? 0 : values[i - kWidth]) + 1; });
    if (i >= kWidth) tbb::flow::make_edge(nodes[i - kWidth], nodes[i]);
  }
  for (std::size_t i = 0; i < kWidth && i < stages; ++i) nodes[i].try_put(tbb::flow::continue_msg());
  graph.wait_for_all();
  std::uint64_t sum = 0;
  for (const std::uint64_t value : values) sum += value;
  return {.result = sum};
}

const Register contenders({{"stages", "oneTBB: flow graph", flow_graph, false, 0}});

}  // namespace
}  // namespace penstock::benchmark
