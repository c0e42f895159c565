// SPDX-License-Identifier: MIT
#include "apps/penstock/progress_display.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/penstock/console.h"
#include "base/printable.h"
#include "stream/table.h"

namespace penstock::app {
namespace {

constexpr double kSecondsPerLine = 5;
// How much of the displayed rate is the last interval's, so that it neither jumps nor lags.
constexpr double kNewShare = 0.3;

double done_part(const SourceProgress& source) {
  return source.total == 0 ? 0 : std::min(1.0, static_cast<double>(source.done) / static_cast<double>(source.total));
}

// "42 %, 3.1 s left", or nothing when the size is unknown.
std::string how_far(const Progress& progress) {
  const double part = done_part(progress.source);
  if (progress.source.total == 0) return {};
  std::string text = fmt::format(", {:.0f} %", part * 100);
  if (part > 0.01 && part < 1) text += fmt::format(", {} left", duration_text(progress.seconds * (1 - part) / part));
  return text;
}

std::string bar(double part, std::size_t width) {
  const auto full = static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * static_cast<double>(width) + 0.5);
  return std::string(full, '#') + std::string(width - full, '.');
}

std::string counts(const Progress& progress, double rate) {
  std::string text =
      fmt::format("{}, {}/s", counted(progress.records_in, "record"), with_commas(static_cast<std::uint64_t>(rate)));
  text += how_far(progress);
  if (progress.records_rejected > 0) text += fmt::format(", {} rejected", with_commas(progress.records_rejected));
  return text;
}

// "cpu 76 %, memory 23.4 MiB, in flight 1.2 MiB", and the alerts that are not over.
std::string use_text(const Progress::Use& use) {
  std::string text = fmt::format("cpu {:.0f} %, memory {}, in flight {}", use.cpu_usage, bytes_text(use.memory_bytes),
                                 bytes_text(use.in_flight_bytes));
  for (std::size_t i = 0; i < use.alerts.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "; alerts: " : ", ", printable(use.alerts[i]));
  return text;
}

// What a run that is monitored says of an operator beside its load: "  blocked  12 %  queue 3/8".
std::string pressure_text(const Progress::Step& step) {
  const std::string queue = step.queue_depth == 0 ? "" : fmt::format("queue {}/{}", step.queue, step.queue_depth);
  return fmt::format("  blocked {:>3.0f} %  {:<11}", step.blocked * 100, queue);
}

const Progress::Step* fullest_queue(const Progress& progress) {
  const Progress::Step* fullest = nullptr;
  const auto part = [](const Progress::Step& step) {
    return static_cast<double>(step.queue) / static_cast<double>(std::max(step.queue_depth, 1U));
  };
  for (const Progress::Step& step : progress.steps) {
    if (step.queue > 0 && (fullest == nullptr || part(step) > part(*fullest))) fullest = &step;
  }
  return fullest;
}

}  // namespace

std::vector<std::string> progress_block(const Progress& progress, double rate, std::size_t columns,
                                        std::size_t most_lines) {
  std::vector<std::string> lines;
  std::string head = fmt::format("{:>8}  ", duration_text(progress.seconds));
  if (progress.source.total > 0) head += fmt::format("[{}] ", bar(done_part(progress.source), 20));
  lines.push_back(head + counts(progress, rate));
  if (progress.use) lines.push_back("          " + use_text(*progress.use));
  const std::size_t heads = lines.size();
  std::size_t width = 0;
  for (const Progress::Step& step : progress.steps)
    width = std::max(width, std::min<std::size_t>(step.name.size(), 24));
  for (const Progress::Step& step : progress.steps) {
    if (lines.size() + 1 >= most_lines) {
      lines.push_back(fmt::format("  and {}", counted(progress.steps.size() + heads - lines.size(), "more operator")));
      break;
    }
    std::string line = fmt::format("  {:<{}}  {} {:>3.0f} %{}  {} out", printable(step.name).substr(0, width), width,
                                   bar(step.load, 10), step.load * 100,
                                   progress.use ? pressure_text(step) : std::string(), with_commas(step.records_out));
    if (step.records_rejected > 0) line += fmt::format(", {} rejected", with_commas(step.records_rejected));
    lines.push_back(std::move(line));
  }
  for (std::string& line : lines) {
    std::size_t size = std::min(line.size(), columns == 0 ? 0 : columns - 1);
    while (size > 0 && size < line.size() && (line[size] & 0xC0) == 0x80) --size;  // no half character
    line.resize(size);
  }
  return lines;
}

std::string progress_line(const Progress& progress, double rate) {
  std::string line = fmt::format("{:.0f} s: {}", progress.seconds, counts(progress, rate));
  const auto busiest = std::max_element(progress.steps.begin(), progress.steps.end(),
                                        [](const auto& a, const auto& b) { return a.load < b.load; });
  if (busiest != progress.steps.end())
    line += fmt::format("; busiest: {} {:.0f} %", printable(busiest->name), busiest->load * 100);
  if (!progress.use) return line;
  if (const Progress::Step* const fullest = fullest_queue(progress))
    line += fmt::format("; fullest queue: {} {}/{}", printable(fullest->name), fullest->queue, fullest->queue_depth);
  line += "; " + use_text(*progress.use);
  return line;
}

ProgressDisplay::~ProgressDisplay() { remove_block(); }

void ProgressDisplay::update(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  const double interval = progress.seconds - last_seconds_;
  if (interval > 0) {
    const double now =
        static_cast<double>(progress.records_in - std::min(progress.records_in, last_records_)) / interval;
    rate_ = rate_ == 0 ? now : rate_ + kNewShare * (now - rate_);
  }
  last_seconds_ = progress.seconds;
  last_records_ = progress.records_in;
  const std::string stage = stage_.empty() ? std::string() : stage_ + ": ";
  if (!is_live_terminal()) {
    if (progress.seconds - last_printed_ < kSecondsPerLine) return;
    last_printed_ = progress.seconds;
    print_to_stderr(fmt::format("penstock: {}{}\n", stage, progress_line(progress, rate_)));
    return;
  }
  draw_block(progress_block(progress, rate_, terminal_columns(), terminal_lines()));
}

void ProgressDisplay::alert(const AlertEvent& event) {
  const std::lock_guard lock(mutex_);
  const std::string stage = stage_.empty() ? std::string() : stage_ + ": ";
  print_to_stderr(fmt::format("penstock: {}{}\n", stage, printable(event.to_text())));
}

void ProgressDisplay::set_stage(std::string name) {
  const std::lock_guard lock(mutex_);
  remove_block();
  stage_ = std::move(name);
  last_seconds_ = last_printed_ = rate_ = 0;
  last_records_ = 0;
}

}  // namespace penstock::app
