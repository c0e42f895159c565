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
#include <mutex>

#include "base/printable.h"
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

// Of the first write to standard output that failed; 0: none did.
std::atomic<int> output_error{0};

void note_output_error() {
  int none = 0;
  output_error.compare_exchange_strong(none, errno);
}

// Guards standard error and what is drawn there: the run, its progress and the signals talk from threads of their own.
std::mutex terminal;
std::size_t drawn_lines = 0;

std::string up_over_block() { return drawn_lines == 0 ? std::string() : fmt::format("\x1b[{}A\r", drawn_lines); }

void write_to_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return;  // nobody is left to be told
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Over what is drawn, and over what was typed behind it; `otherwise` comes first when nothing is drawn.
void write_over_block(const std::string& text, std::string_view otherwise = "") {
  const std::lock_guard lock(terminal);
  write_to_stderr((drawn_lines == 0 ? std::string(otherwise) : up_over_block() + "\x1b[J") + text);
  drawn_lines = 0;
}

}  // namespace

void print(std::string_view text) { print_data(printable_lines(text)); }

void print_data(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) < text.size()) note_output_error();
}

void print_to_stderr(std::string_view text) { write_over_block(printable_lines(text)); }

void print_behind_typing(std::string_view text) {
  write_over_block(printable_lines(text), ::isatty(STDERR_FILENO) == 1 ? "\n" : "");
}

// Up over what was drawn, then each line over the old one: no flicker.
void draw_block(const std::vector<std::string>& lines) {
  const std::lock_guard lock(terminal);
  std::string text = up_over_block();
  for (const std::string& line : lines) text += "\r" + printable(line) + "\x1b[K\n";
  drawn_lines = lines.size();
  write_to_stderr(text + "\x1b[J");
}

void remove_block() { write_over_block(""); }

void print_error(const Error& error) {
  const bool colour = has_colour();
  // The text of an error is printable by itself.
  write_over_block(
      fmt::format("penstock: {}error:{} {}\n", colour ? "\x1b[1;31m" : "", colour ? "\x1b[0m" : "", error.to_text()));
}

int failed(const Error& error, int code) {
  print_error(error);
  return code;
}

bool finish_output() {
  if (std::fflush(stdout) != 0) note_output_error();
  const int error = output_error;
  if (error == 0 || error == EPIPE) return true;  // whoever reads has seen enough, as in penstock ops | head
  print_to_stderr(fmt::format("penstock: error: cannot write to standard output: {}\n", std::strerror(error)));
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
  print_to_stderr(fmt::format("{} {:<7} {}\n", utc_text(now - now % 1000), kNames[static_cast<std::size_t>(level)],
                              printable(text)));
}

}  // namespace penstock::app
