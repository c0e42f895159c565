// SPDX-License-Identifier: MIT
// When does the first tensor come, and what does a stream hold meanwhile? For each strategy, in a process of its own.
//   image_stream_holds [IMAGES 2000,20000]
// Bytes read are those of the process and its workers (rchar of /proc/PID/io), memory is looked at a hundred times a
// second: pages of their own of all processes (RssAnon), and the shared ones of the process with most (RssShmem).
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <thread>

#include "photographs.h"

namespace {

using namespace penstock;
using benchmark::photographs::good;

// The number behind a word of a file of /proc; 0 where the process has ended.
std::uint64_t number_in(const std::string& path, const std::string& word) {
  std::ifstream file(path);
  for (std::string found; file >> found;) {
    std::uint64_t number = 0;
    if (found == word && file >> number) return number;
  }
  return 0;
}

void add_tree(const std::string& pid, std::vector<std::string>& to) {
  to.push_back(pid);
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + pid + "/task", gone)) {
    std::ifstream children(task.path() / "children");
    for (std::string child; children >> child;) add_tree(child, to);
  }
}

std::vector<std::string> processes_here() {
  std::vector<std::string> all;
  add_tree(std::to_string(::getpid()), all);
  return all;
}

std::uint64_t bytes_read() {
  std::uint64_t sum = 0;
  for (const std::string& pid : processes_here()) sum += number_in("/proc/" + pid + "/io", "rchar:");
  return sum;
}

struct Memory {
  std::uint64_t own_kib = 0;
  std::uint64_t shared_kib = 0;

  void look() {
    std::uint64_t own = 0;
    for (const std::string& pid : processes_here()) {
      own += number_in("/proc/" + pid + "/status", "RssAnon:");
      shared_kib = std::max(shared_kib, number_in("/proc/" + pid + "/status", "RssShmem:"));
    }
    own_kib = std::max(own_kib, own);
  }
};

std::uint64_t bytes_of_images(std::size_t count) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::filesystem::file_size(benchmark::photographs::path_of(i));
  return sum;
}

double milliseconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

void print_row(const Strategy& strategy, std::size_t count) {
  const Preprocessor preprocessor(benchmark::photographs::options(strategy));
  Memory memory;
  std::jthread sampler([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      memory.look();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  const std::uint64_t read_before = bytes_read();
  const auto begin = std::chrono::steady_clock::now();
  auto tensors = preprocessor.stream(std::make_shared<benchmark::photographs::Feed>(count));
  double first_ms = 0;
  std::uint64_t first_read = 0;
  std::size_t images = 0;
  while (const auto batch = good(tensors.next())) {
    if (images == 0) {
      first_ms = milliseconds_since(begin);
      first_read = bytes_read() - read_before;
    }
    images += batch->ids.size();
  }
  const double all_ms = milliseconds_since(begin);
  sampler.request_stop();
  sampler.join();
  std::printf("| %s | %zu | %.0f | %.1f | %.2f | %.0f | %.0f |\n", strategy.name.c_str(), images,
              static_cast<double>(images) / all_ms * 1e3, first_ms,
              100 * static_cast<double>(first_read) / static_cast<double>(bytes_of_images(count)),
              static_cast<double>(memory.own_kib) / 1024, static_cast<double>(memory.shared_kib) / 1024);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const benchmark::photographs::Files files;
  std::vector<std::size_t> counts;
  std::istringstream words(argc > 1 ? argv[1] : "2000,20000");
  for (std::string word; std::getline(words, word, ',');) counts.push_back(std::strtoull(word.c_str(), nullptr, 10));
  std::printf("| strategy | images | images/s | first tensors, ms | read by then, %% | own MiB, all | shared MiB |\n");
  std::printf("|---|--:|--:|--:|--:|--:|--:|\n");
  std::fflush(stdout);
  for (const Strategy& strategy : {serial, threads, parallel(2), processes(2), automatic}) {
    for (const std::size_t count : counts) {
      const pid_t child = ::fork();
      if (child == 0) {
        print_row(strategy, count);
        std::fflush(nullptr);
        ::_exit(0);
      }
      int status = 0;
      ::waitpid(child, &status, 0);
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return 1;
    }
  }
}
