// SPDX-License-Identifier: MIT
// The stopwatch of all benchmarks: forks a child per run, goes around the contenders, prints what came out.
#include "timing.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string_view>
#include <thread>

namespace penstock::benchmark {
namespace {

std::vector<Contender>& registry() {
  static std::vector<Contender> all;
  return all;
}

struct Options {
  int runs = 0;
  std::uint64_t records = 0;
  std::string only;
  std::string json;
  bool list = false;
};

/// One run as the child reports it.
struct Sample {
  Outcome outcome;
  double seconds = 0;
  double cpu_seconds = 0;
  double peak_rss_mib = 0;
};

/// All runs of one contender.
struct Row {
  Contender contender;
  std::uint64_t records = 0;
  std::vector<Sample> samples = {};
  std::vector<double> ratios = {};
};

double cpu_seconds() {
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  double sum = 0;
  for (const int whose : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(whose, &usage);
    sum += seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  return sum;
}

Sample run_here(const Row& row, std::uint64_t warm_up) {
  if (warm_up > 0) row.contender.run(warm_up);
  Sample sample;
  const double cpu_before = cpu_seconds();
  const std::int64_t before = now_ns();
  sample.outcome = row.contender.run(row.records);
  sample.seconds = 1e-9 * static_cast<double>(now_ns() - before);
  sample.cpu_seconds = cpu_seconds() - cpu_before;
  return sample;
}

/// Runs in a child; false when the child did not report.
bool run_apart(const Row& row, std::uint64_t warm_up, Sample& sample) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const Sample mine = run_here(row, warm_up);
    const bool sent = write(ends[1], &mine, sizeof mine) == static_cast<ssize_t>(sizeof mine);
    _exit(sent ? 0 : 1);
  }
  close(ends[1]);
  const bool received = read(ends[0], &sample, sizeof sample) == static_cast<ssize_t>(sizeof sample);
  close(ends[0]);
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  sample.peak_rss_mib = static_cast<double>(usage.ru_maxrss) / 1024;
  return received && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

template <typename Field>
std::vector<double> column(const Row& row, Field field) {
  std::vector<double> values;
  for (const Sample& sample : row.samples) values.push_back(field(sample));
  return values;
}

double deviation(const std::vector<double>& values) {
  const double middle = median(values);
  std::vector<double> away;
  for (const double value : values) away.push_back(std::fabs(value - middle));
  return median(away);
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--list") {
      options.list = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const char* const value = argv[++i];
    if (word == "--runs") {
      options.runs = std::atoi(value);
    } else if (word == "--records") {
      options.records = std::strtoull(value, nullptr, 10);
    } else if (word == "--only") {
      options.only = value;
    } else if (word == "--json") {
      options.json = value;
    } else {
      return false;
    }
  }
  return true;
}

std::vector<Row> chosen(const Question& question, const Options& options) {
  std::vector<Row> rows;
  for (const Contender& contender : registry()) {
    const std::string label = contender.group + ": " + contender.name;
    if (!contender.baseline && label.find(options.only) == std::string::npos) continue;
    Row row{.contender = contender};
    row.records = options.records > 0 ? options.records : contender.records > 0 ? contender.records : question.records;
    rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.contender.group != b.contender.group         ? a.contender.group < b.contender.group
           : a.contender.baseline != b.contender.baseline ? a.contender.baseline
                                                          : a.contender.name < b.contender.name;
  });
  std::map<std::string, int> others;
  for (const Row& row : rows) others[row.contender.group] += row.contender.baseline ? 0 : 1;
  std::erase_if(rows, [&](const Row& row) { return others[row.contender.group] == 0 && !options.only.empty(); });
  return rows;
}

/// One turn of everything; rows are sorted, so the baseline of a group is met before its rivals.
bool run_round(std::vector<Row>& rows, std::uint64_t warm_up) {
  double baseline_seconds = 0;
  std::uint64_t expected = 0;
  for (Row& row : rows) {
    Sample sample;
    if (!run_apart(row, std::min(warm_up, row.records), sample)) {
      std::fprintf(stderr, "run ended without a result: %s: %s\n", row.contender.group.c_str(),
                   row.contender.name.c_str());
      return false;
    }
    if (row.contender.baseline) {
      baseline_seconds = sample.seconds;
      expected = sample.outcome.result;
    }
    if (sample.outcome.result != expected) {
      std::fprintf(stderr, "wrong result: %s: %s: found %016llx, expected %016llx as its group's baseline\n",
                   row.contender.group.c_str(), row.contender.name.c_str(),
                   static_cast<unsigned long long>(sample.outcome.result), static_cast<unsigned long long>(expected));
      return false;
    }
    row.samples.push_back(sample);
    row.ratios.push_back(sample.seconds / baseline_seconds);
  }
  return true;
}

struct Figures {
  double ns, ns_min, ns_deviation, ratio, cpus, peak_rss_mib, p50_us, p99_us;
};

Figures figures(const Row& row) {
  const double records = static_cast<double>(row.records);
  const auto ns = column(row, [&](const Sample& s) { return 1e9 * s.seconds / records; });
  const auto rss = column(row, [](const Sample& s) { return s.peak_rss_mib; });
  return {.ns = median(ns),
          .ns_min = *std::min_element(ns.begin(), ns.end()),
          .ns_deviation = deviation(ns),
          .ratio = median(row.ratios),
          .cpus = median(column(row, [](const Sample& s) { return s.cpu_seconds / s.seconds; })),
          .peak_rss_mib = *std::max_element(rss.begin(), rss.end()),
          .p50_us = median(column(row, [](const Sample& s) { return s.outcome.latency_p50_us; })),
          .p99_us = median(column(row, [](const Sample& s) { return s.outcome.latency_p99_us; }))};
}

