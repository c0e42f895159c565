// SPDX-License-Identifier: MIT
// penstock plan: shows how a pipeline file would run, and why.
#include <fmt/format.h>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "apps/penstock/file_arguments.h"
#include "workflow/file_run.h"
#include "workflow/stage_graph.h"

namespace penstock::app {
namespace {

// How a stage that is a command would run, and why.
std::string command_text(const FileStage& stage) {
  std::string text = fmt::format("  command: {}{}\n  mode: process, as {}\n", fmt::join(stage.command.words, " "),
                                 stage.command.shell ? " (by the shell)" : "", mode_of(stage).reason);
  if (stage.for_each) text += "  for each of a list, which is known when it runs\n";
  if (!stage.when.empty()) text += fmt::format("  only when {}\n", stage.when);
  if (stage.retry.max_attempts > 1) text += fmt::format("  up to {} attempts\n", stage.retry.max_attempts);
  for (const OptionValue::Entry& entry : stage.resources)
    text += fmt::format("  needs {} of {}\n", entry.value.to_text(), entry.name);
  return text;
}

std::string to_text(const PipelineFile& file, const std::vector<StagePlan>& plans) {
  const StageGraph graph = make_stage_graph(file).value();
  std::string text = plans.size() > 1 ? graph_to_text(file, graph) : std::string();
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (!text.empty()) text += "\n";
    if (plans.size() > 1) text += fmt::format("stage \"{}\"\n", plans[i].stage);
    text += file.stages[i].is_command() ? command_text(file.stages[i])
            : file.stages[i].for_each   ? std::string("  for each of a list, which is known when it runs\n")
            : plans[i].plan             ? plans[i].plan->to_text()
                                        : fmt::format("  planned when it runs: it reads what stage \"{}\" makes\n",
                                                      fmt::join(file.stages[i].reads, "\", \""));
  }
  return text;
}

int plan(const Arguments& arguments) {
  Result<PipelineFile> file = file_of(arguments);
  if (!file) {
    print_error(file.error());
    return kUsage;
  }
  const Result<std::vector<StagePlan>> plans = plan_pipeline_file(*file);
  if (!plans) {
    print_error(plans.error());
    return exit_code_of(plans.error(), file->path);
  }
  if (arguments.has("--json")) {
    print_data(plans_to_json(*plans));
  } else {
    print(to_text(*file, *plans));
  }
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
