// SPDX-License-Identifier: MIT
#include "operators/io/typed_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_name.h"
#include "data/json_text.h"
#include "data/number_text.h"
#include "data/timestamp_text.h"

namespace penstock {

ParseOutcome append_typed(ColumnBuilder& to, std::string_view text) {
  switch (to.type()) {
    case Type::kInt64: {
      std::int64_t value = 0;
      const ParseOutcome outcome = parse_int64(text, value);
      if (outcome == ParseOutcome::kOk) to.append_int64(value);
      return outcome;
    }
    case Type::kFloat64: {
      double value = 0;
      const ParseOutcome outcome = parse_float64(text, value);
      if (outcome == ParseOutcome::kOk) to.append_float64(value);
      return outcome;
    }
    case Type::kBool: {
      bool value = false;
      const ParseOutcome outcome = parse_bool(text, value);
      if (outcome == ParseOutcome::kOk) to.append_bool(value);
      return outcome;
    }
    case Type::kTimestamp: {
      std::int64_t value = 0;
      const ParseOutcome outcome = parse_timestamp(text, value);
      if (outcome == ParseOutcome::kOk) to.append_int64(value);
      return outcome;
    }
    case Type::kUtf8:
    case Type::kImage:
    case Type::kTensor: break;
  }
  to.append_text(text);
  return ParseOutcome::kOk;
}

std::string explain_typed(ParseOutcome outcome, Type type, std::string_view text) {
  if (outcome == ParseOutcome::kOutOfRange)
    return fmt::format("out of the range of {}: {}", to_string(type), excerpt(text));
  return fmt::format("expected {}, found {}", to_string(type), excerpt(text));
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t kMostBytes = 60;
  const bool cut = text.size() > kMostBytes;
  std::size_t size = std::min(text.size(), kMostBytes);
  while (cut && size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U)
    --size;  // not inside a character
  std::string quoted;
  append_json_text(quoted, text.substr(0, size));
  if (cut) quoted += fmt::format("… ({} bytes)", text.size());
  return quoted;
}

OptionInfo types_option(std::string doc) {
  return {.name = "types", .kind = OptionKind::kTable, .doc = std::move(doc), .example = "{ status = \"int64\" }"};
}

namespace {

Result<Field> field_of(const std::string& name, const std::string& type, bool tensors) {
  if (tensors && type == to_string(Type::kImage)) return Field{name, Type::kImage};
  if (tensors && type.find('[') != std::string::npos) {
    PENSTOCK_ASSIGN(TensorType tensor, tensor_type_from_string(type));
    return Field{name, Type::kTensor, std::move(tensor)};
  }
  PENSTOCK_ASSIGN(const Type plain, type_from_string(type));
  return Field{name, plain};
}

}  // namespace

Result<std::vector<Field>> fields_from_table(const Options& options, std::string_view option, bool tensors) {
  std::vector<Field> fields;
  for (const OptionValue::Entry& entry : options.table(option)) {
    if (entry.value.as_text() == nullptr) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("the type of column \"{}\" must be a text, but is {}",
                                                            entry.name, entry.value.kind_name()))
          .at(entry.value.place.to_text())
          .hint("types are int64, float64, bool, utf8, timestamp");
    }
    Result<Field> field = field_of(entry.name, *entry.value.as_text(), tensors);
    if (!field) return Error(std::move(field).error()).at(entry.value.place.to_text());
    fields.push_back(std::move(*field));
  }
  return fields;
}

Status apply_types(const Options& options, std::vector<Field>& fields) {
  if (!options.has("types")) return {};
  PENSTOCK_ASSIGN(const std::vector<Field> types, fields_from_table(options, "types"));
  for (const Field& typed : types) {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == typed.name; });
    if (found == fields.end()) {
      std::vector<std::string> names;
      for (const Field& field : fields) names.push_back(field.name);
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("option \"types\" names an unknown column: \"{}\"", typed.name))
          .at(options.place("types").to_text())
          .hint(suggest_name(typed.name, names));
    }
    found->type = typed.type;
  }
  return {};
}

}  // namespace penstock
