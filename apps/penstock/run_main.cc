// SPDX-License-Identifier: MIT
// Finds the command, reads its arguments, runs it.
#include <penstock/main.h>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "base/nearest_name.h"

namespace penstock::app {

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands = {
      run_command(),   resume_command(), check_command(),  plan_command(),    graph_command(),     why_command(),
      cache_command(), ops_command(),    runs_command(),   shm_command(),     embed_command(),     search_command(),
      bench_command(), init_command(),   doctor_command(), version_command(), completion_command()};
  return commands;
}

namespace {

const Command* find_command(std::string_view name) {
  for (const Command& command : all_commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

int usage_error(const Error& error) {
  print_error(error);
  return kUsage;
}

int run_command_line(std::vector<std::string> words) {
  if (words.empty()) {
    print_to_stderr(help_text(all_commands()));
    return kUsage;
  }
  if (words.front() == "--help" || words.front() == "-h" || words.front() == "help") {
    const Command* const command = words.size() > 1 ? find_command(words[1]) : nullptr;
    print(command != nullptr ? help_text(*command) : help_text(all_commands()));
    return kOk;
  }
  if (words.front() == "--version" || words.front() == "-V") words.front() = "version";
  const Command* const command = find_command(words.front());
  if (command == nullptr) {
    std::vector<std::string> known;
    for (const Command& each : all_commands()) known.push_back(each.name);
    return usage_error(Error(ErrorCode::kInvalidArgument, "unknown command: \"" + words.front() + "\"")
                           .hint(suggest_name(words.front(), known)));
  }
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  for (const std::string& word : rest) {
    if (word == "--") break;
    if (word != "--help" && word != "-h") continue;
    print(help_text(*command));
    return kOk;
  }
  const Result<Arguments> arguments = parse_arguments(*command, rest);
  return arguments ? command->run(*arguments) : usage_error(arguments.error());
}

}  // namespace
}  // namespace penstock::app

int penstock::run_main(int argc, char** argv) {
  using namespace penstock::app;
  const int code = run_command_line(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  // What was printed counts only when it arrived: penstock ops > /dev/full must not end well.
  return finish_output() ? code : static_cast<int>(kFailed);
}
