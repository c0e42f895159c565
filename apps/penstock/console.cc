// SPDX-License-Identifier: MIT
#include "apps/penstock/console.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "store/run_store.h"

namespace penstock::app {
namespace {

// Off until --log-level asks: what users need to know is printed anyway.
std::atomic<LogLevel> level_in_use{LogLevel::kOff};

bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

winsize terminal_size() {
  winsize size = {};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) size = {};
  return size;
}

}  // namespace

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_to_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return;  // nobody is left to be told
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void print_error(const Error& error) {
  const bool colour = has_colour();
  print_to_stderr(
      fmt::format("penstock: {}error:{} {}\n", colour ? "\x1b[1;31m" : "", colour ? "\x1b[0m" : "", error.to_text()));
}

bool finish_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
  if (errno == EPIPE) return true;  // whoever reads has seen enough, as in penstock ops | head
  print_to_stderr(fmt::format("penstock: error: cannot write to standard output: {}\n", std::strerror(errno)));
  return false;
}

bool is_live_terminal() {
  const char* const term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

bool has_colour() { return is_live_terminal() && !is_set("NO_COLOR"); }

std::size_t terminal_columns() {
  const std::size_t columns = terminal_size().ws_col;
  return columns == 0 ? 80 : columns;
}

std::size_t terminal_lines() {
  const std::size_t lines = terminal_size().ws_row;
  return lines == 0 ? 24 : lines;
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

bool set_log_level(std::string_view name) {
  static constexpr std::string_view kNames[] = {"debug", "info", "warning", "error", "off"};
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] != name) continue;
    level_in_use = static_cast<LogLevel>(i);
    return true;
  }
  return false;
}

LogLevel log_level() noexcept { return level_in_use; }

void log(LogLevel level, std::string_view text) {
  if (level < level_in_use.load()) return;
  static constexpr const char* kNames[] = {"debug", "info", "warning", "error", "off"};
  const std::int64_t now = now_micros();
  print_to_stderr(
      fmt::format("{} {:<7} {}\n", utc_text(now - now % 1000), kNames[static_cast<std::size_t>(level)], text));
}

}  // namespace penstock::app