void print_table(const Question& question, const std::vector<Row>& rows) {
  const std::string* group = nullptr;
  for (const Row& row : rows) {
    const Contender& c = row.contender;
    if (group == nullptr || *group != c.group) {
      std::printf("\n%s (%llu %s)\n%-58s %12s %12s %10s %8s %6s %9s %10s %10s\n", c.group.c_str(),
                  static_cast<unsigned long long>(row.records), question.units.c_str(), "",
                  ("ns/" + question.unit).c_str(), "min", "deviation", "ratio", "cpus", "peak MiB", "p50 us", "p99 us");
    }
    group = &c.group;
    const Figures f = figures(row);
    std::printf("%-58s %12.2f %12.2f %10.2f %8.2f %6.2f %9.1f", c.name.c_str(), f.ns, f.ns_min, f.ns_deviation, f.ratio,
                f.cpus, f.peak_rss_mib);
    if (f.p99_us > 0) {
      std::printf(" %10.1f %10.1f\n", f.p50_us, f.p99_us);
    } else {
      std::printf(" %10s %10s\n", "-", "-");
    }
  }
}

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

bool write_json(const Question& question, const std::vector<Row>& rows, const std::string& path) {
  std::FILE* const out = std::fopen(path.c_str(), "w");
  if (out == nullptr) {
    std::fprintf(stderr, "cannot write %s: %s\n", path.c_str(), std::strerror(errno));
    return false;
  }
  std::fprintf(out,
               "{\"question\": \"%s\",\n \"machine\": {\"processor\": \"%s\", \"cores\": %u, \"compiler\": \"%s\"},\n",
               question.title.c_str(), processor().c_str(), std::thread::hardware_concurrency(), __VERSION__);
  std::fprintf(out, " \"rows\": [");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const Figures f = figures(row);
    std::fprintf(out,
                 "%s\n  {\"group\": \"%s\", \"name\": \"%s\", \"baseline\": %s, \"%s\": %llu, \"runs\": %zu, "
                 "\"median_ns\": %.4f, "
                 "\"min_ns\": %.4f, \"deviation_ns\": %.4f, \"ratio\": %.4f, \"cpus\": %.3f, \"peak_rss_mib\": %.1f, "
                 "\"latency_p50_us\": %.1f, \"latency_p99_us\": %.1f}",
                 i > 0 ? "," : "", row.contender.group.c_str(), row.contender.name.c_str(),
                 row.contender.baseline ? "true" : "false", question.units.c_str(),
                 static_cast<unsigned long long>(row.records), row.samples.size(), f.ns, f.ns_min, f.ns_deviation,
                 f.ratio, f.cpus, f.peak_rss_mib, f.p50_us, f.p99_us);
  }
  std::fprintf(out, "\n ]}\n");
  return std::fclose(out) == 0;
}

}  // namespace

Register::Register(std::vector<Contender> contenders) {
  for (Contender& contender : contenders) registry().push_back(std::move(contender));
}

int answer(const Question& question, int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr, "usage: %s [--runs N] [--records N] [--only TEXT] [--json FILE] [--list]\n", argv[0]);
    return 2;
  }
  std::vector<Row> rows = chosen(question, options);
  if (options.list) {
    for (const Row& row : rows) std::printf("%s: %s\n", row.contender.group.c_str(), row.contender.name.c_str());
    return 0;
  }
  const int runs = options.runs > 0 ? options.runs : question.runs;
  std::printf("%s\n%s, %u cores, g++ %s, median of %d alternating runs\n", question.title.c_str(), processor().c_str(),
              std::thread::hardware_concurrency(), __VERSION__, runs);
  for (int i = 0; i < runs; ++i) {
    if (!run_round(rows, question.warm_up)) return 1;
  }
  print_table(question, rows);
  return options.json.empty() || write_json(question, rows, options.json) ? 0 : 1;
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Values from 2^k to 2^(k+1) share kSteps buckets.
void Latencies::add(std::int64_t ns) noexcept {
  const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, kSteps));
  const int power = 63 - std::countl_zero(value);
  const auto step = static_cast<std::size_t>(value >> (power - 5)) % kSteps;
  ++counts_[static_cast<std::size_t>(power) * kSteps + step];
  ++total_;
}

double Latencies::percentile_us(double p) const noexcept {
  const double wanted = p * static_cast<double>(total_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < std::size(counts_); ++i) {
    seen += counts_[i];
    if (counts_[i] > 0 && static_cast<double>(seen) >= wanted) {
      const double low = std::ldexp(1.0, static_cast<int>(i / kSteps));
      return 1e-3 * low * (1 + (static_cast<double>(i % kSteps) + 0.5) / kSteps);
    }
  }
  return 0;
}

void Latencies::fill(Outcome& outcome) const noexcept {
  outcome.latency_p50_us = percentile_us(0.50);
  outcome.latency_p99_us = percentile_us(0.99);
}

}  // namespace penstock::benchmark
