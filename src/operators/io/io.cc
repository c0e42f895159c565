// SPDX-License-Identifier: MIT
#include <penstock/io.h>

namespace penstock {

namespace detail {

Options with_path(std::string path, Options options) {
  options.set("path", std::move(path));
  return options;
}

Options with_schema(std::string_view op, const Schema& schema, Options options) {
  OptionValue::Table types;
  OptionValue::List columns;
  for (const Field& field : schema.fields()) {
    types.push_back({field.name, to_string(field.type)});
    columns.emplace_back(field.name);
  }
  if (op == "json.read") {
    if (!options.has("schema")) options.set("schema", std::move(types));
    return options;
  }
  if (!options.has("types")) options.set("types", std::move(types));
  if (!options.has("columns")) options.set("columns", std::move(columns));
  return options;
}

}  // namespace detail

Stream<RecordBatch> read_csv(std::string path, Options options, StepOptions step) {
  return read("csv.read", detail::with_path(std::move(path), std::move(options)), std::move(step));
}

Stream<RecordBatch> read_jsonl(std::string path, Options options, StepOptions step) {
  return read("json.read", detail::with_path(std::move(path), std::move(options)), std::move(step));
}

Stream<RecordBatch> read_text(std::string path, Options options, StepOptions step) {
  return read("text.read", detail::with_path(std::move(path), std::move(options)), std::move(step));
}

Sink write_csv(std::string path, Options options) {
  return {"csv.write", detail::with_path(std::move(path), std::move(options))};
}

Sink write_jsonl(std::string path, Options options) {
  return {"json.write", detail::with_path(std::move(path), std::move(options))};
}

Sink write_text(std::string path, Options options) {
  return {"text.write", detail::with_path(std::move(path), std::move(options))};
}

}  // namespace penstock
