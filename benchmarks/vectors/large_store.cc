// SPDX-License-Identifier: MIT
// One store of many vectors, at its default settings: how long filling and opening it take, and how much of what is
// nearest its searches find. Prints a line per fact.
//   vectors_large embedded FILE [ROWS] [DIMENSION]    the store that comes with the library
//   vectors_large postgres ADDRESS [ROWS] [DIMENSION] rows per second into a table without an index, and into one with
//   it
#include <penstock/vector_store.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using penstock::Condition;
using penstock::Metric;
using penstock::Neighbor;
using penstock::Result;
using penstock::Status;
using penstock::VectorStore;
using penstock::VectorStoreOptions;

constexpr std::size_t kBatch = 256;  // as vector.write has it
constexpr std::size_t kQueries = 200;
constexpr std::size_t kNeighbors = 10;

template <class T>
T good(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().to_text().c_str());
  std::exit(1);
}
void good(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", status.error().to_text().c_str());
  std::exit(1);
}

/// Seeded; with `groups` around 200 random centres, as pictures of few subjects give them, else without any order.
class Vectors {
 public:
  Vectors(std::size_t dimension, bool groups) : dimension_(dimension), groups_(groups), centres_(200 * dimension) {
    for (float& value : centres_) value = normal_(random_);
  }
  void append_to(std::vector<float>& all) {
    const std::size_t centre = random_() % 200;
    for (std::size_t i = 0; i < dimension_; ++i)
      all.push_back((groups_ ? centres_[centre * dimension_ + i] + 0.5F * normal_(random_) : normal_(random_)));
  }

 private:
  std::size_t dimension_;
  bool groups_;
  std::mt19937_64 random_{42};
  std::normal_distribution<float> normal_;
  std::vector<float> centres_;
};

/// Seconds that this process spent on processors, which others who use the machine change less.
double processor_seconds_of(const std::function<void()>& work) {
  const std::clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void put(VectorStore& store, Vectors& vectors, std::size_t begin, std::size_t end) {
  for (std::size_t row = begin; row < end; row += kBatch) {
    std::vector<std::string> ids;
    std::vector<float> values;
    for (std::size_t i = row; i < std::min(end, row + kBatch); ++i) {
      ids.push_back("photos/" + std::to_string(i) + ".jpg");
      vectors.append_to(values);
    }
    const std::vector<std::string_view> views(ids.begin(), ids.end());
    const std::vector<std::string_view> metadata(ids.size(), R"({"year":2024,"width":640})");
    good(store.upsert({views, values, metadata}));
  }
}

VectorStoreOptions how(std::size_t dimension, VectorStoreOptions::Open open = VectorStoreOptions::Open::kCreate) {
  VectorStoreOptions options;
  options.open = open;
  options.shape = {static_cast<std::uint32_t>(dimension), Metric::kCosine};
  return options;
}

// A filter that all fulfil makes a search look at every row.
void print_recall(const VectorStore& store, Vectors& vectors) {
  const std::vector<Condition> all = {{"no such key", Condition::Relation::kUnequal, true}};
  std::size_t hits = 0;
  double walking = 0, looking = 0;
  for (std::size_t i = 0; i < kQueries; ++i) {
    std::vector<float> query;
    vectors.append_to(query);
    std::vector<Neighbor> exact, found;
    looking += processor_seconds_of([&] { exact = good(store.search({query, kNeighbors, all})); });
    walking += processor_seconds_of([&] { found = good(store.search({query, kNeighbors, {}})); });
    for (const Neighbor& each : found)
      hits += static_cast<std::size_t>(std::ranges::count(exact, each.id, &Neighbor::id));
  }
  std::printf("recall@10 %.4f; processor time here: search %.0f us, exact with a filter %.0f us\n",
              static_cast<double>(hits) / (kQueries * kNeighbors), walking / kQueries * 1e6, looking / kQueries * 1e6);
}

void measure_embedded(const std::string& file, std::size_t rows, std::size_t dimension) {
  for (const bool groups : {true, false}) {
    std::filesystem::remove(file);
    Vectors vectors(dimension, groups);
    auto store = good(penstock::open_vector_store(file, how(dimension)));
    const double filling = processor_seconds_of([&] {
      put(*store, vectors, 0, rows);
      good(store->close());
    });
    store.reset();
    std::printf("%s: %zu x %zu filled in %.1f processor seconds, %.1f MB\n", groups ? "groups" : "no groups", rows,
                dimension, filling, static_cast<double>(std::filesystem::file_size(file)) / 1e6);
    for (int time = 0; time < 3; ++time) {
      std::unique_ptr<VectorStore> opened;
      const double opening = processor_seconds_of(
          [&] { opened = good(penstock::open_vector_store(file, how(0, VectorStoreOptions::Open::kRead))); });
      std::printf("opened in %.3f processor seconds\n", opening);
      if (time == 2) print_recall(*opened, vectors);
    }
  }
}

void measure_postgres(const std::string& address, std::size_t rows, std::size_t dimension) {
  Vectors vectors(dimension, true);
  auto store = good(penstock::open_vector_store(address, how(dimension)));
  const double loading = seconds_of([&] { put(*store, vectors, 0, rows); });
  std::printf("no index: %.0f rows/s\n", static_cast<double>(rows) / loading);
  const double indexing = seconds_of([&] { good(store->close()); });
  std::printf("index of %zu rows: %.1f s\n", rows, indexing);
  store = good(penstock::open_vector_store(address, how(dimension)));
  const std::size_t more = rows / 5;
  const double adding = seconds_of([&] { put(*store, vectors, rows, rows + more); });
  std::printf("into the index: %.0f rows/s\n", static_cast<double>(more) / adding);
  print_recall(*store, vectors);
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string kind = argc > 2 ? argv[1] : "";
  const auto number = [&](int at, std::size_t otherwise) {
    return argc > at ? static_cast<std::size_t>(std::strtoull(argv[at], nullptr, 10)) : otherwise;
  };
  if (kind == "embedded") {
    measure_embedded(argv[2], number(3, 100'000), number(4, 128));
  } else if (kind == "postgres") {
    measure_postgres(argv[2], number(3, 5'000), number(4, 512));
  } else {
    std::fprintf(stderr, "usage: %s embedded|postgres WHERE [ROWS] [DIMENSION]\n", argv[0]);
    return 2;
  }
}
