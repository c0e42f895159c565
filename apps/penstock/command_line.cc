// SPDX-License-Identifier: MIT
#include "apps/penstock/command_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_name.h"

namespace penstock::app {

std::string Arguments::value(std::string_view flag, std::string_view fallback) const {
  const auto found = values_.find(std::string(flag));
  return found == values_.end() || found->second.empty() ? std::string(fallback) : found->second.back();
}

std::vector<std::string> Arguments::values(std::string_view flag) const {
  const auto found = values_.find(std::string(flag));
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

std::string Arguments::positional(std::size_t index, std::string_view fallback) const {
  return index < positionals_.size() ? positionals_[index] : std::string(fallback);
}

class Parser {
 public:
  explicit Parser(const Command& command) : command_(command) {}

  Result<Arguments> parse(const std::vector<std::string>& words) {
    arguments_.words_ = words;
    bool flags_end = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (flags_end || word.size() < 2 || word.front() != '-') {
        PENSTOCK_TRY(add_positional(word));
      } else if (word == "--") {
        flags_end = true;
      } else {
        PENSTOCK_ASSIGN(i, add_flag(words, i));
      }
    }
    for (std::size_t i = arguments_.positionals_.size(); i < command_.positionals.size(); ++i) {
      if (command_.positionals[i].required)
        return wrong(fmt::format("{} is missing", command_.positionals[i].name), "");
    }
    return std::move(arguments_);
  }

 private:
  Error wrong(std::string message, const std::string& hint) const {
    return Error(ErrorCode::kInvalidArgument, std::move(message))
        .at("penstock " + command_.name)
        .hint(hint.empty() ? fmt::format("{}; penstock {} --help says more", usage_line(command_), command_.name)
                           : hint);
  }

  Status add_positional(const std::string& word) {
    const bool repeated = !command_.positionals.empty() && command_.positionals.back().repeated;
    if (arguments_.positionals_.size() >= command_.positionals.size() && !repeated) {
      return wrong(fmt::format("unexpected argument: \"{}\"", word), "");
    }
    const Positional& positional =
        command_.positionals[std::min(arguments_.positionals_.size(), command_.positionals.size() - 1)];
    if (!positional.words.empty() &&
        std::find(positional.words.begin(), positional.words.end(), word) == positional.words.end()) {
      return wrong(fmt::format("unknown {}: \"{}\"", positional.name, word), suggest_name(word, positional.words));
    }
    arguments_.positionals_.push_back(word);
    return {};
  }

  const Flag* find(std::string_view name) const {
    const auto found =
        std::find_if(command_.flags.begin(), command_.flags.end(), [&](const Flag& flag) { return flag.name == name; });
    return found == command_.flags.end() ? nullptr : &*found;
  }

  // Returns the index of the last word that belongs to the flag at `i`.
  Result<std::size_t> add_flag(const std::vector<std::string>& words, std::size_t i) {
    const std::size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    const Flag* const flag = find(name);
    if (flag == nullptr) return unknown_flag(name);
    if (!flag->repeated && arguments_.has(name)) return wrong(fmt::format("{} is given twice", name), "");
    auto& values = arguments_.values_[name];
    if (flag->value.empty()) {
      if (equals != std::string::npos) return wrong(fmt::format("{} takes no value", name), "");
      return i;
    }
    if (equals == std::string::npos && i + 1 == words.size())
      return wrong(fmt::format("{} needs a value: {}", name, flag->value), "");
    const std::string value = equals == std::string::npos ? words[i + 1] : words[i].substr(equals + 1);
    if (!flag->words.empty() && std::find(flag->words.begin(), flag->words.end(), value) == flag->words.end()) {
      return wrong(fmt::format("{} must be one of {}, but is \"{}\"", name, fmt::join(flag->words, ", "), value),
                   suggest_name(value, flag->words));
    }
    values.push_back(value);
    return equals == std::string::npos ? i + 1 : i;
  }

  Error unknown_flag(const std::string& name) const {
    std::vector<std::string> known = {"--help"};
    for (const Flag& flag : command_.flags) known.push_back(flag.name);
    const std::string near = nearest_name(name, known);
    return wrong(fmt::format("unknown option: {}", name),
                 near.empty() ? std::string() : fmt::format("did you mean {}?", near));
  }

  const Command& command_;
  Arguments arguments_;
};

Result<Arguments> parse_arguments(const Command& command, const std::vector<std::string>& words) {
  return Parser(command).parse(words);
}

std::string usage_line(const Command& command) {
  std::string line = "penstock " + command.name;
  if (!command.flags.empty()) line += " [OPTION]...";
  for (const Positional& positional : command.positionals)
    line += positional.required ? " " + positional.name : " [" + positional.name + "]";
  return line;
}

namespace {

constexpr std::size_t kColumn = 26;

// "  --name N                  What it does."; long names get a line of their own.
std::string item(std::string_view name, std::string_view doc) {
  if (name.size() + 4 > kColumn) return fmt::format("  {}\n{:{}}{}\n", name, "", kColumn, doc);
  return fmt::format("  {:<{}}{}\n", name, kColumn - 2, doc);
}

}  // namespace

std::string help_text(const Command& command) {
  std::string text = fmt::format("{}\n\nUsage: {}\n", command.summary, usage_line(command));
  if (!command.description.empty()) text += "\n" + command.description + "\n";
  if (!command.positionals.empty()) text += "\nArguments:\n";
  for (const Positional& positional : command.positionals) text += item(positional.name, positional.doc);
  text += "\nOptions:\n";
  for (const Flag& flag : command.flags) {
    text += item(flag.value.empty() ? flag.name : flag.name + " " + flag.value,
                 flag.doc + (flag.repeated ? " (may be repeated)" : ""));
  }
  text += item("--help", "Show this text");
  text += "\nExamples:\n";
  for (const auto& [line, what] : command.examples) text += fmt::format("  {}\n      {}\n", line, what);
  return text;
}

std::string help_text(const std::vector<Command>& commands) {
  std::string text =
      "Runs data pipelines: sources, steps and outputs that are written down in a file (TOML).\n\nUsage: penstock "
      "COMMAND [OPTION]... "
      "[ARGUMENT]...\n\nCommands:\n";
  for (const Command& command : commands) text += item(command.name, command.summary);
  text += "\nOptions:\n";
  text += item("--help", "Show this text; penstock COMMAND --help says more about one command");
  text += item("--version", "Show the version");
  text += "\nExamples:\n";
  text += "  penstock init orders.toml\n      Write an example, with comments, to begin with\n";
  text += "  penstock check orders.toml\n      See whether it is right\n";
  text += "  penstock run orders.toml\n      Run it; the outputs are in pipeline_outputs/latest\n";
  text += "  penstock ops filter\n      See what an operator does and which options it has\n";
  text += "  penstock runs show latest\n      See what the last run did\n";
  text +=
      "\nExit codes: 0 done; 1 the run failed on its input or the machine; 2 the command line or the file must be "
      "mended;\n"
      "3 done, but records were rejected under --strict; 130 interrupted. The manual page says more: man penstock.\n";
  return text;
}

}  // namespace penstock::app
