// SPDX-License-Identifier: MIT
#include "workflow/stage_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_name.h"
#include "workflow/references.h"
#include "workflow/run_settings.h"
#include "workflow/stage_table.h"
#include "workflow/workflow_settings.h"

namespace penstock {
namespace {

Error wrong_value(std::string_view name, const OptionValue& value, std::string_view expected) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{} must be {}, but is {}: {}", name, expected, value.kind_name(), value.to_text()))
      .at(value.place.to_text());
}

Result<std::string> text_of(std::string_view name, const OptionValue& value) {
  if (value.as_text() == nullptr || value.as_text()->empty())
    return wrong_value(name, value, "a text that is not empty");
  if (value.as_text()->find('\0') != std::string::npos) return wrong_value(name, value, "a text without NUL");
  return *value.as_text();
}

Result<bool> bool_of(std::string_view name, const OptionValue& value) {
  if (value.as_bool() == nullptr) return wrong_value(name, value, "true or false");
  return *value.as_bool();
}

Result<std::int64_t> integer_of(std::string_view name, const OptionValue& value, std::int64_t least,
                                std::int64_t most) {
  const std::int64_t* const integer = value.as_integer();
  if (integer == nullptr || *integer < least || *integer > most)
    return wrong_value(name, value, fmt::format("an integer from {} to {}", least, most));
  return *integer;
}

// A text or a list of texts.
Result<std::vector<OptionValue>> texts_of(std::string_view name, const OptionValue& value) {
  std::vector<OptionValue> texts;
  if (value.as_text() != nullptr) texts.push_back(value);
  if (value.as_list() != nullptr) texts = *value.as_list();
  if (texts.empty() && value.as_list() == nullptr) return wrong_value(name, value, "a list of texts");
  for (const OptionValue& text : texts) PENSTOCK_TRY(text_of(name, text));
  return texts;
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace

const std::vector<std::string>& stage_keys() {
  static const std::vector<std::string> keys = {
      "name",      "operator",   "command", "shell",    "stdin",     "stdout",  "env",      "pass_env",
      "log_limit", "kill_after", "inputs",  "outputs",  "after",     "when",    "version",  "code",
      "cache",     "retry",      "timeout", "fallback", "resources", "finally", "for_each", "stream_from"};
  return keys;
}

bool is_stage_name(std::string_view name) {
  constexpr std::size_t kMost = 100;
  static constexpr std::string_view kTaken[] = {"params", "config", "inputs", "outputs"};
  return is_word(name) && name.size() <= kMost && name.front() != '-' &&
         std::find(std::begin(kTaken), std::end(kTaken), name) == std::end(kTaken);
}

std::string fault_of_artifact_path(std::string_view path) {
  if (path.empty()) return "it is empty";
  if (path.find('\0') != std::string_view::npos) return "it has a NUL";
  if (path.front() == '/') return "it is absolute";
  if (path.size() > 1000) return "it is too long";
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part == "..") return "it leads out with \"..\"";
    if (part.empty() || part == ".") return "it has an empty part or \".\"";
    if (part.front() == '.') return "hidden names are kept for temporary files";
  }
  return {};
}

namespace {

Status add_output(FileStage& stage, std::string name, const OptionValue& value, const PlaceholderScope& scope) {
  PENSTOCK_ASSIGN(const OptionValue inserted, insert_params(value, scope));
  StageOutput output;
  output.name = std::move(name);
  output.place = value.place;
  PENSTOCK_ASSIGN(output.path, text_of("an output", inserted));
  if (output.path.ends_with('/')) {
    output.folder = true;
    output.path.pop_back();
  }
  if (const std::string fault = fault_of_artifact_path(output.path); !fault.empty()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} cannot be an output: {}", inserted.to_text(), fault))
        .at(value.place.to_text())
        .hint("name a file in the stage's own folder, for instance \"report.html\"; \"parts/\" is a folder");
  }
  if (!is_word(output.name)) output.name.clear();  // of a list: the file's name may be no word
  for (const StageOutput& other : stage.outputs) {
    const bool same_name = !output.name.empty() && other.name == output.name;
    const bool nested =
        (output.path + "/").starts_with(other.path + "/") || (other.path + "/").starts_with(output.path + "/");
    if (!same_name && !nested) continue;
    return Error(ErrorCode::kAlreadyExists, same_name
                                                ? fmt::format("there is an output \"{}\" already", output.name)
                                                : fmt::format("outputs {} and {} collide", other.path, output.path))
        .at(value.place.to_text());
  }
  stage.outputs.push_back(std::move(output));
  return {};
}

}  // namespace

