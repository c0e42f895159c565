// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/operator.h>

#include "base/nearest_name.h"

namespace penstock {

ErrorPolicy fail() { return {}; }

ErrorPolicy skip() { return {.action = ErrorPolicy::Action::kSkip}; }

ErrorPolicy quarantine(std::string path) {
  return {.action = ErrorPolicy::Action::kQuarantine, .quarantine_path = std::move(path)};
}

ErrorPolicy retry(std::uint32_t max_attempts, std::int64_t backoff_micros, ErrorPolicy then) {
  then.max_attempts = max_attempts == 0 ? 1 : max_attempts;
  then.backoff_micros = backoff_micros;
  return then;
}

namespace {

Result<ErrorPolicy::Action> action_from_text(const OptionValue& value) {
  const std::string* const text = value.as_text();
  const std::vector<std::string> known = {"fail", "skip", "quarantine"};
  if (text != nullptr && *text == "fail") return ErrorPolicy::Action::kFail;
  if (text != nullptr && *text == "skip") return ErrorPolicy::Action::kSkip;
  if (text != nullptr && *text == "quarantine") return ErrorPolicy::Action::kQuarantine;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("unknown error policy: {}; expected \"fail\", \"skip\" or \"quarantine\"", value.to_text()))
      .at(value.place.to_text())
      .hint(text == nullptr ? "for retries write { action = \"skip\", max_attempts = 3, backoff = \"100ms\" }"
                            : suggest_name(*text, known));
}

Status set_entry(ErrorPolicy& policy, const OptionValue::Entry& entry) {
  const auto wrong = [&](const char* expected) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("on_error.{} is {}, but must be {}", entry.name, entry.value.to_text(), expected))
        .at(entry.value.place.to_text());
  };
  if (entry.name == "action") {
    PENSTOCK_ASSIGN(policy.action, action_from_text(entry.value));
  } else if (entry.name == "path") {
    if (entry.value.as_text() == nullptr) return wrong("a text");
    policy.quarantine_path = *entry.value.as_text();
  } else if (entry.name == "max_attempts") {
    const std::int64_t* const attempts = entry.value.as_integer();
    if (attempts == nullptr || *attempts < 1 || *attempts > 1000) return wrong("an integer from 1 to 1000");
    policy.max_attempts = static_cast<std::uint32_t>(*attempts);
  } else if (entry.name == "backoff") {
    if (entry.value.as_text() == nullptr) return wrong("a duration like \"100ms\"");
    Result<std::int64_t> backoff = parse_duration(*entry.value.as_text());
    if (!backoff) return wrong("a duration like \"100ms\"");
    policy.backoff_micros = *backoff;
  } else {
    const std::vector<std::string> known = {"action", "path", "max_attempts", "backoff"};
    return Error(ErrorCode::kInvalidArgument, fmt::format("unknown entry of on_error: \"{}\"", entry.name))
        .at(entry.value.place.to_text())
        .hint(suggest_name(entry.name, known));
  }
  return {};
}

}  // namespace

Result<ErrorPolicy> error_policy_from_option(const OptionValue& value) {
  ErrorPolicy policy;
  if (value.as_table() == nullptr) {
    PENSTOCK_ASSIGN(policy.action, action_from_text(value));
    return policy;
  }
  for (const OptionValue::Entry& entry : *value.as_table()) PENSTOCK_TRY(set_entry(policy, entry));
  return policy;
}

}  // namespace penstock
