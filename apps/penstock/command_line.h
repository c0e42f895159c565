// SPDX-License-Identifier: MIT
// Commands as data: their options, help texts and arguments. Parsing, help and shell completion all come from these
// tables, so that they cannot differ.
#pragma once

#include <penstock/result.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::app {

/// Exit codes of the program.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,       ///< The run failed, or something that was asked for is not there.
  kUsage = 2,        ///< Wrong usage or invalid file.
  kQuarantined = 3,  ///< Done, but records were rejected and --strict was given.
  kInterrupted = 130,
};

/// What completes an argument in a shell.
enum class Completes : std::uint8_t { kNothing, kPipelineFiles, kFolders, kOperators, kStrategies, kRuns, kWords };

struct Flag {
  std::string name;   ///< "--batch-size".
  std::string value;  ///< Placeholder: "N"; empty: it takes no value.
  std::string doc;
  bool repeated = false;  ///< May be given several times.
  Completes completes = Completes::kNothing;
  std::vector<std::string> words = {};  ///< The values it takes, when they are few.
};

struct Positional {
  std::string name;  ///< "FILE".
  bool required = true;
  std::string doc;
  Completes completes = Completes::kNothing;
  std::vector<std::string> words = {};
  bool repeated = false;  ///< The last one: more of the same may follow.
};

/// The arguments of a command, checked against its tables.
class Arguments {
 public:
  bool has(std::string_view flag) const { return values_.contains(std::string(flag)); }
  /// The last value of a flag, or `fallback`.
  std::string value(std::string_view flag, std::string_view fallback = {}) const;
  std::vector<std::string> values(std::string_view flag) const;
  /// The n-th positional argument, or `fallback`.
  std::string positional(std::size_t index, std::string_view fallback = {}) const;
  std::size_t positionals() const { return positionals_.size(); }
  /// The whole command line.
  const std::vector<std::string>& words() const { return words_; }

 private:
  friend class Parser;
  std::map<std::string, std::vector<std::string>> values_;
  std::vector<std::string> positionals_;
  std::vector<std::string> words_;
};

struct Command {
  std::string name;
  std::string summary;      ///< One line.
  std::string description;  ///< Paragraphs for --help.
  std::vector<Positional> positionals;
  std::vector<Flag> flags;
  std::vector<std::pair<std::string, std::string>> examples;  ///< Command line, what it does.
  int (*run)(const Arguments& arguments) = nullptr;
};

/// Reads `words` (without program and command) for `command`. Errors: kInvalidArgument with "did you mean".
Result<Arguments> parse_arguments(const Command& command, const std::vector<std::string>& words);

/// "penstock run [OPTIONS] FILE".
std::string usage_line(const Command& command);
/// What `penstock COMMAND --help` prints.
std::string help_text(const Command& command);
/// What `penstock --help` prints.
std::string help_text(const std::vector<Command>& commands);

}  // namespace penstock::app
