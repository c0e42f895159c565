// SPDX-License-Identifier: MIT
// penstock why: explains why a stage ran, or why its result was taken over.
#include "workflow/why.h"

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"

namespace penstock::app {
namespace {

int why(const Arguments& arguments) {
  const RunStore store(arguments.value("--out", "pipeline_outputs"));
  const Result<std::string> id = store.find(arguments.value("--run", "latest"));
  const Result<StageExplanation> explanation =
      id ? explain_stage(store, *id, arguments.positional(0)) : Result<StageExplanation>(id.error());
  if (!explanation) {
    print_error(explanation.error());
    return kFailed;
  }
  if (arguments.has("--json")) {
    print_data(explanation->to_json());
  } else {
    print(explanation->to_text());
  }
  return kOk;
}

}  // namespace

Command why_command() {
  Command command;
  command.name = "why";
  command.summary = "Says why a stage ran, or why its result was kept";
  command.description =
      "Compares the key of STAGE with that of the newest earlier run of the same workflow, and prints every field "
      "that\n"
      "differs: its code, command, parameters, inputs by content.";
  command.positionals = {{"STAGE", true, "A stage of the run"}};
  command.flags = {
      {"--run", "RUN", "Of this run (default: latest)", false, Completes::kRuns},
      {"--out", "DIR", "Folder that keeps the runs (default: pipeline_outputs)", false, Completes::kFolders},
      {"--json", "", "Print the explanation as JSON"}};
  command.examples = {{"penstock why plot", "Why the last run ran stage plot, or did not"}};
  command.run = why;
  return command;
}

}  // namespace penstock::app
