// SPDX-License-Identifier: MIT
// penstock bench ipc-report: tables, plots and a recommendation from benchmark_results.json. Plotting is gnuplot's.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/penstock/bench/ipc/ipc_benchmark.h"
#include "platform/file.h"
#include "platform/process.h"
#include "stream/table.h"

namespace penstock::app {
namespace {

using Json = nlohmann::ordered_json;

/// One measured series of a row, say {"shared", "write_us", "publish"}.
struct Column {
  const char* title;
  std::vector<const char*> path;
};

const std::vector<Column>& write_columns() {
  static const std::vector<Column> columns = {
      {"serialise", {"shared", "write_us", "serialise"}},
      {"publish", {"shared", "write_us", "publish"}},
      {"build_and_publish_in_place", {"shared", "write_us", "build_and_publish_in_place"}},
      {"send", {"streaming", "send_us"}}};
  return columns;
}

const std::vector<Column>& read_columns() {
  static const std::vector<Column> columns = {{"arrive", {"shared", "read_us", "arrive"}},
                                              {"view_and_release", {"shared", "read_us", "view_and_release"}},
                                              {"one_lookup", {"shared", "read_us", "one_lookup"}},
                                              {"scan_in_place", {"shared", "read_us", "scan_in_place"}},
                                              {"decode", {"shared", "read_us", "decode"}},
                                              {"receive_and_scan", {"streaming", "receive_and_scan_us"}}};
  return columns;
}

/// Null when the row was not measured so.
const Json* find(const Json& row, const std::vector<const char*>& path) {
  const Json* at = &row;
  for (const char* part : path) {
    if (!at->is_object() || !at->contains(part)) return nullptr;
    at = &(*at)[part];
  }
  return at;
}

double number(const Json& row, std::vector<const char*> path, const char* what) {
  path.push_back(what);
  const Json* const found = find(row, path);
  return found != nullptr && found->is_number() ? found->get<double>() : std::numeric_limits<double>::quiet_NaN();
}

bool is_number(double value) { return value == value; }

// The name goes into tables and into gnuplot's script, where some characters are commands.
std::string backend_of(const Json& row) {
  std::string name = row.value("backend", "?");
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; };
  std::replace_if(name.begin(), name.end(), [&](char c) { return !is_plain(static_cast<unsigned char>(c)); }, '?');
  return name;
}
std::uint64_t entries_of(const Json& row) { return row.value("entries", std::uint64_t{0}); }

std::string csv(const Json& results, const std::vector<Column>& columns, std::string_view side) {
  std::string text = "backend,entries,readers,iterations,block_bytes";
  for (const Column& column : columns) {
    for (const char* what : {"p50", "p99", "mean"}) text += fmt::format(",{}_{}_us", column.title, what);
  }
  text += fmt::format(",{0}_cpu_seconds,{0}_peak_memory_bytes\n", side == "writer" ? "writer" : "readers");
  for (const Json& row : results["results"]) {
    text += fmt::format("{},{},{},{},{}", backend_of(row), entries_of(row), results.value("readers", 0),
                        results.value("iterations", 0), row.value("block_bytes", std::uint64_t{0}));
    for (const Column& column : columns) {
      for (const char* what : {"p50", "p99", "mean"}) {
        const double value = number(row, column.path, what);
        text += is_number(value) ? fmt::format(",{:.4f}", value) : ",";
      }
    }
    const double cpu = number(row, {"shared", "cpu_seconds"}, side == "writer" ? "writer" : "readers");
    const double memory = number(row, {"shared", "peak_memory_bytes"}, side == "writer" ? "writer" : "reader");
    text += is_number(cpu) ? fmt::format(",{:.4f}", cpu) : ",";
    text += is_number(memory) ? fmt::format(",{:.0f}\n", memory) : ",\n";
  }
  return text;
}

// Three digits that count: microseconds span from nanoseconds to seconds.
std::string micros_text(double micros) {
  if (!is_number(micros)) return "";
  if (micros < 10) return fmt::format("{:.3f}", micros);
  return micros < 100 ? fmt::format("{:.1f}", micros) : fmt::format("{:.0f}", micros);
}

std::string both(const Json& row, const std::vector<const char*>& path) {
  const double p50 = number(row, path, "p50");
  return is_number(p50) ? fmt::format("{} ({})", micros_text(p50), micros_text(number(row, path, "p99"))) : "";
}

std::string markdown_table(const Json& results) {
  std::string text =
      "Microseconds, p50 (p99); readers look at the same time. GB/s is what all readers together got.\n\n"
      "| backend | entries | serialise | publish | build in place and publish | view | one look-up | scan in place | "
      "decode | stream GB/s |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const Json& row : results["results"]) {
    text += fmt::format("| {} | {} |", backend_of(row), with_commas(entries_of(row)));
    for (const auto& path : std::vector<std::vector<const char*>>{{"shared", "write_us", "serialise"},
                                                                  {"shared", "write_us", "publish"},
                                                                  {"shared", "write_us", "build_and_publish_in_place"},
                                                                  {"shared", "read_us", "view_and_release"},
                                                                  {"shared", "read_us", "one_lookup"},
                                                                  {"shared", "read_us", "scan_in_place"},
                                                                  {"shared", "read_us", "decode"}}) {
      text += fmt::format(" {} |", both(row, path));
    }
    const double rate = number(row, {"streaming"}, "delivered_gb_per_second");
    if (!is_number(rate)) {
      text += " |\n";
    } else {
      text += rate < 0.1 ? fmt::format(" {:.2g} |\n", rate) : fmt::format(" {:.2f} |\n", rate);
    }
  }
  return text;
}

