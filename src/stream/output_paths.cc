// SPDX-License-Identifier: MIT
#include "stream/output_paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "platform/file.h"
#include "platform/glob.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

bool is_shareable(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  return !error && fs::exists(status) && !fs::is_regular_file(status);
}

// The option that names files, "path" of an operator of the registry, in one form or the other; of sinks, or of all
// others. A model decides what comes out as much as the records do.
enum class Side : std::uint8_t { kWrites, kReads };
std::vector<std::string> paths_of(const Pipeline::Step& step, Side side) {
  const std::string_view name = step.op == "embed.onnx" ? "model" : "path";
  if (step.factory != nullptr) return {};
  const Result<const OperatorInfo*> info = Registry::global().find(step.op);
  if (!info || ((*info)->role == OperatorInfo::Role::kSink) != (side == Side::kWrites)) return {};
  const OptionValue* const value = step.options.find(name);
  const auto is_path = [&](const OptionInfo& option) {
    return option.name == name && option.kind != OptionKind::kExpression;  // of which each record has its own
  };
  if (value == nullptr || std::none_of((*info)->options.begin(), (*info)->options.end(), is_path)) return {};
  if (value->as_text() != nullptr) return {*value->as_text()};
  std::vector<std::string> paths;
  if (value->as_list() != nullptr) {
    for (const OptionValue& path : *value->as_list()) {
      if (path.as_text() != nullptr) paths.push_back(*path.as_text());
    }
  }
  return paths;
}

/// What a pipeline reads, by path, by file, and by glob: a file that is not there yet may match at the next run.
class Inputs {
 public:
  void add(const std::string& path, const std::string& step) {
    if (!has_glob(path)) {
      if (!is_shareable(path)) add_file(path, step);
      return;
    }
    globs_.emplace_back(canonical_glob(path), step);
    if (const auto found = expand_glob(path)) {
      for (const std::string& file : *found) add_file(file, step);
    }
  }

  Status check(const OutputPath& output) const {
    if (is_shareable(output.path)) return {};
    const std::string path = canonical_path(output.path);
    if (const auto known = by_path_.find(path); known != by_path_.end()) return refuse(output, known->second);
    if (const auto stamp = stamp_of(output.path)) {
      const auto known = by_file_.find({stamp->device, stamp->inode});
      if (known != by_file_.end()) return refuse(output, known->second);
    }
    for (const auto& [pattern, step] : globs_) {
      if (matches_glob(pattern, path)) return refuse(output, step);
    }
    return {};
  }

 private:
  void add_file(const std::string& path, const std::string& step) {
    by_path_.emplace(canonical_path(path), step);
    if (const auto stamp = stamp_of(path)) by_file_.emplace(std::pair(stamp->device, stamp->inode), step);
  }

  // Only what stands before the first mark can be looked up.
  static std::string canonical_glob(const std::string& pattern) {
    const std::size_t slash = pattern.rfind('/', pattern.find_first_of("*?["));
    if (slash == std::string::npos) return canonical_path(".") + "/" + pattern;
    return canonical_path(pattern.substr(0, slash + 1)) + "/" + pattern.substr(slash + 1);
  }

  static Status refuse(const OutputPath& output, const std::string& reader) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} is the {} of \"{}\" and an input of \"{}\"; the run would replace what it reads",
                             output.path, output.as, output.step, reader))
        .at(output.step)
        .at(output.place.to_text())
        .hint("write to another file, for instance below {artifacts}");
  }

  std::map<std::string, std::string> by_path_;  // the step that reads it
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> by_file_;
  std::vector<std::pair<std::string, std::string>> globs_;
};

Status check_no_folder(const OutputPath& output) {
  std::error_code error;
  if (!fs::is_directory(output.path, error)) return {};
  return Error(ErrorCode::kInvalidArgument, fmt::format("{}, the {} of \"{}\", is a folder, a file was expected",
                                                        output.path, output.as, output.step))
      .at(output.step)
      .at(output.place.to_text())
      .hint("name a file in it");
}

Status check_writers(const std::vector<OutputPath>& outputs) {
  std::map<std::string, const OutputPath*> writers;
  for (const OutputPath& output : outputs) {
    if (is_shareable(output.path)) continue;
    const auto [known, added] = writers.emplace(canonical_path(output.path), &output);
    const OutputPath& other = *known->second;
    const bool both_quarantine =
        std::string_view(other.as) == "quarantine" && std::string_view(output.as) == "quarantine";
    if (added || both_quarantine) continue;
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} is the {} of \"{}\" and the {} of \"{}\"; one would replace the other", output.path,
                             output.as, output.step, other.as, other.step))
        .at(output.step)
        .at(output.place.to_text())
        .hint("give each its own path");
  }
  return {};
}

}  // namespace

std::string canonical_path(const std::string& path) {
  std::error_code error;
  const fs::path found = fs::weakly_canonical(fs::absolute(path, error), error);
  std::string text = error ? path : found.string();
  if (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

std::vector<OutputPath> output_paths(const Pipeline& pipeline, const RunOptions& options) {
  std::vector<OutputPath> outputs;
  for (const Pipeline::Step& step : pipeline.steps()) {
    for (std::string& path : paths_of(step, Side::kWrites)) {
      outputs.push_back({std::move(path), step.name, "output", step.options.place("path")});
    }
  }
  for (const Pipeline::Step& step : pipeline.steps()) {
    if (step.on_error.action != ErrorPolicy::Action::kQuarantine) continue;
    const std::string& path = step.on_error.quarantine_path;
    outputs.push_back(
        {path.empty() ? options.artifacts + "/quarantine.jsonl" : path, step.name, "quarantine", step.options.origin});
  }
  return outputs;
}

Status check_output_paths(const Pipeline& pipeline, const RunOptions& options) {
  const std::vector<OutputPath> outputs = output_paths(pipeline, options);
  for (const OutputPath& output : outputs) PENSTOCK_TRY(check_no_folder(output));
  PENSTOCK_TRY(check_writers(outputs));
  Inputs inputs;
  for (const Pipeline::Step& step : pipeline.steps()) {
    for (const std::string& path : paths_of(step, Side::kReads)) inputs.add(path, step.name);
  }
  for (const OutputPath& output : outputs) PENSTOCK_TRY(inputs.check(output));
  return {};
}

std::vector<std::string> input_paths(const Pipeline& pipeline) {
  std::vector<std::string> paths;
  for (const Pipeline::Step& step : pipeline.steps()) {
    for (std::string& path : paths_of(step, Side::kReads)) {
      const Result<std::vector<std::string>> found = expand_glob(path);
      if (found) {
        paths.insert(paths.end(), found->begin(), found->end());
      } else {
        paths.push_back(std::move(path));
      }
    }
  }
  return paths;
}

}  // namespace penstock
