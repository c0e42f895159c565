// SPDX-License-Identifier: MIT
// penstock ops: the operators and their options.
#include <fmt/format.h>
#include <penstock/operator.h>

#include <nlohmann/json.hpp>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "store/json_fields.h"
#include "stream/table.h"

namespace penstock::app {
namespace {

using Json = nlohmann::ordered_json;

bool has_default(const OptionInfo& option) { return std::string_view(option.default_value.kind_name()) != "nothing"; }

Json option_to_json(const OptionInfo& option) {
  Json json = {
      {"name", option.name}, {"kind", to_string(option.kind)}, {"required", option.required}, {"doc", option.doc}};
  json["default"] = has_default(option) ? Json(option.default_value.to_text()) : Json(nullptr);
  json["choices"] = option.choices;
  json["example"] = option.example;
  return json;
}

Json operator_to_json(const OperatorInfo& info) {
  Json options = Json::array();
  for (const OptionInfo& option : info.options) options.push_back(option_to_json(option));
  return {{"name", info.name},
          {"role", to_string(info.role)},
          {"summary", info.summary},
          {"options", std::move(options)},
          {"example", info.example}};
}

std::string option_to_text(const OptionInfo& option) {
  std::string text = fmt::format("  {} ({}", option.name, to_string(option.kind));
  if (option.required) text += ", required";
  if (has_default(option)) text += fmt::format(", default {}", option.default_value.to_text());
  text += ")\n";
  if (!option.doc.empty()) text += fmt::format("      {}\n", option.doc);
  if (!option.choices.empty()) text += fmt::format("      One of {}.\n", fmt::join(option.choices, ", "));
  if (!option.example.empty()) text += fmt::format("      {} = {}\n", option.name, option.example);
  return text;
}

std::string operator_to_text(const OperatorInfo& info) {
  std::string text = fmt::format("{} ({})\n{}\n", info.name, to_string(info.role), info.summary);
  text += info.options.empty() ? "\nNo options of its own.\n" : "\nOptions:\n";
  for (const OptionInfo& option : info.options) text += option_to_text(option);
  text += "\nBesides, as for every operator: name, input, on_error, timeout, light, may_crash, run_on.\n";
  if (!info.example.empty())
    text += fmt::format("\nExample:\n[[operator]]\n{}{}", info.example, info.example.ends_with('\n') ? "" : "\n");
  return text;
}

int list_operators(bool json) {
  Json list = Json::array();
  Table table({"operator", "role", "what it does"});
  for (const OperatorInfo* const info : Registry::global().all()) {
    if (json) list.push_back(operator_to_json(*info));
    table.add({info->name, to_string(info->role), info->summary});
  }
  if (json) {
    print_data(json_document({{"version", 1}, {"operators", std::move(list)}}));
  } else {
    print(table.to_text() + "penstock ops NAME shows the options of one.\n");
  }
  return kOk;
}

int ops(const Arguments& arguments) {
  const bool json = arguments.has("--json");
  const std::string name = arguments.positional(0);
  if (name.empty()) return list_operators(json);
  const Result<const OperatorInfo*> info = Registry::global().find(name);
  if (!info) {
    print_error(info.error());
    return kUsage;
  }
  if (json) {
    print_data(json_document(operator_to_json(**info)));
  } else {
    print(operator_to_text(**info));
  }
  return kOk;
}

}  // namespace

Command ops_command() {
  Command command;
  command.name = "ops";
  command.summary = "Lists the operators, or shows the options of one";
  command.positionals = {{"NAME", false, "An operator; without it, all are listed", Completes::kOperators}};
  command.flags = {{"--json", "", "Print JSON"}};
  command.examples = {{"penstock ops", "All operators, a line each"},
                      {"penstock ops csv.read", "The options of csv.read"}};
  command.run = ops;
  return command;
}

}  // namespace penstock::app
