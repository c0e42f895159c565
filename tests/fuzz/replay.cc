// SPDX-License-Identifier: MIT
// Runs a fuzzer as an ordinary test: every file of the corpus folder, then a fixed number of seeded mutations of these.
// PENSTOCK_FUZZ_SEED and PENSTOCK_FUZZ_RUNS change the seed (1) and the number (3,000). What was tried last before a
// crash is written to the working folder, so that the program can be given that file to replay it.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// Given by the sanitizers only: they end the process without a signal.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

namespace fs = std::filesystem;
using Input = std::vector<std::uint8_t>;

constexpr std::size_t kMostBytes = 4096;  // of a mutation: short inputs find more per second

const Input* current = nullptr;
char crash_path[] = "fuzz-crash-XXXXXX";

// Only what may be called inside a signal handler.
void save_current() {
  if (current == nullptr) return;
  const int file = mkstemp(crash_path);
  if (file < 0) return;
  const bool whole = write(file, current->data(), current->size()) == static_cast<ssize_t>(current->size());
  close(file);
  const char said[] = "\nthe input that did it is in ./";
  if (!whole || write(2, said, sizeof said - 1) < 0 || write(2, crash_path, sizeof crash_path - 1) < 0) return;
  if (write(2, "\n", 1) < 0) return;
}

void on_signal(int signal) {
  save_current();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Input& input) {
  current = &input;
  LLVMFuzzerTestOneInput(input.data(), input.size());
  current = nullptr;
}

Input read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Input(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

// The files that the arguments name, and those in the folders they name, in the order of their names.
std::vector<Input> read_corpus(int argc, char** argv) {
  std::vector<fs::path> paths;
  for (int i = 1; i < argc; ++i) {
    if (fs::is_directory(argv[i])) {
      for (const auto& entry : fs::directory_iterator(argv[i])) paths.push_back(entry.path());
    } else if (fs::exists(argv[i])) {
      paths.emplace_back(argv[i]);
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Input> corpus;
  for (const auto& path : paths) corpus.push_back(read_file(path));
  return corpus;
}

class Mutator {
 public:
  Mutator(const std::vector<Input>& corpus, std::uint64_t seed) : corpus_(corpus), random_(seed) {}

  Input next() {
    Input input = corpus_.empty() ? Input() : corpus_[below(corpus_.size())];
    input.resize(std::min(input.size(), kMostBytes));
    for (std::size_t i = 0, steps = 1 + below(6); i < steps; ++i) mutate(input);
    return input;
  }

 private:
  std::size_t below(std::size_t end) { return end == 0 ? 0 : static_cast<std::size_t>(random_() % end); }
  static Input::iterator at(Input& input, std::size_t position) {
    return input.begin() + static_cast<Input::difference_type>(position);
  }

  void mutate(Input& input) {
    const std::size_t position = below(input.size() + 1);
    const std::size_t length = std::min(below(16) + 1, input.size() - position);
    const Input piece(at(input, position), at(input, position + length));
    switch (below(6)) {
      case 0: input.insert(at(input, position), static_cast<std::uint8_t>(random_())); break;
      case 1: input.insert(at(input, position), interesting()); break;
      case 2: input.erase(at(input, position), at(input, position + length)); break;
      case 3: input.insert(at(input, below(input.size() + 1)), piece.begin(), piece.end()); break;
      case 4: splice(input); break;
      default:
        if (length > 0) input[position] ^= static_cast<std::uint8_t>(1U << below(8));
    }
    if (input.size() > kMostBytes) input.resize(kMostBytes);
  }

  // Bytes that mean something to parsers.
  std::uint8_t interesting() {
    static constexpr char kBytes[] = "\"\"\n\r,;\t\\ {}[]()=.+-eE019'#:aN\0\xff\xef\x80";
    return static_cast<std::uint8_t>(kBytes[below(sizeof kBytes - 1)]);
  }

  // Continues with the tail of another seed.
  void splice(Input& input) {
    if (corpus_.empty()) return;
    const Input& other = corpus_[below(corpus_.size())];
    input.resize(below(input.size() + 1));
    input.insert(input.end(), other.begin() + static_cast<Input::difference_type>(below(other.size() + 1)),
                 other.end());
  }

  const std::vector<Input>& corpus_;
  std::mt19937_64 random_;
};

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL}) std::signal(signal, on_signal);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(save_current);
  const auto seed = number_from_environment("PENSTOCK_FUZZ_SEED", 1);
  const auto runs = number_from_environment("PENSTOCK_FUZZ_RUNS", 3000);
  const auto corpus = read_corpus(argc, argv);
  std::printf("%zu inputs, then %llu mutations with PENSTOCK_FUZZ_SEED=%llu\n", corpus.size(),
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  run({});
  for (const auto& input : corpus) run(input);
  Mutator mutator(corpus, seed);
  for (std::uint64_t i = 0; i < runs; ++i) run(mutator.next());
  return 0;
}
