// SPDX-License-Identifier: MIT
// A plan for people and for programs.
#include <fmt/format.h>
#include <penstock/run.h>

#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "store/json_fields.h"
#include "stream/table.h"

namespace penstock {

std::string Plan::to_text() const {
  std::string text =
      fmt::format("pipeline \"{}\": strategy {}, {}, at most {} per batch{}\n  why: {}\n{}", pipeline, strategy,
                  counted(segments.size(), "segment"), counted(batch_size, "record"),
                  memory_limit == 0 ? "" : fmt::format(", at most {} in flight", bytes_text(memory_limit)), reason,
                  preset.empty() ? "" : fmt::format("  preset: {}\n", preset));
  for (std::size_t s = 0; s < segments.size(); ++s) {
    const PlanSegment& segment = segments[s];
    text += fmt::format(
        "\nsegment {}: {}{}{}\n  why: {}\n", s, counted(segment.workers, segment.worker),
        segment.most_workers > segment.workers ? fmt::format(", at most {}", segment.most_workers) : "",
        segment.queue_depth == 0
            ? ""
            : fmt::format(", fed through a channel of {}",
                          segment.queue_depth == 1 ? "1 batch" : with_commas(segment.queue_depth) + " batches"),
        segment.reason);
    for (const std::size_t index : segment.steps) {
      const Step& step = steps[index];
      text += fmt::format("  {}{}{}{}\n", step.name, step.op == step.name ? "" : " (" + step.op + ")",
                          step.on_error == "fail" ? "" : ", on error: " + step.on_error,
                          step.unordered ? ", unordered" : "");
      text += fmt::format("      emits {}\n", step.output);
      if (!step.note.empty()) text += fmt::format("      note: {}\n", step.note);
    }
  }
  text += no_checkpoints.empty()
              ? "\ncheckpoints: a run that was killed can go on from its last one\n"
              : fmt::format("\ncheckpoints: none, a run that was killed begins anew: {}\n", no_checkpoints);
  return printable_lines(text);
}

std::string Plan::to_json() const {
  nlohmann::ordered_json plan = {{"version", 1},     {"pipeline", pipeline},     {"strategy", strategy},
                                 {"reason", reason}, {"batch_size", batch_size}, {"memory_limit", memory_limit}};
  if (!preset.empty()) plan["preset"] = preset;
  plan["steps"] = nlohmann::ordered_json::array();
  for (const Step& step : steps) {
    plan["steps"].push_back({{"name", step.name},
                             {"op", step.op},
                             {"inputs", step.inputs},
                             {"output", step.output},
                             {"note", step.note},
                             {"on_error", step.on_error},
                             {"unordered", step.unordered},
                             {"light", step.light}});
  }
  plan["segments"] = nlohmann::ordered_json::array();
  for (const PlanSegment& segment : segments) {
    plan["segments"].push_back({{"steps", segment.steps},
                                {"worker", segment.worker},
                                {"workers", segment.workers},
                                {"most_workers", std::max(segment.workers, segment.most_workers)},
                                {"queue_depth", segment.queue_depth},
                                {"reason", segment.reason}});
  }
  plan["no_checkpoints"] = no_checkpoints;
  return json_document(plan);
}

}  // namespace penstock
