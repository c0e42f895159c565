// SPDX-License-Identifier: MIT
// penstock graph: shows which stage needs which.
#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "apps/penstock/file_arguments.h"
#include "workflow/stage_graph.h"

namespace penstock::app {
namespace {

int graph(const Arguments& arguments) {
  const Result<PipelineFile> file = file_of(arguments);
  if (!file) {
    print_error(file.error());
    return kUsage;
  }
  const StageGraph graph = make_stage_graph(*file).value();  // the file would not have loaded with a wrong one
  const std::string format = arguments.value("--format", "text");
  if (format == "text") {
    print(graph_to_text(*file, graph));
  } else {
    print_data(format == "dot" ? graph_to_dot(*file, graph) : graph_to_mermaid(*file, graph));
  }
  return kOk;
}

}  // namespace

Command graph_command() {
  Command command;
  command.name = "graph";
  command.summary = "Shows the stages of a file and which needs which";
  command.description =
      "A stage begins as soon as those that it needs have ended; a wave is what could run at once if all stages took\n"
      "equally long. \"<-\" names stages whose artifacts are read, \"after\" those that must only have ended.";
  command.positionals = {file_positional()};
  command.flags = {set_flag(),
                   {"--format",
                    "F",
                    "text, dot (for Graphviz) or mermaid (default: text)",
                    false,
                    Completes::kWords,
                    {"text", "dot", "mermaid"}}};
  command.examples = {{"penstock graph photos.toml", "The stages in waves"},
                      {"penstock graph photos.toml --format dot | dot -Tsvg > photos.svg", "A drawing"}};
  command.run = graph;
  return command;
}

}  // namespace penstock::app
