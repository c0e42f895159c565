// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/operator.h>

#include <algorithm>
#include <deque>
#include <mutex>

#include "base/nearest_name.h"
#include "operator/builtin.h"
#include "operator/option_check.h"

namespace penstock {

struct Registry::State {
  mutable std::mutex mutex;
  std::deque<OperatorInfo> infos;  // addresses stay valid
};

const char* to_string(OperatorInfo::Role role) noexcept {
  static constexpr const char* kNames[] = {"source", "transform", "sink"};
  return kNames[static_cast<std::size_t>(role)];
}

Registry::Registry() : state_(std::make_unique<State>()) {}
Registry::~Registry() = default;

Registry& Registry::global() {
  static Registry& registry = []() -> Registry& {
    auto* const made = new Registry;  // never destroyed: operators may be made while the program ends
    add_builtin_operators(*made);
    return *made;
  }();
  return registry;
}

Status Registry::add(OperatorInfo info) {
  const std::lock_guard lock(state_->mutex);
  for (const OperatorInfo& known : state_->infos) {
    if (known.name != info.name) continue;
    return Error(ErrorCode::kAlreadyExists, fmt::format("there is an operator \"{}\" already", info.name))
        .hint("choose another name");
  }
  state_->infos.push_back(std::move(info));
  return {};
}

Result<const OperatorInfo*> Registry::find(std::string_view name) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::string> known;
  for (const OperatorInfo& info : state_->infos) {
    if (info.name == name) return &info;
    known.push_back(info.name);
  }
  std::sort(known.begin(), known.end());
  return Error(ErrorCode::kNotFound, fmt::format("unknown operator: \"{}\"", name)).hint(suggest_name(name, known));
}

std::vector<const OperatorInfo*> Registry::all() const {
  std::vector<const OperatorInfo*> infos;
  {
    const std::lock_guard lock(state_->mutex);
    for (const OperatorInfo& info : state_->infos) infos.push_back(&info);
  }
  std::sort(infos.begin(), infos.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  return infos;
}

namespace {

Error wrong_kind(const OptionInfo& info, const OptionValue& value, std::string_view expected) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("option \"{}\" must be {}, but is {}: {}", info.name, expected,
                                                        value.kind_name(), value.to_text()))
      .at(value.place.to_text())
      .hint(info.example.empty() ? std::string() : fmt::format("for instance {} = {}", info.name, info.example));
}

template <class F>
Result<OptionValue> integer_from_text(const OptionInfo& info, const OptionValue& value, F parse) {
  Result<std::int64_t> parsed = parse(*value.as_text());
  if (!parsed) return Error(parsed.error()).at(info.name).at(value.place.to_text());
  OptionValue number(*parsed);
  number.place = value.place;
  return number;
}

Result<OptionValue> check_texts(const OptionInfo& info, const OptionValue& value) {
  if (value.as_text() != nullptr) {
    OptionValue list(OptionValue::List{value});
    list.place = value.place;
    return list;
  }
  if (value.as_list() == nullptr) return wrong_kind(info, value, "a list of texts");
  for (const OptionValue& element : *value.as_list()) {
    if (element.as_text() == nullptr) return wrong_kind(info, element, "a list of texts");
  }
  return value;
}

Result<OptionValue> check_choice(const OptionInfo& info, const OptionValue& value) {
  if (value.as_text() == nullptr) return wrong_kind(info, value, "a text");
  if (std::find(info.choices.begin(), info.choices.end(), *value.as_text()) != info.choices.end()) return value;
  return Error(ErrorCode::kInvalidArgument, fmt::format("option \"{}\" must be one of {}, but is {}", info.name,
                                                        fmt::join(info.choices, ", "), value.to_text()))
      .at(value.place.to_text())
      .hint(suggest_name(*value.as_text(), info.choices));
}

Result<OptionValue> check_table(const OptionInfo& info, const OptionValue& value) {
  const bool texts_only = info.kind == OptionKind::kExpressions;
  const char* const expected = texts_only ? "a table of expressions" : "a table";
  if (value.as_table() == nullptr) return wrong_kind(info, value, expected);
  for (const OptionValue::Entry& entry : *value.as_table()) {
    if (texts_only && entry.value.as_text() == nullptr) return wrong_kind(info, entry.value, expected);
  }
  return value;
}

