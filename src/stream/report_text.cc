// SPDX-License-Identifier: MIT
// A report for people and for programs.
#include <fmt/format.h>
#include <penstock/run.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "store/json_fields.h"
#include "stream/monitor_text.h"
#include "stream/table.h"

namespace penstock {

const char* to_string(Report::Outcome outcome) noexcept {
  static constexpr const char* kNames[] = {"done", "drained", "failed", "cancelled"};
  return kNames[static_cast<std::size_t>(outcome)];
}

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostRowsShown = 50;

// Of this run: without the records that it needed not read again.
double records_per_second(const Report& report) {
  const std::uint64_t read = report.records_in - std::min(report.records_in, report.checkpoints.records_not_read);
  return report.wall_seconds > 0 ? static_cast<double>(read) / report.wall_seconds : 0;
}

std::string headline(const Report& report) {
  const double rate = records_per_second(report);
  const std::uint64_t further_on = report.records_rejected_further_on;
  return fmt::format("pipeline \"{}\" {} with strategy {} in {}: {} in = {} out + {} rejected + {} dropped{}, {}/s\n",
                     printable(report.pipeline), to_string(report.outcome), report.plan.strategy,
                     duration_text(report.wall_seconds), counted(report.records_in, "record"),
                     with_commas(report.records_out), with_commas(report.records_rejected),
                     with_commas(report.records_dropped),
                     further_on > 0 ? fmt::format("; {} rejected further on", with_commas(further_on)) : "",
                     with_commas(static_cast<std::uint64_t>(rate)));
}

std::vector<std::string> table_row(const StepReport& step) {
  std::vector<std::string> row = {printable(step.name),
                                  with_commas(step.records_in),
                                  with_commas(step.records_out),
                                  with_commas(step.records_rejected),
                                  fmt::format("{}", step.segment),
                                  step.fused ? "fused" : duration_text(step.busy_seconds),
                                  step.fused ? "" : duration_text(step.wait_seconds),
                                  step.fused ? "" : duration_text(step.blocked_seconds)};
  return row;
}

std::string cell(const Json& value) {
  if (value.is_null()) return "";
  return printable(value.is_string() ? value.get_ref<const std::string&>() : value.dump());
}

// Numbers stand at the right, as in the table of the operators.
Table table_like(const Json& record) {
  std::vector<std::string> header;
  for (const auto& [name, value] : record.items()) header.push_back((value.is_number() ? ">" : "") + printable(name));
  return Table(std::move(header));
}

std::string to_text(const StepResult& result) {
  const Json rows = Json::parse(result.rows, nullptr, false);
  std::string text = fmt::format("\n{}: {}\n", printable(result.name), counted(rows.size(), "record"));
  if (rows.empty() || !rows.is_array()) return text;
  Table table = table_like(rows.front());
  for (std::size_t i = 0; i < std::min(rows.size(), kMostRowsShown); ++i) {
    std::vector<std::string> cells;
    for (const Json& value : rows[i]) cells.push_back(cell(value));
    table.add(std::move(cells));
  }
  text += table.to_text();
  if (rows.size() > kMostRowsShown) text += fmt::format("... and {} more\n", rows.size() - kMostRowsShown);
  return text;
}

std::string to_text(const Report::Checkpoints& checkpoints) {
  std::string text;
  if (!checkpoints.resumed_from.empty()) {
    const SourceProgress& source = checkpoints.not_read;
    text += fmt::format(
        "went on from checkpoint {}: {}{} not read again\n", printable(checkpoints.resumed_from),
        counted(checkpoints.records_not_read, "record"),
        std::string_view(source.unit) == "bytes" ? ", " + bytes_text(source.done) + " of the input, were" : " were");
  }
  if (!checkpoints.note.empty()) text += fmt::format("checkpoints: {}\n", printable(checkpoints.note));
  return text;
}

}  // namespace

std::string Report::to_text() const {
  std::string text = headline(*this) + penstock::to_text(checkpoints);
  Table table({"operator", ">in", ">out", ">rejected", ">segment", ">busy", ">waiting", ">blocked"});
  for (const StepReport& step : steps) table.add(table_row(step));
  text += table.to_text();
  for (const StepReport& step : steps) {
    if (!step.note.empty()) text += fmt::format("note: {}: {}\n", printable(step.name), printable(step.note));
    if (step.records_rejected > 0) {
      text += fmt::format("rejected: {}: {}, the first: {}\n", printable(step.name),
                          counted(step.records_rejected, "record"), printable(step.first_rejection));
    }
  }
  for (const OutputFile& output : outputs) {
    text += fmt::format("wrote {} ({}, {}, {})\n", printable(output.path), printable(output.kind),
                        counted(output.records, "record"), bytes_text(output.size_bytes));
  }
  text += fmt::format("memory: {} at most, {} of it in flight; cpu: {}\n", bytes_text(memory_peak_bytes),
                      bytes_text(buffer_peak_bytes), duration_text(cpu_seconds));
  if (monitor) text += monitor_to_text(*monitor);
  for (const StepResult& result : results) text += penstock::to_text(result);
  return text;
}

std::string Report::to_json() const {
  const double rate = records_per_second(*this);
  Json report = {{"version", 1},
                 {"pipeline", pipeline},
                 {"outcome", to_string(outcome)},
                 {"strategy", plan.strategy},
                 {"records_in", records_in},
                 {"records_out", records_out},
                 {"records_rejected", records_rejected},
                 {"records_dropped", records_dropped},
                 {"records_rejected_further_on", records_rejected_further_on},
                 {"records_per_second", rate},
                 {"wall_seconds", wall_seconds},
                 {"cpu_seconds", cpu_seconds},
                 {"cpu_usage", wall_seconds > 0 ? cpu_seconds / wall_seconds : 0},
                 {"memory_peak_bytes", memory_peak_bytes},
                 {"buffer_peak_bytes", buffer_peak_bytes}};
  report["checkpoints"] = {{"written", checkpoints.written},
                           {"resumed_from", checkpoints.resumed_from},
                           {"records_not_read", checkpoints.records_not_read},
                           {"not_read", {{"done", checkpoints.not_read.done}, {"unit", checkpoints.not_read.unit}}},
                           {"note", checkpoints.note}};
  report["steps"] = Json::array();
  for (const StepReport& step : steps) {
    report["steps"].push_back({{"name", step.name},
                               {"op", step.op},
                               {"segment", step.segment},
                               {"records_in", step.records_in},
                               {"records_out", step.records_out},
                               {"records_rejected", step.records_rejected},
                               {"retries", step.retries},
                               {"fallbacks", step.fallbacks},
                               {"batches", step.batches},
                               {"crashes", step.crashes},
                               {"busy_seconds", step.busy_seconds},
                               {"wait_seconds", step.wait_seconds},
                               {"blocked_seconds", step.blocked_seconds},
                               {"fused", step.fused},
                               {"first_rejection", step.first_rejection},
                               {"note", step.note}});
  }
  report["outputs"] = Json::array();
  for (const OutputFile& output : outputs) {
    report["outputs"].push_back(
        {{"path", output.path}, {"kind", output.kind}, {"records", output.records}, {"size_bytes", output.size_bytes}});
  }
  report["results"] = Json::array();
  for (const StepResult& result : results) {
    report["results"].push_back({{"name", result.name}, {"rows", Json::parse(result.rows, nullptr, false)}});
  }
  if (monitor) report["monitor"] = monitor_to_json(*this);
  return json_document(report);
}

}  // namespace penstock
