// SPDX-License-Identifier: MIT
// Damages files of the embedded store of vectors, with checksums made right again, and searches in what opens: no read
// may leave what was read, and every search must end. The first byte chooses a good file; the rest are changes to it:
// three bytes of place and one of value. The last choice is the rest itself as the blocks of a file.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platform/file.h"
#include "vector/embedded_store.h"
#include "vector/index_file.h"
#include "vector/npy.h"

namespace {

[[noreturn]] void wrong(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

penstock::EmbeddedStoreOptions options(penstock::VectorStore::Shape shape) {
  penstock::EmbeddedStoreOptions made;
  made.shape = shape;
  made.exact_rows = 4;
  return made;
}

std::string good_file(std::uint32_t dimension, penstock::Metric metric, int rows, const char* description = "") {
  const std::string path = std::filesystem::temp_directory_path() / ("vector_fuzz_" + std::to_string(::getpid()));
  penstock::EmbeddedStoreOptions how = options({dimension, metric});
  how.description = description;
  auto store = open_embedded_store(path, how);
  if (!store) wrong("a seed cannot be made");
  for (int row = 0; row < rows; ++row) {
    const std::string id = std::to_string(row % (rows - 1));
    const std::string_view id_view = id;
    const std::string_view metadata = row % 2 == 0 ? R"({"a":1})" : "";
    std::vector<float> vector(dimension, 1.0F);
    vector[0] = static_cast<float>(row);
    if (!(*store)->upsert({{&id_view, 1}, vector, {&metadata, 1}})) wrong("a seed takes no row");
    if (row % 5 == 0 && !(*store)->flush()) wrong("a seed cannot be flushed");
  }
  if (!(*store)->close()) wrong("a seed cannot be closed");
  std::string bytes = penstock::read_file(path).value();
  std::filesystem::remove(path);
  return bytes;
}

const std::vector<std::string>& good_files() {
  static const std::vector<std::string> files = {
      good_file(2, penstock::Metric::kL2, 3), good_file(3, penstock::Metric::kCosine, 30),
      good_file(1, penstock::Metric::kDot, 12), good_file(2, penstock::Metric::kL2, 9, "model of a fuzzer")};
  return files;
}

std::uint64_t sum(const char* bytes, std::size_t size, std::uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes, size, seed);
}

template <class T>
void put(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

// Makes right what would be refused at once: checksums, places of blocks, the mark.
void repair(std::string& file) {
  if (file.size() < penstock::kIndexHeadBytes) return;
  const std::uint64_t of_header = sum(file.data(), 56);
  put(file.data() + 56, of_header);
  std::size_t at = penstock::kIndexHeadBytes;
  while (at + penstock::kIndexBlockHeadBytes <= file.size()) {
    std::uint64_t size = 0;
    std::memcpy(&size, file.data() + at + 8, sizeof size);
    const std::size_t left = file.size() - at - penstock::kIndexBlockHeadBytes;
    if (size > left || size % 8 != 0) put(file.data() + at + 8, std::uint64_t{size = left / 8 * 8});
    put(file.data() + at + 16, std::uint64_t{at});
    put(file.data() + at + 24, sum(file.data() + at + penstock::kIndexBlockHeadBytes, size, sum(file.data() + at, 24)));
    at += penstock::kIndexBlockHeadBytes + size;
  }
  put(file.data() + 64, std::uint64_t{1});
  put(file.data() + 72, std::uint64_t{penstock::kIndexHeadBytes});
  put(file.data() + 80, std::uint64_t{0});
  put(file.data() + 88, sum(file.data() + 64, 24, of_header));
  std::memset(file.data() + 96, 0, 32);
}

void open_and_search(const std::string& bytes) {
  const int descriptor = ::memfd_create("vectors", MFD_CLOEXEC);
  if (descriptor < 0 || ::write(descriptor, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    wrong("no memory for a file");
  penstock::EmbeddedStoreOptions how = options({});
  how.open = penstock::EmbeddedStoreOptions::Open::kRead;
  if (const auto store = open_embedded_store("/proc/self/fd/" + std::to_string(descriptor), how)) {
    const std::vector<float> query((*store)->shape().dimension, 1.0F);
    const auto count = (*store)->count();
    const auto found = (*store)->search({query, 3, {}});
    const auto filtered = (*store)->search({query, 3, {{"a", penstock::Condition::Relation::kEqual, std::int64_t{1}}}});
    if (!count || !found || !filtered) wrong("what was opened cannot be searched");
    if (found->size() != std::min<std::uint64_t>(3, *count)) wrong("a search finds another number of rows");
  }
  ::close(descriptor);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  static_cast<void>(penstock::read_npy_header(rest));
  const std::size_t choice = data[0] % (good_files().size() + 1);
  std::string file = choice < good_files().size() ? good_files()[choice] : good_files()[0].substr(0, 128);
  if (choice == good_files().size()) {
    file += rest;
  } else {
    for (std::size_t at = 1; at + 4 <= size; at += 4) {
      const std::size_t place = data[at] | std::size_t{data[at + 1]} << 8 | std::size_t{data[at + 2]} << 16;
      file[place % file.size()] = static_cast<char>(data[at + 3]);
    }
  }
  open_and_search(file);
  repair(file);
  open_and_search(file);
  return 0;
}
