// SPDX-License-Identifier: MIT
// Runs a command and writes what it took to a file, as JSON. A program of its own, because the kernel counts the memory
// of whoever starts a process towards that process's peak: this one is small.
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>

extern char** environ;

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s RESULT.json COMMAND [ARGUMENT]...\n", argv[0]);
    return 2;
  }
  const auto before = std::chrono::steady_clock::now();
  pid_t child = 0;
  if (posix_spawnp(&child, argv[2], nullptr, nullptr, argv + 2, environ) != 0) {
    std::perror(argv[2]);
    return 127;
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - before;
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  std::FILE* const out = std::fopen(argv[1], "w");
  if (out == nullptr) {
    std::perror(argv[1]);
    return 126;
  }
  std::fprintf(out, "{\"wall_s\": %.4f, \"user_s\": %.4f, \"system_s\": %.4f, \"peak_rss_mib\": %.1f}\n", wall.count(),
               seconds(usage.ru_utime), seconds(usage.ru_stime), static_cast<double>(usage.ru_maxrss) / 1024);
  std::fclose(out);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
