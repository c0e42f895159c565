// SPDX-License-Identifier: MIT
// penstock completion: scripts for shells, made from the tables of the commands.
#include <fmt/format.h>
#include <penstock/pipeline.h>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"

namespace penstock::app {
namespace {

// Words that are asked for when Tab is pressed, so that they are those of the program that is installed then.
constexpr const char* kOperatorWords =
    "penstock ops --json 2>/dev/null | sed -n 's/^      \"name\": \"\\(.*\\)\",$/\\1/p'";
constexpr const char* kRunWords =
    "penstock runs list --json 2>/dev/null | sed -n 's/^      \"run_id\": \"\\(.*\\)\",$/\\1/p'";

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

std::string strategy_words() {
  std::vector<std::string> names;
  for (const StrategyInfo& info : all_strategies()) names.push_back(info.name);
  return joined(names);
}

std::string command_words() {
  std::vector<std::string> names;
  for (const Command& command : all_commands()) names.push_back(command.name);
  return joined(names);
}

// ---- bash

std::string bash_words(Completes completes, const std::vector<std::string>& words) {
  switch (completes) {
    case Completes::kPipelineFiles:
      return "COMPREPLY=($(compgen -f -X '!*.toml' -- \"$cur\") $(compgen -d -S / -- \"$cur\"))";
    case Completes::kFolders: return "COMPREPLY=($(compgen -d -S / -- \"$cur\"))";
    case Completes::kOperators: return fmt::format("COMPREPLY=($(compgen -W \"$({})\" -- \"$cur\"))", kOperatorWords);
    case Completes::kRuns: return fmt::format("COMPREPLY=($(compgen -W \"latest $({})\" -- \"$cur\"))", kRunWords);
    case Completes::kStrategies: return fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))", strategy_words());
    case Completes::kWords: return fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))", joined(words));
    case Completes::kNothing: break;
  }
  return ":";
}

std::string bash_case(const Command& command) {
  std::string text = fmt::format("    {})\n      case $previous in\n", command.name);
  std::vector<std::string> flags = {"--help"};
  for (const Flag& flag : command.flags) {
    flags.push_back(flag.name);
    if (!flag.value.empty())
      text += fmt::format("        {}) {}; return ;;\n", flag.name, bash_words(flag.completes, flag.words));
  }
  text +=
      fmt::format("      esac\n      if [[ $cur == -* ]]; then\n        COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))\n",
                  joined(flags));
  if (!command.positionals.empty()) {
    text += "      else\n";
    for (std::size_t i = 0; i < command.positionals.size(); ++i) {
      const Positional& positional = command.positionals[i];
      text += fmt::format("        [[ $COMP_CWORD -{} {} ]] && {}\n", i + 1 < command.positionals.size() ? "eq" : "ge",
                          i + 2, bash_words(positional.completes, positional.words));
    }
  }
  return text + "      fi ;;\n";
}

std::string bash_script() {
  std::string text =
      "# Completion of penstock for bash: eval \"$(penstock completion bash)\"\n"
      "_penstock() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  COMPREPLY=()\n"
      "  if [[ $COMP_CWORD -eq 1 ]]; then\n";
  text += fmt::format("    COMPREPLY=($(compgen -W \"{} --help --version\" -- \"$cur\"))\n    return\n  fi\n",
                      command_words());
  text += "  case ${COMP_WORDS[1]} in\n";
  for (const Command& command : all_commands()) text += bash_case(command);
  return text + "  esac\n}\ncomplete -o filenames -F _penstock penstock\n";
}

// ---- zsh

// Inside '...[doc]...': no quotes, brackets or colons.
std::string zsh_doc(std::string_view doc) {
  std::string text;
  for (const char c : doc) {
    if (c == '\'') {
      text += "'\\''";
      continue;
    }
    if (c == '[' || c == ']' || c == ':') text += '\\';
    text += c;
  }
  return text;
}

std::string zsh_words(Completes completes, const std::vector<std::string>& words) {
  switch (completes) {
    case Completes::kPipelineFiles: return "_files -g \"*.toml\"";
    case Completes::kFolders: return "_files -/";
    case Completes::kOperators: return "_penstock_operators";
    case Completes::kRuns: return "_penstock_runs";
    case Completes::kStrategies: return fmt::format("({})", strategy_words());
    case Completes::kWords: return fmt::format("({})", joined(words));
    case Completes::kNothing: break;
  }
  return " ";
}

