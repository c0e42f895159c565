// SPDX-License-Identifier: MIT
#include "apps/penstock/runs_change.h"

#include <fmt/format.h>
#include <penstock/operator.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/penstock/console.h"
#include "platform/file.h"
#include "store/json_fields.h"
#include "stream/table.h"
#include "workflow/run_diff.h"
#include "workflow/run_page.h"

namespace penstock::app {
namespace {

using Json = nlohmann::ordered_json;

bool goes_on(const StoredRun& run) { return run.status == "running"; }

// Removes them, or only says so; the answer is the same.
int remove_all(const RunStore& store, const std::vector<std::string>& ids, const Arguments& arguments) {
  const bool really = !arguments.has("--dry-run");
  std::uint64_t bytes = 0;
  Json removed = Json::array();
  for (const std::string& id : ids) {
    const std::uint64_t size = store.size_bytes(id);
    const Status status = really ? store.remove(id) : Status();
    if (!status) return failed(status.error());
    bytes += size;
    removed.push_back(id);
    if (!arguments.has("--json")) print(fmt::format("{} {}\n", really ? "removed" : "would remove", id));
  }
  if (really) store.finish_removals();
  if (arguments.has("--json")) {
    print_data(json_document({{"version", 1}, {"removed", removed}, {"size", bytes}, {"dry_run", !really}}));
  } else {
    print(fmt::format("{}, {}{}\n", counted(ids.size(), "run"), bytes_text(bytes),
                      ids.empty() ? "" : " with what they share with the cache"));
  }
  return kOk;
}

struct Limits {
  std::int64_t keep = -1;  // -1: not asked for, here and below
  std::int64_t oldest_micros = -1;
  std::int64_t most_bytes = -1;
};

Result<Limits> limits_of(const Arguments& arguments) {
  Limits limits;
  if (const std::string text = arguments.value("--keep"); !text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limits.keep);
    if (error != std::errc() || end != text.data() + text.size() || limits.keep < 0)
      return Error(ErrorCode::kInvalidArgument, fmt::format("--keep takes a number of runs, but is \"{}\"", text));
  }
  if (arguments.has("--older-than")) {
    PENSTOCK_ASSIGN(const std::int64_t age, parse_duration(arguments.value("--older-than")));
    limits.oldest_micros = now_micros() - age;
  }
  if (arguments.has("--max-size")) {
    PENSTOCK_ASSIGN(limits.most_bytes, parse_bytes(arguments.value("--max-size")));
  }
  if (limits.keep < 0 && limits.oldest_micros < 0 && limits.most_bytes < 0) {
    return Error(ErrorCode::kInvalidArgument, "penstock runs gc needs --keep, --older-than or --max-size")
        .hint("for instance penstock runs gc --keep 20");
  }
  return limits;
}

// `runs` are the newest first.
std::vector<std::string> beyond(const RunStore& store, const std::vector<StoredRun>& runs, const Limits& limits) {
  std::vector<std::string> out;
  const std::string oldest = limits.oldest_micros < 0 ? std::string() : utc_text(limits.oldest_micros);
  std::int64_t kept = 0;
  std::uint64_t bytes = 0;
  std::set<std::string> counted_folders;  // runs that repeat one share its folder, which stays as long as one of them
  for (const StoredRun& run : runs) {
    const std::string repeated = RunFolder(store.root(), run.id).repeats();
    const std::string& folder = repeated.empty() ? run.id : repeated;
    const bool first = limits.most_bytes >= 0 && counted_folders.insert(folder).second;
    const std::uint64_t size = first ? store.size_bytes(folder) : 0;
    const bool too_many = limits.keep >= 0 && kept >= limits.keep;
    const bool too_old = !oldest.empty() && run.started_at < oldest;
    const bool too_much = limits.most_bytes >= 0 && bytes + size > static_cast<std::uint64_t>(limits.most_bytes);
    const bool newest = kept == 0 && limits.keep != 0;
    if ((too_many || too_old || too_much) && !newest && !goes_on(run)) {
      out.push_back(run.id);
      continue;
    }
    ++kept;
    bytes += size;
  }
  return out;
}

}  // namespace

Result<std::string> write_page(const RunStore& store, const std::string& id, std::string path) {
  PENSTOCK_ASSIGN(const std::string page, run_page(store, id));
  if (path.empty()) path = store.path_of_page(id);
  PENSTOCK_TRY(write_file(path, page));
  return path;
}

int report_run(const RunStore& store, const Arguments& arguments) {
  const Result<std::string> id = store.find(arguments.positional(1, "latest"));
  if (!id) return failed(id.error());
  const Result<std::string> path = write_page(store, *id, arguments.value("--to"));
  if (!path) return failed(path.error());
  print(*path + "\n");
  return kOk;
}

int diff_runs(const RunStore& store, const Arguments& arguments) {
  std::string ids[2];
  const Result<std::vector<StoredRun>> runs = store.list();
  if (!runs) return failed(runs.error());
  if (arguments.positionals() < 3 && runs->size() < 2) {
    return failed(Error(ErrorCode::kNotFound, fmt::format("there are no two runs in {}", store.root()))
                      .hint("penstock runs list shows the runs"));
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string text = arguments.positional(i + 1, i == 0 ? (*runs)[1].id : (*runs)[0].id);
    const Result<std::string> id = store.find(text);
    if (!id) return failed(id.error());
    ids[i] = *id;
  }
  const Result<RunDifference> difference = compare_runs(store, ids[0], ids[1]);
  if (!difference) return failed(difference.error());
  if (arguments.has("--json")) {
    print_data(difference->to_json());
  } else {
    print(difference->to_text());
  }
  return kOk;
}

int remove_runs(const RunStore& store, const Arguments& arguments) {
  std::vector<std::string> ids;
  for (std::size_t i = 1; i < arguments.positionals(); ++i) {
    const Result<std::string> id = store.find(arguments.positional(i));
    if (!id) return failed(id.error());
    if (std::find(ids.begin(), ids.end(), *id) == ids.end()) ids.push_back(*id);
  }
  return remove_all(store, ids, arguments);
}

int collect_runs(const RunStore& store, const Arguments& arguments) {
  const Result<Limits> limits = limits_of(arguments);
  if (!limits) {
    print_error(limits.error());
    return kUsage;
  }
  const Result<std::vector<StoredRun>> runs = store.list();
  if (!runs) return failed(runs.error());
  return remove_all(store, beyond(store, *runs, *limits), arguments);
}

}  // namespace penstock::app