Status read_outputs(FileStage& stage, const TomlTable& table, const PlaceholderScope& scope) {
  if (const TomlEntry* const entry = table.find("outputs")) {
    if (const OptionValue::Table* const named = entry->value.as_table()) {
      for (const OptionValue::Entry& each : *named) {
        if (!is_word(each.name))
          return wrong_value("the name of an output", each.value, "letters, digits, '_' and '-'");
        PENSTOCK_TRY(add_output(stage, each.name, each.value, scope));
      }
    } else {
      PENSTOCK_ASSIGN(const std::vector<OptionValue> texts, texts_of("outputs", entry->value));
      for (const OptionValue& text : texts) PENSTOCK_TRY(add_output(stage, "", text, scope));
    }
  }
  if (const TomlEntry* const entry = table.find("stdout")) {
    PENSTOCK_TRY(add_output(stage, "stdout", entry->value, scope));
    if (stage.outputs.back().folder) return wrong_kind(*entry, "a file");
    stage.command.stdout_path = stage.outputs.back().path;
  }
  return {};
}

namespace {

class StageKeys {
 public:
  StageKeys(FileStage& stage, const TomlTable& table, PlaceholderScope& scope)
      : stage_(stage), table_(table), scope_(scope) {}

  Status read() {
    PENSTOCK_TRY(read_for_each());
    PENSTOCK_TRY(read_inputs());
    for (const TomlEntry& entry : table_.entries) {
      if (entry.name == "name" || entry.name == "operator" || entry.name == "outputs" || entry.name == "stdout" ||
          entry.name == "inputs" || entry.name == "for_each") {
        continue;
      }
      PENSTOCK_ASSIGN(const OptionValue value, insert_params(entry.value, scope_));
      PENSTOCK_TRY(read_key(entry, value));
    }
    return check_kind();
  }

 private:
  Status read_key(const TomlEntry& entry, const OptionValue& value) {
    const std::string& key = entry.name;
    if (key == "command") return read_command(entry, value);
    if (key == "env") return read_env(value);
    if (key == "retry") return read_retry(value);
    if (key == "resources") return read_resources(value);
    if (key == "after") return read_after(value);
    if (key == "code") return read_code(value);
    if (key == "pass_env") return read_pass_env(value);
    if (key == "shell") return set(stage_.command.shell, bool_of(key, value));
    if (key == "cache") return set(stage_.cache, bool_of(key, value));
    if (key == "finally") return set(stage_.last, bool_of(key, value));
    if (key == "stdin") return set(stage_.command.stdin_path, text_of(key, value));
    if (key == "timeout") return set(stage_.timeout, duration_setting(key, value));
    if (key == "kill_after") return set(stage_.command.kill_after, duration_setting(key, value));
    if (key == "log_limit") return read_log_limit(value);
    if (key == "fallback") {
      stage_.fallback_place = value.place;
      return set(stage_.fallback, stage_name(value));
    }
    if (key == "version") return read_version(value);
    if (key == "stream_from") {
      stage_.stream_place = value.place;
      return set(stage_.stream_from, stage_name(value));
    }
    stage_.when_place = value.place;  // "when"
    if (value.as_bool() != nullptr) return set(stage_.when, Result<std::string>(*value.as_bool() ? "true" : "false"));
    return set(stage_.when, text_of(key, entry.value));
  }

  template <class T>
  static Status set(T& target, Result<T> value) {
    if (!value) return std::move(value.error());
    target = std::move(*value);
    return {};
  }

