// SPDX-License-Identifier: MIT
// penstock bench: measures the backends on this machine, and reports what was measured.
#include <fmt/format.h>
#include <penstock/transport.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "apps/penstock/ipc_benchmark.h"
#include "platform/file.h"
#include "store/json_fields.h"

namespace penstock::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kResultsFile = "benchmark_results.json";

Result<std::uint64_t> number(std::string_view flag, std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= least && value <= most) return value;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{} takes whole numbers from {} to {}, but \"{}\" was given", flag, least, most, text));
}

std::vector<std::string> parts(std::string_view list) {
  std::vector<std::string> all;
  while (true) {
    const std::size_t comma = list.find(',');
    all.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return all;
    list.remove_prefix(comma + 1);
  }
}

// Those that this build has, unless some are named.
Result<std::vector<std::string>> chosen_backends(const Arguments& arguments) {
  std::vector<std::string> names;
  for (const std::string& list : arguments.values("--backend")) {
    for (const std::string& name : parts(list)) {
      PENSTOCK_TRY(TransportRegistry::global().find(name));
      names.push_back(name);
    }
  }
  if (!names.empty()) return names;
  for (const TransportInfo* info : TransportRegistry::global().all()) {
    if (info->missing.empty()) names.push_back(info->name);
  }
  return names;
}

Result<IpcSettings> settings_from(const Arguments& arguments) {
  constexpr std::uint64_t kMostEntries = 10'000'000;
  constexpr std::uint64_t kMostIterations = 100'000;
  IpcSettings settings;
  if (arguments.has("--entries")) settings.entries.clear();
  for (const std::string& list : arguments.values("--entries")) {
    for (const std::string& part : parts(list)) {
      PENSTOCK_ASSIGN(const std::uint64_t entries, number("--entries", part, 1, kMostEntries));
      settings.entries.push_back(entries);
    }
  }
  PENSTOCK_ASSIGN(const std::uint64_t iterations,
                  number("--iterations", arguments.value("--iterations", "100"), 1, kMostIterations));
  PENSTOCK_ASSIGN(const std::uint64_t readers, number("--readers", arguments.value("--readers", "3"), 1, 64));
  settings.iterations = static_cast<std::uint32_t>(iterations);
  settings.readers = static_cast<std::uint32_t>(readers);
  const std::string scenario = arguments.value("--scenario", "both");
  if (scenario != "shared" && scenario != "streaming" && scenario != "both") {
    return Error(ErrorCode::kInvalidArgument, fmt::format("unknown scenario: \"{}\"", scenario))
        .hint("one of shared, streaming, both");
  }
  settings.shared = scenario != "streaming";
  settings.streaming = scenario != "shared";
  PENSTOCK_ASSIGN(settings.backends, chosen_backends(arguments));
  return settings;
}

int bench_ipc(const Arguments& arguments) {
  const Result<IpcSettings> settings = settings_from(arguments);
  if (!settings) return failed(settings.error(), kUsage);
  const Result<Json> results = run_ipc_benchmark(*settings);
  if (!results) return failed(results.error());
  if (results->is_null()) return kOk;  // rank 0 speaks for all
  const std::string path = arguments.value("--out", ".") + "/" + kResultsFile;
  if (const Status written = write_file(path, json_document(*results)); !written) return failed(written.error());
  const bool forked = (*results)["processes"] == "fork";
  print(fmt::format("measured {} with {} readers, {}; wrote {}\n", fmt::join(settings->backends, ", "),
                    (*results)["readers"].get<int>(), forked ? "forked: not started by mpiexec" : "as ranks of mpiexec",
                    path));
  for (const Json& each : (*results)["missing"]) {
    print(fmt::format("left out: {}: {}\n", each["backend"].get<std::string>(), each["why"].get<std::string>()));
  }
  return kOk;
}

int bench_ipc_report(const Arguments& arguments) {
  const std::string folder = arguments.value("--out", ".");
  const std::string path = folder + "/" + kResultsFile;
  IpcCase wanted;
  const Result<std::uint64_t> readers = number("--readers", arguments.value("--readers", "3"), 1, 64);
  const Result<std::uint64_t> machines = number("--machines", arguments.value("--machines", "1"), 1, 100'000);
  if (!readers) return failed(readers.error(), kUsage);
  if (!machines) return failed(machines.error(), kUsage);
  wanted.readers = static_cast<std::uint32_t>(*readers);
  wanted.machines = static_cast<std::uint32_t>(*machines);
  wanted.persistent = arguments.has("--persistent");
  const Result<std::string> text = read_file(path);
  if (!text) return failed(Error(text.error()).hint("measure first: penstock bench ipc"));
  const Json results = Json::parse(*text, nullptr, false);
  if (results.is_discarded() || !results.is_object() || results.value("version", 0) != 1) {
    return failed(Error(ErrorCode::kDataLoss, path + " holds no results of penstock bench ipc, version 1"));
  }
  const Result<std::string> report = [&]() -> Result<std::string> {
    try {
      return write_ipc_report(results, folder, wanted);
    } catch (const nlohmann::json::exception& error) {
      return Error(ErrorCode::kDataLoss, fmt::format("{} does not hold what was expected: {}", path, error.what()));
    }
  }();
  if (!report) return failed(report.error());
  print(*report);
  return kOk;
}

int bench(const Arguments& arguments) {
  if (arguments.positional(0) == "ipc") return bench_ipc(arguments);
  return bench_ipc_report(arguments);  // the table of the command allows no third
}

}  // namespace

Command bench_command() {
  Command command;
  command.name = "bench";
  command.summary = "Measures how fast dictionaries pass between processes here, and which backend fits";
  command.description =
      "ipc measures: one process writes, the others read at the same time. Serialising, publishing, reading in place "
      "and\n"
      "decoding into a map are timed apart. ipc-report makes tables, plots (with gnuplot) and a recommendation of it.\n"
      "\n"
      "Under mpiexec all ranks take part, on one machine; else --readers processes are forked. Open MPI refuses to run "
      "as\n"
      "root or with more ranks than cores; these flags allow it:\n"
      "  mpiexec --allow-run-as-root --oversubscribe -n 4 penstock bench ipc";
  command.positionals = {{"ACTION", true, "ipc or ipc-report", Completes::kWords, {"ipc", "ipc-report"}}};
  command.flags = {
      {"--backend", "NAMES", "Only these, with commas between (default: all that this build has)", true},
      {"--entries", "NUMBERS", "Sizes of the dictionary (default: 10,100,1000,10000,100000)", true},
      {"--iterations", "N", "Rounds per size (default: 100)"},
      {"--readers", "N", "Readers to fork, or for ipc-report to recommend for (default: 3)"},
      {"--scenario",
       "NAME",
       "shared, streaming or both (default)",
       false,
       Completes::kWords,
       {"shared", "streaming", "both"}},
      {"--machines", "N", "ipc-report: recommend for so many machines (default: 1)"},
      {"--persistent", "", "ipc-report: recommend for versions that must outlive the programs"},
      {"--out", "DIR", "Where benchmark_results.json and the report are (default: .)", false, Completes::kFolders}};
  command.examples = {
      {"penstock bench ipc --entries 10000", "Measure one size with three forked readers"},
      {"mpiexec -n 4 penstock bench ipc", "Measure with three ranks that read"},
      {"penstock bench ipc-report --readers 8 --persistent", "Report, and recommend for eight readers"}};
  command.run = bench;
  return command;
}

}  // namespace penstock::app
