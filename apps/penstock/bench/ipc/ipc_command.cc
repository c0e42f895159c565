// SPDX-License-Identifier: MIT
// penstock bench ipc and ipc-report: reads the options, measures or reports, says what was written.
#include "apps/penstock/bench/ipc/ipc_command.h"

#include <fmt/format.h>
#include <penstock/transport.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "apps/penstock/bench/arguments.h"
#include "apps/penstock/bench/ipc/ipc_benchmark.h"
#include "apps/penstock/console.h"
#include "platform/file.h"
#include "store/json_fields.h"

namespace penstock::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kResultsFile = "benchmark_results.json";

// Those that this build has, unless some are named.
Result<std::vector<std::string>> chosen_backends(const Arguments& arguments) {
  std::vector<std::string> names;
  for (const std::string& list : arguments.values("--backend")) {
    for (const std::string& name : comma_separated(list)) {
      PENSTOCK_ASSIGN(const TransportInfo* const info, TransportRegistry::global().find(name));
      if (info->can_use_here != nullptr) PENSTOCK_TRY(info->can_use_here());
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  if (!names.empty()) return names;
  for (const TransportInfo* info : TransportRegistry::global().all()) {
    if (!why_not_here(*info)) names.push_back(info->name);
  }
  return names;
}

Result<IpcSettings> settings_from(const Arguments& arguments) {
  constexpr std::uint64_t kMostEntries = 10'000'000;
  constexpr std::uint64_t kMostIterations = 100'000;
  IpcSettings settings;
  if (arguments.has("--entries")) settings.entries.clear();
  for (const std::string& list : arguments.values("--entries")) {
    for (const std::string& part : comma_separated(list)) {
      PENSTOCK_ASSIGN(const std::uint64_t entries, whole_number("--entries", part, 1, kMostEntries));
      settings.entries.push_back(entries);
    }
  }
  PENSTOCK_ASSIGN(const std::uint64_t iterations,
                  whole_number("--iterations", arguments.value("--iterations", "100"), 1, kMostIterations));
  PENSTOCK_ASSIGN(const std::uint64_t readers, whole_number("--readers", arguments.value("--readers", "3"), 1, 64));
  settings.iterations = static_cast<std::uint32_t>(iterations);
  settings.readers = static_cast<std::uint32_t>(readers);
  const std::string scenario = arguments.value("--scenario", "both");
  if (scenario != "shared" && scenario != "streaming" && scenario != "both") {
    return Error(ErrorCode::kInvalidArgument, fmt::format("unknown scenario: \"{}\"", scenario))
        .hint("one of shared, streaming, both");
  }
  settings.shared = scenario != "streaming";
  settings.streaming = scenario != "shared";
  for (const char* flag : {"--machines", "--persistent"}) {
    if (arguments.has(flag)) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("{} says what to recommend, not what to measure", flag))
          .hint(fmt::format("penstock bench ipc-report {} ...", flag));
    }
  }
  PENSTOCK_ASSIGN(settings.backends, chosen_backends(arguments));
  return settings;
}

// Before minutes of measuring.
Status make_results_folder(const std::string& folder) {
  PENSTOCK_TRY(make_folders(folder));
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return file_error(errno, "write to", folder);
  return {};
}

}  // namespace

int bench_ipc(const Arguments& arguments) {
  const Result<IpcSettings> settings = settings_from(arguments);
  if (!settings) return failed(settings.error(), kUsage);
  const std::string folder = arguments.value("--out", ".");
  if (const Status made = make_results_folder(folder); !made) return failed(made.error());
  const Result<Json> results = run_ipc_benchmark(*settings);
  if (!results)
    return failed(results.error(), results.error().code() == ErrorCode::kCancelled ? kInterrupted : kFailed);
  if (results->is_null()) return kOk;  // rank 0 speaks for all
  const std::string path = folder + "/" + kResultsFile;
  if (const Status written = write_file(path, json_document(*results)); !written) return failed(written.error());
  const bool forked = (*results)["processes"] == "fork";
  print(fmt::format("measured {} with {} readers, {}; wrote {}\n", fmt::join(settings->backends, ", "),
                    (*results)["readers"].get<int>(), forked ? "forked: not started by mpiexec" : "as ranks of mpiexec",
                    path));
  if (arguments.has("--backend")) return kOk;  // what was not asked for is not missed
  for (const Json& each : (*results)["missing"]) {
    print(fmt::format("left out: {}: {}\n", each["backend"].get<std::string>(), each["why"].get<std::string>()));
  }
  return kOk;
}

int bench_ipc_report(const Arguments& arguments) {
  const std::string folder = arguments.value("--out", ".");
  const std::string path = folder + "/" + kResultsFile;
  IpcCase wanted;
  const Result<std::uint64_t> readers = whole_number("--readers", arguments.value("--readers", "3"), 1, 64);
  const Result<std::uint64_t> machines = whole_number("--machines", arguments.value("--machines", "1"), 1, 100'000);
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

}  // namespace penstock::app