  Status read_for_each() {
    const TomlEntry* const entry = table_.find("for_each");
    scope_.has_item = entry != nullptr;
    if (entry == nullptr) return {};
    scope_.has_item = false;  // not in the list itself
    PENSTOCK_ASSIGN(const OptionValue value, insert_params(entry->value, scope_));
    scope_.has_item = true;
    StageItems& items = stage_.for_each.emplace();
    items.place = entry->value.place;
    if (value.as_text() != nullptr && !value.as_text()->empty()) {
      PENSTOCK_ASSIGN(items.from, input_of_text(*value.as_text(), items.place, scope_));
      return {};
    }
    if (value.as_list() == nullptr)
      return wrong_value("for_each", value, "a list, or the path of a file with a list or of a folder of files");
    for (const OptionValue& item : *value.as_list()) {
      if (item.as_table() != nullptr || item.as_list() != nullptr)
        return wrong_value("an item of for_each", item, "a text or a number");
      items.texts.push_back(item.as_text() != nullptr ? *item.as_text() : item.to_text());
    }
    return {};
  }

  Status read_inputs() {
    const TomlEntry* const entry = table_.find("inputs");
    if (entry == nullptr) return {};
    const OptionValue::Table* const named = entry->value.as_table();
    if (named == nullptr) {
      return std::move(wrong_kind(*entry, "a table of names and paths"))
          .hint("for instance inputs = { data = \"orders.csv\", clean = \"clean.artifacts\" }");
    }
    for (const OptionValue::Entry& each : *named) {
      if (!is_word(each.name)) return wrong_value("the name of an input", each.value, "letters, digits, '_' and '-'");
      PENSTOCK_ASSIGN(StageInput input, read_input(each));
      stage_.inputs.push_back(std::move(input));
      scope_.inputs.push_back(each.name);
    }
    return {};
  }

  Result<StageInput> read_input(const OptionValue::Entry& entry) {
    OptionValue from = entry.value;
    bool optional = false;
    std::optional<FileRef> ref;
    if (const OptionValue::Table* const parts = entry.value.as_table()) {
      from = OptionValue();
      for (const OptionValue::Entry& part : *parts) {
        if (part.name == "from") {
          from = part.value;
        } else if (part.name == "optional") {
          PENSTOCK_TRY(set(optional, bool_of("optional", part.value)));
        } else if (part.name == "sha256") {
          PENSTOCK_ASSIGN(const OptionValue digest, insert_params(part.value, scope_));
          if (digest.as_text() == nullptr || !is_digest(*digest.as_text()))
            return wrong_value("sha256", part.value, "64 hexadecimal digits, as sha256sum prints them");
          ref.emplace().sha256 = *digest.as_text();
        } else {
          return wrong_value("an input", entry.value,
                             "a path, or a table { from = PATH, optional = true, sha256 = DIGITS }");
        }
      }
    }
    PENSTOCK_ASSIGN(const OptionValue inserted, insert_params(from, scope_));
    if (inserted.as_text() == nullptr || inserted.as_text()->empty()) {
      return wrong_value("an input", entry.value, "a path, STAGE.artifacts, or STAGE.outputs.NAME");
    }
    PENSTOCK_ASSIGN(StageInput input, input_of_text(*inserted.as_text(), from.place, scope_));
    input.name = entry.name;
    input.optional = optional;
    if (ref) PENSTOCK_TRY(refer(input, std::move(*ref)));
    return input;
  }

  // A file that is to have a certain content, or that is somewhere else.
  static Status refer(StageInput& input, FileRef ref) {
    if (!input.stage.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("sha256 is of files that no stage makes, but \"{}\" does", input.stage))
          .at(input.place.to_text())
          .hint("what stages make is compared with its digest anyway");
    }
    ref.uri = input.path;
    if (ref.is_local()) input.path = ref.path();
    input.ref = std::move(ref);
    return {};
  }

  Status read_command(const TomlEntry& entry, const OptionValue& value) {
    stage_.command.place = entry.key_place;
    PENSTOCK_ASSIGN(const std::vector<OptionValue> words, texts_or_empty(value));
    for (const OptionValue& word : words) stage_.command.words.push_back(*word.as_text());
    if (stage_.command.words.empty() || stage_.command.words.front().empty())
      return wrong_value("command", value, "a list of words, the program first");
    return {};
  }

