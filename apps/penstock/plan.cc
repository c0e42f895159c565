// SPDX-License-Identifier: MIT
// penstock plan: shows how a pipeline file would run, and why.
#include <fmt/format.h>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "apps/penstock/file_arguments.h"
#include "workflow/file_run.h"

namespace penstock::app {
namespace {

int plan(const Arguments& arguments) {
  Result<PipelineFile> file = file_of(arguments);
  if (!file) {
    print_error(file.error());
    return kUsage;
  }
  std::vector<std::pair<std::string, Plan>> plans;
  std::string text;
  for (const FileStage& stage : file->stages) {
    if (!text.empty()) text += "\n";
    if (file->stages.size() > 1) text += fmt::format("stage \"{}\"\n", stage.name);
    if (!stage.reads.empty()) {
      text +=
          fmt::format("  planned when it runs: it reads what stage \"{}\" makes\n", fmt::join(stage.reads, "\", \""));
      continue;
    }
    Result<Plan> decided = make_pipeline(*file, stage, "pipeline_outputs/runs/RUN_ID").plan(file->run);
    if (!decided) {
      print_error(decided.error());
      return kUsage;
    }
    text += decided->to_text();
    plans.emplace_back(stage.name, std::move(*decided));
  }
  print(arguments.has("--json") ? plans_to_json(plans) : text);
  return kOk;
}

}  // namespace

Command plan_command() {
  Command command;
  command.name = "plan";
  command.summary = "Shows how a pipeline file would run, and why";
  command.description =
      "Prints the segments, the workers that run them, the channels between them and the reasons. Moves no record; "
      "reads at\n"
      "most a sample of the input. A stage that reads what an earlier one makes is planned only when it runs.";
  command.positionals = {file_positional()};
  command.flags = run_setting_flags();
  command.flags.push_back(set_flag());
  command.flags.push_back({"--json", "", "Print the plan as JSON"});
  command.examples = {{"penstock plan orders.toml", "The plan of the strategy that the file names"},
                      {"penstock plan orders.toml --strategy threads --json", "Another strategy's, for programs"}};
  command.run = plan;
  return command;
}

}  // namespace penstock::app