// ---- The recommendation --------------------------------------------------------------------------------------------

/// The rows of the largest dictionary that was measured.
std::vector<const Json*> largest(const Json& results) {
  std::uint64_t most = 0;
  for (const Json& row : results["results"]) most = std::max(most, entries_of(row));
  std::vector<const Json*> rows;
  for (const Json& row : results["results"]) {
    if (entries_of(row) == most && find(row, {"shared"}) != nullptr) rows.push_back(&row);
  }
  return rows;
}

// The cheaper way to write: a block built apart and copied, or built where readers look. The latter saves a copy, but
// writes one by one the cache lines that readers have just had.
double write_cost_of(const Json& row) {
  return std::min(
      number(row, {"shared", "write_us", "build_and_publish_in_place"}, "p50"),
      number(row, {"shared", "write_us", "serialise"}, "p50") + number(row, {"shared", "write_us", "publish"}, "p50"));
}

double read_cost_of(const Json& row) {
  return number(row, {"shared", "read_us", "arrive"}, "p50") +
         number(row, {"shared", "read_us", "scan_in_place"}, "p50");
}

// What one version costs until all readers have read it: readers share the cores, so their work adds up.
double cost_of(const Json& row, const IpcCase& wanted) {
  return write_cost_of(row) + wanted.readers * read_cost_of(row);
}

bool does(const std::string& backend, const IpcCase& wanted) {
  if (wanted.machines > 1 && backend != "zeromq-tcp" && backend != "mpi-broadcast") return false;
  return !wanted.persistent || wanted.machines > 1 || backend == "lmdb";
}

std::string reason(const IpcCase& wanted) {
  if (wanted.machines > 1) return "it costs least of those that reach other machines, measured on one";
  if (wanted.persistent) return "only lmdb keeps versions when all programs have ended";
  return "it costs least until all readers have read a version";
}