  // Words of a command may be empty, the program may not.
  static Result<std::vector<OptionValue>> texts_or_empty(const OptionValue& value) {
    std::vector<OptionValue> words;
    if (value.as_text() != nullptr) words.push_back(value);
    if (value.as_list() != nullptr) words = *value.as_list();
    for (OptionValue& word : words) {
      if (word.as_integer() != nullptr || word.as_number() != nullptr) {
        OptionValue text(word.to_text());  // a number as an argument is its text
        text.place = word.place;
        word = std::move(text);
      }
      if (word.as_text() == nullptr || word.as_text()->find('\0') != std::string::npos)
        return wrong_value("a word of command", word, "a text or a number");
    }
    return words;
  }

  Status read_env(const OptionValue& value) {
    if (value.as_table() == nullptr) return wrong_value("env", value, "a table of names and texts");
    for (const OptionValue::Entry& each : *value.as_table()) {
      if (each.name.empty() || each.name.find('=') != std::string::npos || each.name.find('\0') != std::string::npos)
        return wrong_value("env", each.value, "a table whose names have no \"=\"");
      if (each.value.as_table() != nullptr || each.value.as_list() != nullptr)
        return wrong_value(each.name, each.value, "a text");
      std::string text = each.value.as_text() != nullptr ? *each.value.as_text() : each.value.to_text();
      if (text.find('\0') != std::string::npos) return wrong_value(each.name, each.value, "a text without NUL");
      stage_.command.env.emplace_back(each.name, std::move(text));
    }
    std::sort(stage_.command.env.begin(), stage_.command.env.end());
    return {};
  }

  Status read_pass_env(const OptionValue& value) {
    PENSTOCK_ASSIGN(const std::vector<OptionValue> names, texts_of("pass_env", value));
    for (const OptionValue& name : names) stage_.command.pass_env.push_back(*name.as_text());
    std::sort(stage_.command.pass_env.begin(), stage_.command.pass_env.end());
    return {};
  }

  Status read_log_limit(const OptionValue& value) {
    RunOptions bytes;  // the reader of byte counts
    PENSTOCK_TRY(set_run_setting(bytes, "memory_limit", value));
    stage_.command.log_limit = bytes.memory_limit;
    return {};
  }

  Status read_version(const OptionValue& value) {
    if (value.as_integer() != nullptr) return set(stage_.version, Result<std::string>(value.to_text()));
    return set(stage_.version, text_of("version", value));
  }

  Status read_code(const OptionValue& value) {
    if (value.as_text() == nullptr || (*value.as_text() != "declared" && *value.as_text() != "checked"))
      return wrong_value("code", value, "\"checked\" or \"declared\"");
    stage_.code_declared = *value.as_text() == "declared";
    return {};
  }

  Status read_retry(const OptionValue& value) {
    StageRetry& retry = stage_.retry;
    if (value.as_integer() != nullptr) {
      PENSTOCK_ASSIGN(const std::int64_t attempts, integer_of("retry", value, 1, 1000));
      retry.max_attempts = static_cast<std::uint32_t>(attempts);
      return {};
    }
    if (value.as_table() == nullptr) return wrong_value("retry", value, "a number of attempts, or a table");
    static const std::vector<std::string> kKnown = {"max_attempts", "backoff", "delay",
                                                    "max_delay",    "jitter",  "retry_on"};
    for (const OptionValue::Entry& each : *value.as_table()) {
      if (each.name == "max_attempts") {
        PENSTOCK_ASSIGN(const std::int64_t attempts, integer_of("max_attempts", each.value, 1, 1000));
        retry.max_attempts = static_cast<std::uint32_t>(attempts);
      } else if (each.name == "backoff") {
        const std::string* const text = each.value.as_text();
        if (text == nullptr || (*text != "exponential" && *text != "constant"))
          return wrong_value("backoff", each.value, "\"exponential\" or \"constant\"");
        retry.exponential = *text == "exponential";
      } else if (each.name == "delay") {
        PENSTOCK_TRY(set(retry.delay, duration_setting("delay", each.value)));
      } else if (each.name == "max_delay") {
        PENSTOCK_TRY(set(retry.most, duration_setting("max_delay", each.value)));
      } else if (each.name == "jitter") {
        const double jitter = each.value.as_number() != nullptr    ? *each.value.as_number()
                              : each.value.as_integer() != nullptr ? static_cast<double>(*each.value.as_integer())
                                                                   : -1;
        if (!(jitter >= 0 && jitter <= 1)) return wrong_value("jitter", each.value, "a number from 0 to 1");
        retry.jitter = jitter;
      } else if (each.name == "retry_on") {
        PENSTOCK_TRY(read_retry_on(each.value));
      } else {
        return Error(ErrorCode::kInvalidArgument, fmt::format("unknown key \"{}\" in retry", each.name))
            .at(each.value.place.to_text())
            .hint(suggest_name(each.name, kKnown));
      }
    }
    return {};
  }

