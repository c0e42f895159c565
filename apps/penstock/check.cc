// SPDX-License-Identifier: MIT
// penstock check: reads a pipeline file, binds its operators, and says what is wrong before a record moves.
#include <fmt/format.h>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "apps/penstock/file_arguments.h"
#include "stream/table.h"

namespace penstock::app {
namespace {

int check(const Arguments& arguments) {
  Result<PipelineFile> file = file_of(arguments);
  if (!file) {
    print_error(file.error());
    return kUsage;
  }
  std::size_t operators = 0;
  std::string notes;
  for (const FileStage& stage : file->stages) {
    operators += stage.steps.size();
    if (stage.reads.empty()) continue;
    notes += fmt::format("  stage \"{}\" reads what stage \"{}\" makes: its types are checked when it runs\n",
                         stage.name, fmt::join(stage.reads, "\", \""));
  }
  if (const Status status = check_pipeline_file(*file); !status) {
    print_error(status.error());
    return exit_code_of(status.error(), file->path);
  }
  print(fmt::format("{}: ok, {}, {}\n{}", file->path, counted(file->stages.size(), "stage"),
                    counted(operators, "operator"), notes));
  return kOk;
}

}  // namespace

Command check_command() {
  Command command;
  command.name = "check";
  command.summary = "Checks a pipeline file without running it";
  command.description =
      "Checks syntax, names, options, expressions and types. Reads at most a sample of the input, where a schema is "
      "inferred\n"
      "from it, and writes nothing. Ends with exit code 2 when the file is wrong, 1 when an input is missing or its "
      "records do not "
      "fit.";
  command.positionals = {file_positional()};
  command.flags = {set_flag()};
  command.examples = {{"penstock check orders.toml", "Say \"ok\", or what is wrong at which line and column"}};
  command.run = check;
  return command;
}

}  // namespace penstock::app
