// SPDX-License-Identifier: MIT
// The embedded store: ids, metadata, a file that survives a kill. Flushed at the end of each run.
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "vector/embedded_store.h"
#include "workload.h"

namespace penstock::benchmark::vectors {
namespace {

template <class T>
T good(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().to_text().c_str());
  std::exit(1);
}

/// A store in a file that goes away with it.
class Store {
 public:
  Store()
      : path_(std::filesystem::temp_directory_path() / ("vectors_benchmark_" + std::to_string(::getpid()) + ".index")) {
    std::filesystem::remove(path_);
    EmbeddedStoreOptions options;
    options.shape = {kDimension, Metric::kCosine};
    options.graph = {.links = kLinks, .breadth = kLinkBreadth};
    options.search_breadth = kBreadth;
    options.exact_rows = 100;
    store_ = good(open_embedded_store(path_, options));
  }
  ~Store() { std::filesystem::remove(path_); }

  void fill(std::size_t count, int threads) {
    vector_of(0);
    divided(count, threads, kBatch, [&](std::size_t begin, std::size_t end) {
      std::vector<std::string> ids;
      for (std::size_t row = begin; row < end; ++row) ids.push_back(std::to_string(row));
      const std::vector<std::string_view> views(ids.begin(), ids.end());
      const std::vector<std::string_view> metadata(ids.size(), R"({"path":"photos/2024/summer.jpg","width":640})");
      good(store_->insert({views, {vector_of(begin), (end - begin) * kDimension}, metadata}));
    });
    const Status flushed = store_->flush();
    if (!flushed) std::exit(1);
  }
  VectorStore& get() { return *store_; }

 private:
  std::string path_;
  std::unique_ptr<VectorStore> store_;
};

template <int kThreads>
Outcome insert(std::uint64_t count) {
  Store store;
  store.fill(count, kThreads);
  return {.result = good(store.get().count())};
}

template <int kThreads>
Outcome search(std::uint64_t count) {
  static Store& store = [&]() -> Store& {
    static Store made;
    made.fill(kStored, 1);
    nearest();
    return made;
  }();
  return searches(count, kThreads, [&](const float* query, std::vector<std::uint32_t>& rows) {
    for (const Neighbor& found : good(store.get().search({{query, kDimension}, kNeighbors, {}}))) {
      std::uint32_t row = 0;
      std::from_chars(found.id.data(), found.id.data() + found.id.size(), row);
      rows.push_back(row);
    }
  });
}

const Register kRegister({{.group = "insert, 1 thread", .name = "Penstock: insert, flush", .run = insert<1>},
                          {.group = "insert, 2 threads", .name = "Penstock: insert, flush", .run = insert<2>},
                          {.group = "search, 1 thread", .name = "Penstock: search", .run = search<1>},
                          {.group = "search, 2 threads", .name = "Penstock: search", .run = search<2>}});

}  // namespace
}  // namespace penstock::benchmark::vectors