// Checks the value and brings it into the form in which `Options` reads it.
Result<OptionValue> check_value(const OptionInfo& info, const OptionValue& value) {
  switch (info.kind) {
    case OptionKind::kBool:
      if (value.as_bool() == nullptr) return wrong_kind(info, value, "true or false");
      return value;
    case OptionKind::kInteger:
      if (value.as_integer() == nullptr) return wrong_kind(info, value, "an integer");
      return value;
    case OptionKind::kNumber:
      if (value.as_number() == nullptr && value.as_integer() == nullptr) return wrong_kind(info, value, "a number");
      return value;
    case OptionKind::kText:
    case OptionKind::kExpression:
      if (value.as_text() == nullptr) return wrong_kind(info, value, "a text");
      return value;
    case OptionKind::kChoice: return check_choice(info, value);
    case OptionKind::kBytes:
      if (value.as_text() != nullptr) return integer_from_text(info, value, parse_bytes);
      if (value.as_integer() == nullptr) return wrong_kind(info, value, "a number of bytes");
      return value;
    case OptionKind::kDuration: {
      if (value.as_text() != nullptr) return integer_from_text(info, value, parse_duration);
      if (value.as_integer() == nullptr && value.as_number() == nullptr) return wrong_kind(info, value, "a duration");
      const double seconds =
          value.as_integer() != nullptr ? static_cast<double>(*value.as_integer()) : *value.as_number();
      if (!(seconds >= 0 && seconds < 9e12)) return wrong_kind(info, value, "a duration of 0 s or more");
      OptionValue micros(static_cast<std::int64_t>(seconds * 1e6));
      micros.place = value.place;
      return micros;
    }
    case OptionKind::kTexts: return check_texts(info, value);
    case OptionKind::kExpressions:
    case OptionKind::kTable: return check_table(info, value);
    case OptionKind::kAny: break;
  }
  return value;
}

const OptionInfo* find_option(const std::vector<OptionInfo>& infos, std::string_view name) {
  for (const OptionInfo& option : infos) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

Error unknown_option(std::string_view owner, const std::vector<OptionInfo>& infos, const OptionValue::Entry& entry) {
  std::vector<std::string> known;
  for (const OptionInfo& option : infos) known.push_back(option.name);
  return Error(ErrorCode::kInvalidArgument, fmt::format("{} has no option \"{}\"", owner, entry.name))
      .at(entry.value.place.to_text())
      .hint(known.empty() ? std::string("it has no options") : suggest_name(entry.name, known));
}

}  // namespace

Result<Options> Registry::check_options(const OperatorInfo& info, const Options& options) const {
  return check_named_options(fmt::format("operator \"{}\"", info.name), info.options, options);
}

Result<Options> check_named_options(std::string_view owner, const std::vector<OptionInfo>& infos,
                                    const Options& options) {
  Options checked;
  checked.origin = options.origin;
  for (const OptionValue::Entry& entry : options.entries()) {
    const OptionInfo* const option = find_option(infos, entry.name);
    if (option == nullptr) return unknown_option(owner, infos, entry);
    PENSTOCK_ASSIGN(OptionValue value, check_value(*option, entry.value));
    checked.set(entry.name, std::move(value));
  }
  for (const OptionInfo& option : infos) {
    if (checked.has(option.name)) continue;
    if (option.required) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("{} needs the option \"{}\"", owner, option.name))
          .at(options.origin.to_text())
          .hint(option.example.empty() ? option.doc : fmt::format("for instance {} = {}", option.name, option.example));
    }
    if (std::string_view(option.default_value.kind_name()) == "nothing") continue;
    PENSTOCK_ASSIGN(OptionValue value, check_value(option, option.default_value));
    checked.set(option.name, std::move(value));
  }
  return checked;
}

Result<std::unique_ptr<Operator>> Registry::make(std::string_view name, const Options& options) const {
  Result<const OperatorInfo*> info = find(name);
  if (!info) return Error(info.error()).at(options.origin.to_text());
  PENSTOCK_ASSIGN(const Options checked, check_options(**info, options));
  return (*info)->make(checked);
}

}  // namespace penstock
