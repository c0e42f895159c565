// SPDX-License-Identifier: MIT
#include "workflow/stage_streams.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_name.h"

namespace penstock {
namespace {

bool is_pipeline(const FileStage& stage) { return !stage.is_command() && stage.function == nullptr; }

bool has_role(const FileStep& step, OperatorInfo::Role role) {
  const Result<const OperatorInfo*> info = Registry::global().find(step.op);
  return info && (*info)->role == role;
}

// Why `from` cannot hand its records on; empty: it can.
std::string fault_of_maker(const FileStage& from) {
  if (!is_pipeline(from) || from.steps.empty()) return "it is no pipeline";
  if (std::any_of(from.steps.begin(), from.steps.end(),
                  [](const FileStep& step) { return has_role(step, OperatorInfo::Role::kSink); }))
    return "it writes files; what hands on a stream writes none";
  if (!from.when.empty() || !from.fallback.empty() || from.for_each || from.last || from.retry.max_attempts > 1 ||
      !from.resources.empty())
    return "it has one of when, fallback, for_each, finally, retry and resources, which belong to the stage that takes "
           "the stream";
  return {};
}

std::string fault_of_taker(const FileStage& to) {
  if (!is_pipeline(to) || to.steps.empty()) return "it is no pipeline";
  if (has_role(to.steps.front(), OperatorInfo::Role::kSource)) return "its first operator is a source";
  if (to.for_each) return "it is done for each of a list";
  return {};
}

// The texts of both will be looked up in one list.
std::string fault_of_names(const FileStage& from, const FileStage& to) {
  for (const StageInput& input : from.inputs) {
    const bool there =
        !input.name.empty() && std::any_of(to.inputs.begin(), to.inputs.end(),
                                           [&](const StageInput& other) { return other.name == input.name; });
    if (there) return fmt::format("both have an input \"{}\"", input.name);
  }
  return {};
}

class Joiner {
 public:
  explicit Joiner(std::vector<FileStage>& stages) : stages_(stages), state_(stages.size(), 0) {}

  Status join(std::size_t i) {
    FileStage& to = stages_[i];
    if (to.stream_from.empty() || state_[i] == 2) return {};
    if (state_[i] == 1) return refused(to, "streams go round in a circle");
    state_[i] = 1;
    std::vector<std::string> names;
    for (const FileStage& stage : stages_) names.push_back(stage.name);
    const auto found = std::find(names.begin(), names.end(), to.stream_from);
    if (found == names.end()) {
      return Error(ErrorCode::kNotFound, fmt::format("unknown stage: \"{}\"", to.stream_from))
          .at(to.name)
          .at(to.stream_place.to_text())
          .hint(suggest_name(to.stream_from, names));
    }
    const auto maker = static_cast<std::size_t>(found - names.begin());
    PENSTOCK_TRY(join(maker));  // it may take a stream itself
    FileStage& from = stages_[maker];
    if (!from.streams_to.empty() && from.streams_to != to.name)
      return refused(to, fmt::format("\"{}\" takes it already", from.streams_to));
    if (from.streams_to.empty()) {
      if (const std::string fault = fault_of_maker(from); !fault.empty()) return refused(to, fault);
      if (const std::string fault = fault_of_taker(to); !fault.empty())
        return refused(to, fmt::format("\"{}\" cannot take it: {}", to.name, fault));
      if (const std::string fault = fault_of_names(from, to); !fault.empty()) return refused(to, fault);
      connect(from, to);
    }
    state_[i] = 2;
    return {};
  }

 private:
  static Error refused(const FileStage& to, const std::string& why) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("stage \"{}\" cannot hand on a stream: {}", to.stream_from, why))
        .at(to.name)
        .at(to.stream_place.to_text());
  }

  static void connect(FileStage& from, FileStage& to) {
    const std::size_t shift = from.steps.size();
    std::vector<FileStep> steps = std::move(from.steps);
    from.steps.clear();
    for (FileStep& step : steps) {
      if (!step.name.empty() && from.stream_from.empty()) step.name = from.name + "/" + step.name;
    }
    for (std::size_t k = 0; k < to.steps.size(); ++k) {
      FileStep& step = to.steps[k];
      if (step.input != Pipeline::kNone) step.input += shift;
      if (k == 0) step.input = shift - 1;
      steps.push_back(std::move(step));
    }
    to.steps = std::move(steps);
    to.cache = to.cache && from.cache;
    to.code_declared = to.code_declared && from.code_declared;
    to.inputs.insert(to.inputs.end(), from.inputs.begin(), from.inputs.end());
    to.after.insert(to.after.end(), from.after.begin(), from.after.end());
    to.reads.insert(to.reads.end(), from.reads.begin(), from.reads.end());
    std::sort(to.reads.begin(), to.reads.end());
    to.reads.erase(std::unique(to.reads.begin(), to.reads.end()), to.reads.end());
    if (!from.version.empty()) to.version = fmt::format("{}; {} of {}", to.version, from.version, from.name);
    from.inputs.clear();
    from.after.clear();
    from.reads.clear();
    from.streams_to = to.name;
  }

  std::vector<FileStage>& stages_;
  std::vector<char> state_;  // 1: on the way, 2: done
};

}  // namespace

Status join_streams(std::vector<FileStage>& stages) {
  Joiner joiner(stages);
  for (std::size_t i = 0; i < stages.size(); ++i) PENSTOCK_TRY(joiner.join(i));
  return {};
}

}  // namespace penstock
