// SPDX-License-Identifier: MIT
#include "workflow/alert_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "workflow/run_settings.h"
#include "workflow/stage_table.h"

namespace penstock {
namespace {

const std::vector<std::string> kAlertKeys = {"name",      "when",    "for",     "clear",
                                             "clear_for", "command", "webhook", "timeout"};

Status set_text(std::string& target, const TomlEntry& entry, const OptionValue& value) {
  if (value.as_text() == nullptr || value.as_text()->empty()) return wrong_kind(entry, "a text that is not empty");
  target = *value.as_text();
  return {};
}

Status set_command(std::vector<std::string>& words, const TomlEntry& entry, const OptionValue& value) {
  constexpr std::string_view kExpected =
      "a list of texts, a program and its arguments: [\"notify-send\", \"penstock\"]";
  if (value.as_list() == nullptr || value.as_list()->empty()) return wrong_kind(entry, kExpected);
  for (const OptionValue& word : *value.as_list()) {
    if (word.as_text() == nullptr) return wrong_kind(entry, kExpected);
    words.push_back(*word.as_text());
  }
  return {};
}

Status set_key(AlertRule& rule, const TomlEntry& entry, const OptionValue& value) {
  if (entry.name == "name") return set_text(rule.name, entry, value);
  if (entry.name == "when") return set_text(rule.when, entry, value);
  if (entry.name == "clear") return set_text(rule.clear, entry, value);
  if (entry.name == "webhook") return set_text(rule.webhook, entry, value);
  if (entry.name == "command") return set_command(rule.command, entry, value);
  PENSTOCK_ASSIGN(const std::chrono::milliseconds time, duration_setting(entry.name, value));
  if (entry.name == "for") rule.hold = time;
  if (entry.name == "clear_for") rule.clear_hold = time;
  if (entry.name == "timeout") rule.timeout = time;
  return {};
}

Result<AlertRule> read_alert(const TomlTable& table, const PlaceholderScope& scope) {
  AlertRule rule;
  for (const TomlEntry& entry : table.entries) {
    if (std::find(kAlertKeys.begin(), kAlertKeys.end(), entry.name) == kAlertKeys.end())
      return unknown_key(entry, "in [[alert]]", kAlertKeys);
    PENSTOCK_ASSIGN(const OptionValue value, insert_params(entry.value, scope));
    PENSTOCK_TRY(set_key(rule, entry, value));
  }
  if (rule.name.empty()) rule.name = rule.when;
  Status checked = check_alert(rule);
  if (checked) return rule;
  // The check names the field; the file knows where that stands.
  const TomlEntry* const entry = table.find(checked.error().where());
  return std::move(checked).error().at(entry != nullptr ? entry->value.place.to_text() : table.place.to_text());
}

}  // namespace

Status read_alerts(std::vector<AlertRule>& alerts, const TomlEntry& entry, const PlaceholderScope& scope) {
  if (entry.kind != TomlEntry::Kind::kTables) return wrong_kind(entry, "a list of tables: [[alert]]");
  for (const TomlTable& table : entry.tables) {
    PENSTOCK_ASSIGN(AlertRule rule, read_alert(table, scope));
    const auto same = [&](const AlertRule& other) { return other.name == rule.name; };
    if (std::any_of(alerts.begin(), alerts.end(), same)) {
      return Error(ErrorCode::kAlreadyExists, fmt::format("there is an alert \"{}\" already", rule.name))
          .at(table.place.to_text())
          .hint("give each a name of its own");
    }
    alerts.push_back(std::move(rule));
  }
  return {};
}

}  // namespace penstock
