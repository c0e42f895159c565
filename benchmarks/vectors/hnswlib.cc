// SPDX-License-Identifier: MIT
// The bare library, compiled for this machine's processor: no ids but numbers, no metadata, no file.
#include <hnswlib/hnswlib.h>

#include "workload.h"

namespace penstock::benchmark::vectors {
namespace {

using Graph = hnswlib::HierarchicalNSW<float>;

hnswlib::InnerProductSpace& space() {
  static hnswlib::InnerProductSpace made(kDimension);
  return made;
}

void fill(Graph& graph, std::size_t count, int threads) {
  divided(count, threads, kBatch, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) graph.addPoint(vector_of(row), row);
  });
}

template <int kThreads>
Outcome insert(std::uint64_t count) {
  Graph graph(&space(), count, kLinks, kLinkBreadth);
  vector_of(0);
  fill(graph, count, kThreads);
  return {.result = graph.cur_element_count};
}

template <int kThreads>
Outcome search(std::uint64_t count) {
  static const Graph& graph = [&]() -> const Graph& {
    static Graph made(&space(), kStored, kLinks, kLinkBreadth);
    fill(made, kStored, 1);
    made.setEf(kBreadth);
    nearest();
    return made;
  }();
  return searches(count, kThreads, [&](const float* query, std::vector<std::uint32_t>& rows) {
    for (auto found = graph.searchKnn(query, kNeighbors); !found.empty(); found.pop())
      rows.push_back(static_cast<std::uint32_t>(found.top().second));
  });
}

const Register kRegister(
    {{.group = "insert, 1 thread", .name = "hnswlib: addPoint", .run = insert<1>, .baseline = true},
     {.group = "insert, 2 threads", .name = "hnswlib: addPoint", .run = insert<2>, .baseline = true},
     {.group = "search, 1 thread", .name = "hnswlib: searchKnn", .run = search<1>, .baseline = true},
     {.group = "search, 2 threads", .name = "hnswlib: searchKnn", .run = search<2>, .baseline = true}});

}  // namespace
}  // namespace penstock::benchmark::vectors
