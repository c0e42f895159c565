// SPDX-License-Identifier: MIT
// penstock runs: lists the runs that are kept, shows or compares some, or removes some or what lost ones left.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "apps/penstock/runs_change.h"
#include "base/printable.h"
#include "store/json_fields.h"
#include "store/run_store.h"
#include "stream/table.h"
#include "workflow/run_page.h"

namespace penstock::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFiles[] = {"run", "manifest", "timing", "metrics"};

// "2026-11-20T10:15:00Z"
std::string to_the_second(const std::string& time) { return time.size() < 19 ? time : time.substr(0, 19) + "Z"; }

int list_runs(const RunStore& store, bool json) {
  const Result<std::vector<StoredRun>> runs = store.list();
  if (!runs) return failed(runs.error());
  Json list = Json::array();
  std::string notes;
  std::size_t lost = 0;
  Table table({"run", "status", "name", "strategy", "started", ">took"});
  for (const StoredRun& run : *runs) {
    list.push_back({{"run_id", run.id},
                    {"path", run.path},
                    {"status", run.status},
                    {"name", run.name},
                    {"strategy", run.strategy},
                    {"started_at", run.started_at},
                    {"duration_seconds", run.duration_seconds},
                    {"error", run.error}});
    const bool ended = run.status != "running" && run.status != "lost" && run.status != "unreadable";
    table.add({run.id, run.status, printable(run.name), printable(run.strategy),
               to_the_second(printable(run.started_at)), ended ? duration_text(run.duration_seconds) : ""});
    if (run.status == "unreadable") notes += fmt::format("unreadable: {}\n", printable(run.error));
    lost += run.status == "lost" ? 1 : 0;
  }
  if (lost > 0)
    notes += "lost: the process ended without a word; penstock runs clean removes what it left half-written\n";
  if (json) {
    print_data(json_document({{"version", 1}, {"runs", std::move(list)}}));
  } else {
    print(runs->empty() ? fmt::format("no runs in {}\n", store.root()) : table.to_text() + notes);
  }
  return kOk;
}

int clean(const RunStore& store, bool json) {
  const Result<std::vector<std::string>> removed = store.clean();
  if (!removed) return failed(removed.error());
  if (json) {
    print_data(json_document({{"version", 1}, {"removed", *removed}}));
    return kOk;
  }
  for (const std::string& path : *removed) print(fmt::format("removed {}\n", printable(path)));
  if (removed->empty()) print(fmt::format("nothing is left of lost runs in {}\n", store.root()));
  return kOk;
}

std::string word_in(const Json& object, const char* key) { return printable(text_in(object, key)); }

std::string stages_to_text(const Json& manifest) {
  std::string text;
  const auto stages = manifest.find("stages");
  if (stages == manifest.end() || !stages->is_array()) return text;
  for (const Json& stage : *stages) {
    text += fmt::format("stage {}: {}\n", word_in(stage, "stage"), word_in(stage, "status"));
    const auto artifacts = stage.find("artifacts");
    if (artifacts == stage.end() || !artifacts->is_array()) continue;
    for (const Json& artifact : *artifacts) {
      text += fmt::format("  {} ({}, {})\n", word_in(artifact, "path"), word_in(artifact, "type"),
                          bytes_text(number_in<std::uint64_t>(artifact, "size")));
    }
  }
  return text;
}

std::string counts_to_text(const Json& metrics) {
  std::string text;
  const auto stages = metrics.find("stages");
  if (stages == metrics.end() || !stages->is_array()) return text;
  for (const Json& stage : *stages) {
    const auto report = stage.find("report");
    if (report == stage.end() || !report->is_object()) continue;
    text += fmt::format("stage {}: {} in = {} out + {} rejected + {} dropped\n", word_in(stage, "stage"),
                        counted(number_in<std::uint64_t>(*report, "records_in"), "record"),
                        with_commas(number_in<std::uint64_t>(*report, "records_out")),
                        with_commas(number_in<std::uint64_t>(*report, "records_rejected")),
                        with_commas(number_in<std::uint64_t>(*report, "records_dropped")));
  }
  return text;
}

int show_run(const RunStore& store, const std::string& which, bool json) {
  const Result<std::string> id = store.find(which);
  if (!id) return failed(id.error());
  const Result<StoredRun> run = store.read(*id);
  if (!run) return failed(run.error());
  // What it had finished may stand in its journal alone.
  if (run->status != "running") {
    if (const Status finished = RunFolder(store.root(), *id).finish_stages(); !finished)
      return failed(finished.error());
  }
  Json files = {{"version", 1}};
  for (const char* const name : kFiles) {
    const Result<std::string> text = store.read_text(*id, std::string(name) + ".json");
    Json parsed = text ? Json::parse(*text, nullptr, false) : Json(nullptr);  // a run that goes on has not written all
    files[name] = parsed.is_discarded() ? Json(nullptr) : std::move(parsed);
  }
  if (json) {
    files["run"]["status"] = run->status;  // "lost" is known only to who looks
    print_data(json_document(files));
    return kOk;
  }
  print(fmt::format("run {}: {}\nname: {}\nstrategy: {}\nstarted: {}\ntook: {}\nfolder: {}\n", run->id,
                    printable(run->status), printable(run->name), printable(run->strategy), printable(run->started_at),
                    duration_text(run->duration_seconds), run->path));
  if (!run->error.empty()) print(fmt::format("error: {}\n", printable_lines(run->error)));
  print(counts_to_text(files["metrics"]));
  print(stages_to_text(files["manifest"]));
  if (const Result<std::string> timeline = run_timeline(store, *id, terminal_columns()); timeline && !timeline->empty())
    print("timeline:\n" + *timeline);
  return kOk;
}