  Status read_retry_on(const OptionValue& value) {
    PENSTOCK_ASSIGN(const std::vector<OptionValue> causes, texts_of("retry_on", value));
    for (const OptionValue& cause : causes) {
      const std::string& text = *cause.as_text();
      const std::string_view number = text.starts_with("exit:")     ? std::string_view(text).substr(5)
                                      : text.starts_with("signal:") ? std::string_view(text).substr(7)
                                                                    : std::string_view("x");
      const bool numbered =
          !number.empty() && number.size() <= 3 && number.find_first_not_of("0123456789") == number.npos;
      std::vector<std::string> known = {"exit", "signal", "exit:75", "signal:9"};
      for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code)
        known.emplace_back(to_string(static_cast<ErrorCode>(code)));
      if (!numbered && std::find(known.begin(), known.end(), text) == known.end()) {
        return Error(ErrorCode::kInvalidArgument, fmt::format("unknown cause in retry_on: \"{}\"", text))
            .at(cause.place.to_text())
            .hint(suggest_name(text, known));
      }
      stage_.retry.retry_on.push_back(text);
    }
    return {};
  }

  Status read_resources(const OptionValue& value) {
    PENSTOCK_ASSIGN(stage_.resources, read_amounts(value));
    return {};
  }

  Status read_after(const OptionValue& value) {
    PENSTOCK_ASSIGN(const std::vector<OptionValue> names, texts_of("after", value));
    for (const OptionValue& name : names) {
      PENSTOCK_ASSIGN(std::string stage, stage_name(name));
      stage_.after.emplace_back(std::move(stage), name.place);
    }
    return {};
  }

  Result<std::string> stage_name(const OptionValue& value) const {
    PENSTOCK_ASSIGN(std::string name, text_of("a stage", value));
    if (is_other_stage(scope_, name)) return name;
    return Error(ErrorCode::kNotFound, fmt::format("unknown stage: \"{}\"", name))
        .at(value.place.to_text())
        .hint(suggest_name(name, other_stages(scope_)));
  }

  Status check_kind() const {
    static const std::vector<std::string> kOfCommands = {"shell",     "stdin",      "stdout",  "env",    "pass_env",
                                                         "log_limit", "kill_after", "outputs", "timeout"};
    const bool pipeline = table_.find("operator") != nullptr;
    if (pipeline && stage_.is_command()) {
      return Error(ErrorCode::kInvalidArgument, "a stage is either a command or operators, not both")
          .at(stage_.command.place.to_text());
    }
    for (const TomlEntry& entry : table_.entries) {
      if (!stage_.is_command() && std::find(kOfCommands.begin(), kOfCommands.end(), entry.name) != kOfCommands.end()) {
        return Error(ErrorCode::kInvalidArgument,
                     fmt::format("\"{}\" is a key of commands; the stage has no command", entry.name))
            .at(entry.key_place.to_text());
      }
    }
    if (stage_.command.shell && stage_.command.words.size() != 1) {
      return Error(ErrorCode::kInvalidArgument, "with shell = true the command is one text")
          .at(stage_.command.place.to_text())
          .hint("write command = \"sort a | uniq\", or leave shell out and list the words");
    }
    return {};
  }

  FileStage& stage_;
  const TomlTable& table_;
  PlaceholderScope& scope_;
};

}  // namespace

Status read_stage_keys(FileStage& stage, const TomlTable& table, PlaceholderScope& scope) {
  scope.inputs.clear();
  return StageKeys(stage, table, scope).read();
}

}  // namespace penstock