std::string recommendation(const Json& results, const IpcCase& wanted) {
  std::string text =
      fmt::format("For {} on {}{}:\n\n", counted(wanted.readers, "reader"), counted(wanted.machines, "machine"),
                  wanted.persistent ? ", with versions that must outlive the programs" : "");
  const Json* best = nullptr;
  for (const Json* row : largest(results)) {
    if (!does(backend_of(*row), wanted)) continue;
    if (best == nullptr || cost_of(*row, wanted) < cost_of(*best, wanted)) best = row;
  }
  if (best == nullptr) {
    return text +
           fmt::format("None of the backends measured here does that: {}. `penstock doctor` says what is missing.\n",
                       wanted.machines > 1
                           ? "only zeromq (tcp) and, within one job, mpi (broadcast) reach other machines"
                           : reason(wanted));
  }
  const double scan = number(*best, {"shared", "read_us", "scan_in_place"}, "p50");
  const double decode = number(*best, {"shared", "read_us", "decode"}, "p50");
  text += fmt::format("**Use `{}`**: {}.\n\n", backend_of(*best), reason(wanted));
  std::vector<std::string> others;
  for (const Json* row : largest(results)) {
    if (!does(backend_of(*row), wanted)) {
      others.push_back(fmt::format("`{}`", backend_of(*row)));
      continue;
    }
    text += fmt::format(
        "- `{}`: {} us per version of {} entries ({} to build and publish, {} times {} to arrive and be read).\n",
        backend_of(*row), micros_text(cost_of(*row, wanted)), with_commas(entries_of(*row)),
        micros_text(write_cost_of(*row)), wanted.readers, micros_text(read_cost_of(*row)));
  }
  if (!others.empty()) {
    text +=
        fmt::format("- {} {}.\n", fmt::join(others, ", "),
                    wanted.machines > 1 ? "do not reach other machines" : "keep nothing when all programs have ended");
  }
  if (backend_of(*best) == "mpi-broadcast") text += "- All programs must be ranks of one MPI job.\n";
  text += fmt::format(
      "- Read in place: decoding into a map first takes {:.0f} times as long as reading all fields where they are.\n",
      decode / scan);
  if (wanted.persistent && wanted.machines > 1) {
    text +=
        "- Neither zeromq nor mpi keeps anything: let one process on the writer's machine put each version into "
        "lmdb.\n";
  }
  return text;
}

// ---- Plots ---------------------------------------------------------------------------------------------------------

struct Line {
  std::string title;
  std::size_t backend = 0;  ///< Its number: the colour.
  std::size_t what = 0;     ///< Which measurement: the dashes and the points.
  std::vector<std::pair<std::uint64_t, double>> points;
};

/// The same in all plots.
std::size_t number_of_backend(const Json& results, const std::string& wanted) {
  std::vector<std::string> seen;
  for (const Json& row : results["results"]) {
    const std::string name = backend_of(row);
    if (name == wanted) break;
    if (std::find(seen.begin(), seen.end(), name) == seen.end()) seen.push_back(name);
  }
  return seen.size();
}

std::vector<Line> lines_of(const Json& results, const std::vector<const char*>& path, const char* what,
                           const char* suffix) {
  std::map<std::string, Line> lines;
  for (const Json& row : results["results"]) {
    const double value = number(row, path, what);
    if (!is_number(value) || value <= 0) continue;
    Line& line = lines[backend_of(row)];
    line.backend = number_of_backend(results, backend_of(row));
    line.title = fmt::format("{}{}", backend_of(row), suffix);
    line.points.emplace_back(entries_of(row), value);
  }
  std::vector<Line> all;
  for (auto& [name, line] : lines) {
    std::sort(line.points.begin(), line.points.end());
    all.push_back(std::move(line));
  }
  return all;
}

// Said, since gnuplot warns where all points have one size.
std::string ranges_of(const std::vector<Line>& lines) {
  double least[2] = {std::numeric_limits<double>::max(), std::numeric_limits<double>::max()};
  double most[2] = {0, 0};
  for (const Line& line : lines) {
    for (const auto& [x, y] : line.points) {
      const double at[2] = {static_cast<double>(x), y};
      for (int i = 0; i < 2; ++i) {
        least[i] = std::min(least[i], at[i]);
        most[i] = std::max(most[i], at[i]);
      }
    }
  }
  return fmt::format("set xrange [{:.6g}:{:.6g}]\nset yrange [{:.6g}:{:.6g}]\n", least[0] / 1.5, most[0] * 1.5,
                     least[1] / 1.5, most[1] * 1.5);
}

