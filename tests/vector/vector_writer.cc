// SPDX-License-Identifier: MIT
// What kill_test.py kills: fills a store of vectors, or prints what is in it.
//   vector_writer write PATH   puts batches, flushes after every second one; prints "flushed N" when N of them are safe
//   vector_writer print PATH   prints "ID VERSION" of every row, in order of ids, having looked for each by its vector
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "vector/embedded_store.h"

namespace {

using penstock::EmbeddedStoreOptions;
using penstock::Error;
using penstock::Status;
using penstock::VectorStore;

constexpr int kBatches = 20;
constexpr int kRowsPerBatch = 5;
constexpr int kIds = 24;

// Both as text and as a vector a row tells which batch it is of.
std::string metadata_of(int version) { return "{\"version\":" + std::to_string(version) + "}"; }

std::vector<float> vector_of(int id, int version) {
  return {static_cast<float>(id), static_cast<float>(version), 1.0F, 0.25F};
}

EmbeddedStoreOptions options(EmbeddedStoreOptions::Open open) {
  EmbeddedStoreOptions made;
  made.open = open;
  made.shape = {open == EmbeddedStoreOptions::Open::kRead ? 0U : 4U, penstock::Metric::kL2};
  made.exact_rows = 8;  // so that there is a graph
  return made;
}

Status put(VectorStore& store, int batch) {
  std::vector<std::string> ids;
  std::vector<float> vectors;
  for (int row = 0; row < kRowsPerBatch; ++row) {
    const int id = (batch * kRowsPerBatch + row) % kIds;
    ids.push_back(std::to_string(id));
    const std::vector<float> vector = vector_of(id, batch);
    vectors.insert(vectors.end(), vector.begin(), vector.end());
  }
  const std::string about = metadata_of(batch);
  const std::vector<std::string_view> id_views(ids.begin(), ids.end());
  const std::vector<std::string_view> metadata(ids.size(), about);
  PENSTOCK_TRY(store.upsert({id_views, vectors, metadata}));
  return {};
}

void say(const char* what, int batches) {
  const std::string line = std::string(what) + " " + std::to_string(batches) + "\n";
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) ::_exit(4);
}

Status write(const std::string& path) {
  PENSTOCK_ASSIGN(auto store, open_embedded_store(path, options(EmbeddedStoreOptions::Open::kCreate)));
  for (int batch = 0; batch < kBatches; ++batch) {
    PENSTOCK_TRY(put(*store, batch));
    if (batch % 2 == 0) continue;
    PENSTOCK_TRY(store->flush());
    say("flushed", batch + 1);
  }
  PENSTOCK_TRY(store->close());
  say("closed", kBatches);
  return {};
}

Status print(const std::string& path) {
  PENSTOCK_ASSIGN(const auto store, open_embedded_store(path, options(EmbeddedStoreOptions::Open::kRead)));
  PENSTOCK_ASSIGN(const auto all, store->search({vector_of(0, 0), 1000, {}}));
  PENSTOCK_ASSIGN(const std::uint64_t count, store->count());
  if (count != all.size()) return Error(penstock::ErrorCode::kInternal, "it has another number of rows than it finds");
  std::map<std::string, std::string> rows;
  for (const penstock::Neighbor& row : all) {
    const int version = std::stoi(row.metadata.substr(row.metadata.find(':') + 1));
    PENSTOCK_ASSIGN(const auto found, store->search({vector_of(std::stoi(row.id), version), 1, {}}));
    if (found.size() != 1 || found[0].id != row.id || found[0].distance != 0)
      return Error(penstock::ErrorCode::kInternal, "a row has another vector than was put: " + row.id);
    rows[row.id] = std::to_string(version);
  }
  for (const auto& [id, version] : rows) std::printf("%s %s\n", id.c_str(), version.c_str());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const Status done = std::strcmp(argv[1], "write") == 0 ? write(argv[2]) : print(argv[2]);
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().to_text().c_str());
  return done.error().code() == penstock::ErrorCode::kInternal ? 3 : 1;
}
