// SPDX-License-Identifier: MIT
// penstock cache: lists the kept results of stages, removes some, or reads them all to see whether they are whole.
#include <fmt/format.h>
#include <penstock/operator.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "base/printable.h"
#include "store/json_fields.h"
#include "store/run_store.h"
#include "store/stage_cache.h"
#include "stream/table.h"

namespace penstock::app {
namespace {

using Json = nlohmann::ordered_json;
using Listed = StageCache::Listed;

void print_json(const Json& json) { print_data(json_document(json)); }

std::string time_of(const Listed& entry) { return utc_text(entry.used_at * 1'000'000).substr(0, 19) + "Z"; }

int list_entries(const std::vector<Listed>& entries, bool json) {
  Json list = Json::array();
  Table table({"key", "stage", ">size", "used", "of run"});
  std::uint64_t bytes = 0;
  for (const Listed& each : entries) {
    bytes += each.size_bytes;
    list.push_back({{"key", each.folder},
                    {"stage", each.entry.stage},
                    {"size", each.size_bytes},
                    {"used_at", time_of(each)},
                    {"run_id", each.entry.run_id},
                    {"fault", each.fault}});
    table.add({each.folder, each.fault.empty() ? each.entry.stage : "(damaged)", bytes_text(each.size_bytes),
               time_of(each), each.entry.run_id});
  }
  if (json) {
    print_json({{"version", 1}, {"size", bytes}, {"entries", std::move(list)}});
  } else {
    print(entries.empty()
              ? "the cache is empty\n"
              : table.to_text() + fmt::format("{}, {}\n", counted(entries.size(), "result"), bytes_text(bytes)));
  }
  return kOk;
}

int verify(const StageCache& cache, const std::vector<Listed>& entries, bool remove, bool json) {
  Json faults = Json::array();
  for (const Listed& each : entries) {
    const Status whole = cache.verify(each);
    if (whole) continue;
    faults.push_back({{"key", each.folder}, {"fault", whole.error().message()}});
    if (!json) print(fmt::format("{}: {}\n", each.folder, printable(whole.error().message())));
    if (!remove) continue;
    if (const Status removed = cache.remove(each.folder); !removed) return failed(removed.error());
  }
  if (json) {
    print_json({{"version", 1}, {"entries", entries.size()}, {"faults", faults}});
  } else {
    print(fmt::format("{}, {} damaged{}\n", counted(entries.size(), "result"), faults.size(),
                      faults.empty() || !remove ? "" : " and removed"));
  }
  return faults.empty() || remove ? kOk : kFailed;
}

// What is over the size, or was not used for so long; the ones used last stay.
Result<std::vector<Listed>> chosen(const std::vector<Listed>& entries, const Arguments& arguments) {
  std::int64_t most_bytes = -1;
  std::int64_t oldest = -1;
  if (arguments.has("--max-size")) {
    PENSTOCK_ASSIGN(most_bytes, parse_bytes(arguments.value("--max-size")));
  }
  if (arguments.has("--older-than")) {
    PENSTOCK_ASSIGN(const std::int64_t age, parse_duration(arguments.value("--older-than")));
    oldest = (now_micros() - age) / 1'000'000;
  }
  if (most_bytes < 0 && oldest < 0) {
    return Error(ErrorCode::kInvalidArgument, "penstock cache gc needs --max-size or --older-than")
        .hint("for instance penstock cache gc --max-size 10GiB");
  }
  std::vector<Listed> out;
  std::uint64_t kept = 0;
  for (const Listed& each : entries) {
    const bool too_much = most_bytes >= 0 && kept + each.size_bytes > static_cast<std::uint64_t>(most_bytes);
    const bool too_old = oldest >= 0 && each.used_at < oldest;
    if (too_much || too_old || !each.fault.empty()) {
      out.push_back(each);
    } else {
      kept += each.size_bytes;
    }
  }
  return out;
}

int collect(const StageCache& cache, const std::vector<Listed>& entries, const Arguments& arguments) {
  const Result<std::vector<Listed>> out = chosen(entries, arguments);
  if (!out) {
    print_error(out.error());
    return kUsage;
  }
  const std::size_t left_behind = cache.clean();
  std::uint64_t bytes = 0;
  Json removed = Json::array();
  for (const Listed& each : *out) {
    if (const Status status = cache.remove(each.folder); !status) return failed(status.error());
    bytes += each.size_bytes;
    removed.push_back(each.folder);
  }
  if (arguments.has("--json")) {
    print_json({{"version", 1}, {"removed", removed}, {"size", bytes}, {"left_behind", left_behind}});
  } else {
    print(fmt::format("removed {}, {}; {} stay\n", counted(out->size(), "result"), bytes_text(bytes),
                      entries.size() - out->size()));
  }
  return kOk;
}

int cache(const Arguments& arguments) {
  const StageCache cache(arguments.value("--out", "pipeline_outputs"));
  const Result<std::vector<Listed>> entries = cache.list();
  if (!entries) return failed(entries.error());
  const std::string action = arguments.positional(0, "list");
  if (action == "verify") return verify(cache, *entries, arguments.has("--remove"), arguments.has("--json"));
  if (action == "gc") return collect(cache, *entries, arguments);
  return list_entries(*entries, arguments.has("--json"));
}

}  // namespace

Command cache_command() {
  Command command;
  command.name = "cache";
  command.summary = "Lists kept results of stages, removes some, or checks them";
  command.description =
      "list shows them, the one used last first. gc removes those that were not used for --older-than, and of the "
      "others\n"
      "the ones used longest ago until the rest fits into --max-size; runs keep their artifacts. verify reads every "
      "byte\n"
      "and compares it with its digest.";
  command.positionals = {
      {"ACTION", false, "list, gc or verify (default: list)", Completes::kWords, {"list", "gc", "verify"}}};
  command.flags = {
      {"--max-size", "BYTES", "gc: most bytes that stay, for instance 10GiB"},
      {"--older-than", "TIME", "gc: remove what was not used for so long, for instance 30d"},
      {"--remove", "", "verify: remove what is damaged"},
      {"--out", "DIR", "Folder that keeps the runs (default: pipeline_outputs)", false, Completes::kFolders},
      {"--json", "", "Print the answer as JSON"}};
  command.examples = {{"penstock cache list", "What is kept, of which stage, how large"},
                      {"penstock cache gc --max-size 10GiB --older-than 30d", "Make room"},
                      {"penstock cache verify --remove", "Remove what is not whole"}};
  command.run = cache;
  return command;
}

}  // namespace penstock::app