std::string plot(const char* file, const char* title, const char* unit, const std::vector<Line>& lines) {
  std::string script;
  std::string commands;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    script += fmt::format("$line{} << END\n", i);
    for (const auto& [x, y] : lines[i].points) script += fmt::format("{} {:.6g}\n", x, y);
    script += "END\n";
    commands += fmt::format(
        "{}$line{} using 1:2 with linespoints linewidth 2 linetype {} dashtype {} pointtype {} title \"{}\"",
        i == 0 ? "" : ", ", i, lines[i].backend + 1, lines[i].what + 1, 2 * lines[i].what + 5, lines[i].title);
  }
  if (commands.empty()) return {};
  script += ranges_of(lines);
  script += fmt::format(
      "set title \"{}\"\nset xlabel \"entries\"\nset ylabel \"{}\"\nset logscale xy\nset grid\nset key outside right\n",
      title, unit);
  for (const auto& [terminal, ending] :
       {std::pair("pngcairo size 1000,600", "png"), std::pair("svg size 1000,600", "svg")}) {
    script +=
        fmt::format("set terminal {}\nset output \"{}.{}\"\nplot {}\nunset output\n", terminal, file, ending, commands);
  }
  return script;
}

std::vector<Line> together(std::initializer_list<std::vector<Line>> parts) {
  std::vector<Line> all;
  std::size_t what = 0;
  for (const auto& part : parts) {
    for (const Line& line : part) all.push_back({line.title, line.backend, what, line.points});
    ++what;
  }
  return all;
}

std::string all_plots(const Json& results) {
  return plot("write_performance", "Publishing a version (p50)", "microseconds",
              together({lines_of(results, {"shared", "write_us", "publish"}, "p50", ": copy"),
                        lines_of(results, {"shared", "write_us", "build_and_publish_in_place"}, "p50",
                                 ": built in place")})) +
         plot("read_performance", "Reading a version (p50)", "microseconds",
              together({lines_of(results, {"shared", "read_us", "one_lookup"}, "p50", ": one look-up"),
                        lines_of(results, {"shared", "read_us", "scan_in_place"}, "p50", ": all fields in place"),
                        lines_of(results, {"shared", "read_us", "decode"}, "p50", ": decoded into a map")})) +
         plot("throughput", "Streaming versions to all readers", "GB/s delivered",
              lines_of(results, {"streaming"}, "delivered_gb_per_second", ""));
}

constexpr const char* kScript = "plots.gnuplot";

/// "" when gnuplot has drawn, else why not.
std::string draw(const std::string& folder) {
  const Result<std::string> program = find_program("gnuplot");
  if (!program) return "no plots: gnuplot is not installed; apt-get install gnuplot-nox";
  SpawnOptions options;
  options.program = *program;
  options.words = {"gnuplot", kScript};
  options.env = environment();
  options.folder = folder;
  options.stdout_fd = STDOUT_FILENO;
  options.stderr_fd = STDERR_FILENO;
  Result<ChildProcess> gnuplot = ChildProcess::spawn(options);
  if (!gnuplot) return "no plots: gnuplot does not start";
  return gnuplot->reap().ok() ? "" : fmt::format("no plots: gnuplot failed on {}/{}", folder, kScript);
}

}  // namespace

Result<std::string> write_ipc_report(const Json& results, const std::string& folder, const IpcCase& wanted) {
  if (!results.contains("results") || !results["results"].is_array()) {
    return Error(ErrorCode::kDataLoss, "the results have no list \"results\"");
  }
  PENSTOCK_TRY(write_file(folder + "/write_summary.csv", csv(results, write_columns(), "writer")));
  PENSTOCK_TRY(write_file(folder + "/read_summary.csv", csv(results, read_columns(), "readers")));
  PENSTOCK_TRY(write_file(fmt::format("{}/{}", folder, kScript), all_plots(results)));
  const std::string not_drawn = draw(folder);
  const Json machine = results.value("machine", Json::object());
  std::string text =
      fmt::format("# Dictionaries between processes\n\n{}, {} cores, {}; {} iterations, {} readers ({}).\n\n",
                  machine.value("processor", ""), machine.value("cores", 0), machine.value("system", ""),
                  results.value("iterations", 0), results.value("readers", 0), results.value("processes", ""));
  text += markdown_table(results) + "\n## Recommendation\n\n" + recommendation(results, wanted);
  PENSTOCK_TRY(write_file(folder + "/report.md", text));
  text += not_drawn.empty()
              ? "\nwrote report.md, write_summary.csv, read_summary.csv, and the plots write_performance, "
                "read_performance, throughput (.png, .svg)\n"
              : "\nwrote report.md, write_summary.csv, read_summary.csv\nSKIPPED: " + not_drawn + "\n";
  return text;
}

}  // namespace penstock::app