std::string zsh_case(const Command& command) {
  std::string text = fmt::format("    {})\n      _arguments '--help[Show help]'", command.name);
  for (const Flag& flag : command.flags) {
    text += fmt::format(" \\\n        '{}{}[{}]", flag.repeated ? "*" : "", flag.name, zsh_doc(flag.doc));
    if (!flag.value.empty()) text += fmt::format(":{}:{}", flag.value, zsh_words(flag.completes, flag.words));
    text += "'";
  }
  for (std::size_t i = 0; i < command.positionals.size(); ++i) {
    const Positional& positional = command.positionals[i];
    text += fmt::format(" \\\n        '{}{}{}:{}'", i + 1, positional.required ? ":" : "::", positional.name,
                        zsh_words(positional.completes, positional.words));
  }
  return text + " ;;\n";
}

std::string zsh_script() {
  std::string text =
      "#compdef penstock\n# Completion of penstock for zsh: put this into a folder of $fpath as _penstock\n"
      "_penstock_operators() { compadd -- ${(f)\"$(" +
      std::string(kOperatorWords) +
      ")\"} }\n"
      "_penstock_runs() { compadd -- latest ${(f)\"$(" +
      std::string(kRunWords) +
      ")\"} }\n"
      "_penstock() {\n  local -a commands=(\n";
  for (const Command& command : all_commands())
    text += fmt::format("    '{}:{}'\n", command.name, zsh_doc(command.summary));
  text +=
      "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
      "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n";
  for (const Command& command : all_commands()) text += zsh_case(command);
  return text + "  esac\n}\ncompdef _penstock penstock\n";
}

// ---- fish

std::string fish_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  return quoted + "'";
}

std::string fish_words(Completes completes, const std::vector<std::string>& words) {
  switch (completes) {
    case Completes::kPipelineFiles: return " -k -a '(__fish_complete_suffix .toml)'";
    case Completes::kFolders: return " -a '(__fish_complete_directories)'";
    case Completes::kOperators: return fmt::format(" -a {}", fish_quoted(fmt::format("({})", kOperatorWords)));
    case Completes::kRuns: return fmt::format(" -a {}", fish_quoted(fmt::format("latest ({})", kRunWords)));
    case Completes::kStrategies: return fmt::format(" -a '{}'", strategy_words());
    case Completes::kWords: return fmt::format(" -a '{}'", joined(words));
    case Completes::kNothing: break;
  }
  return "";
}

std::string fish_script() {
  std::string text = "# Completion of penstock for fish: penstock completion fish | source\ncomplete -c penstock -f\n";
  for (const Command& command : all_commands()) {
    text += fmt::format("complete -c penstock -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        fish_quoted(command.summary));
    const std::string seen = fmt::format("complete -c penstock -n '__fish_seen_subcommand_from {}'", command.name);
    for (const Flag& flag : command.flags) {
      text += fmt::format("{} -l {}{}{} -d {}\n", seen, flag.name.substr(2), flag.value.empty() ? "" : " -x",
                          flag.value.empty() ? "" : fish_words(flag.completes, flag.words), fish_quoted(flag.doc));
    }
    text += fmt::format("{} -l help -d 'Show help'\n", seen);
    for (const Positional& positional : command.positionals) {
      if (positional.completes != Completes::kNothing)
        text += seen + fish_words(positional.completes, positional.words) + "\n";
    }
  }
  return text;
}

int completion(const Arguments& arguments) {
  const std::string shell = arguments.positional(0);
  print_data(shell == "bash" ? bash_script() : shell == "zsh" ? zsh_script() : fish_script());
  return kOk;
}

}  // namespace

Command completion_command() {
  Command command;
  command.name = "completion";
  command.summary = "Prints a completion script for a shell";
  command.positionals = {{"SHELL", true, "bash, zsh or fish", Completes::kWords, {"bash", "zsh", "fish"}}};
  command.examples = {{"eval \"$(penstock completion bash)\"", "For this bash"},
                      {"penstock completion zsh > ~/.zfunc/_penstock", "For zsh, with ~/.zfunc in $fpath"},
                      {"penstock completion fish > ~/.config/fish/completions/penstock.fish", "For fish"}};
  command.run = completion;
  return command;
}

}  // namespace penstock::app