int runs(const Arguments& arguments) {
  const RunStore store(arguments.value("--out", "pipeline_outputs"));
  const std::string action = arguments.positional(0, "list");
  const bool json = arguments.has("--json");
  struct Action {
    std::size_t least;
    std::size_t most;
    const char* takes;
  };
  static const std::map<std::string_view, Action> actions = {{"list", {0, 0, "no run"}},
                                                             {"show", {0, 1, "one run"}},
                                                             {"diff", {0, 2, "two runs at most"}},
                                                             {"rm", {1, 1000, "at least one run"}},
                                                             {"gc", {0, 0, "no run"}},
                                                             {"clean", {0, 0, "no run"}}};
  const auto known = actions.find(action);
  const std::size_t given = arguments.positionals() == 0 ? 0 : arguments.positionals() - 1;
  if (known != actions.end() && (given < known->second.least || given > known->second.most)) {
    print_error(
        Error(ErrorCode::kInvalidArgument, fmt::format("penstock runs {} takes {}", action, known->second.takes))
            .hint(given > 0 ? "penstock runs show " + arguments.positional(1) : "penstock runs list shows them"));
    return kUsage;
  }
  if (action == "show") return show_run(store, arguments.positional(1, "latest"), json);
  if (action == "report") return report_run(store, arguments);
  if (action == "diff") return diff_runs(store, arguments);
  if (action == "rm") return remove_runs(store, arguments);
  if (action == "gc") return collect_runs(store, arguments);
  return action == "clean" ? clean(store, json) : list_runs(store, json);
}

}  // namespace

Command runs_command() {
  Command command;
  command.name = "runs";
  command.summary = "Lists the runs that are kept, shows or compares some, removes some";
  command.description =
      "list and show say what runs did; report writes that as a page of HTML, which needs no network, into the folder "
      "of "
      "the\n"
      "run, or to --to. diff says what is not the same in two runs: settings, parameters, stages, the\n"
      "fields of their keys, artifacts by content; without runs it takes the two newest, with one that one and the "
      "newest.\n"
      "rm removes runs. gc removes those that began before --older-than, all but the newest --keep, and of the others "
      "the\n"
      "oldest until the rest fits into --max-size; never one that goes on, nor, without --keep 0, the newest one. "
      "Kept\n"
      "results of stages stay in the cache (penstock cache gc). clean removes the temporary files of lost runs, those "
      "beside\n"
      "their outputs too, and leaves everything else alone.\n\n"
      "Status: running, done, drained (stopped early, outputs kept), failed, cancelled, lost (its process ended "
      "without a\n"
      "word, for instance killed), or unreadable (its run.json is damaged; the reason is below the list).";
  command.positionals = {{"ACTION",
                          false,
                          "list (default), show, report, diff, rm, gc or clean",
                          Completes::kWords,
                          {"list", "show", "report", "diff", "rm", "gc", "clean"}},
                         {"RUN",
                          false,
                          "For show, report, diff and rm: \"latest\", a run id, or a part of one",
                          Completes::kRuns,
                          {},
                          true}};
  command.flags = {
      {"--to", "FILE", "report: where the page goes (default: report.html in the folder of the run)"},
      {"--keep", "N", "gc: how many runs stay, the newest ones"},
      {"--older-than", "TIME", "gc: remove runs that began so long ago, for instance 30d"},
      {"--max-size", "BYTES", "gc: most bytes that stay, for instance 10GiB"},
      {"--dry-run", "", "rm and gc: only say what would be removed"},
      {"--out", "DIR", "Folder that keeps the runs (default: pipeline_outputs)", false, Completes::kFolders},
      {"--json", "", "Print JSON"}};
  command.examples = {{"penstock runs list", "All runs, newest first"},
                      {"penstock runs show latest", "Counts, stages and artifacts of the last run"},
                      {"penstock runs report", "Write the page of the last run, and say where it is"},
                      {"penstock runs diff", "What is not the same in the last two runs"},
                      {"penstock runs gc --keep 20 --older-than 30d", "Make room"},
                      {"penstock runs clean", "Remove the temporary files that killed runs left"},
                      {"penstock runs show 20261120_101500_a1b2c3 --json", "One run, for programs"}};
  command.run = runs;
  return command;
}

}  // namespace penstock::app
