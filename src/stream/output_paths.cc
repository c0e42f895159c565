// SPDX-License-Identifier: MIT
#include "stream/output_paths.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>

namespace penstock {
namespace {

namespace fs = std::filesystem;

struct Use {
  std::string step;
  const char* as;
};

std::string canonical(const std::string& path) {
  std::error_code error;
  const fs::path found = fs::weakly_canonical(path, error);
  return error ? path : found.string();
}

bool is_shareable(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  return !error && fs::exists(status) && !fs::is_regular_file(status);
}

class Uses {
 public:
  /// Remembers the use of a path; an error when another use does not go with it.
  Status add(const std::string& path, Use use, const Place& place) {
    if (is_shareable(path)) return {};
    const auto [known, added] = uses_.emplace(canonical(path), use);
    const bool both_quarantine = std::string_view(known->second.as) == "quarantine" && std::string_view(use.as) == "quarantine";
    if (added || both_quarantine) return {};
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} is the {} of \"{}\" and the {} of \"{}\"; one would replace the other", path, use.as, use.step,
                             known->second.as, known->second.step))
        .at(use.step)
        .at(place.to_text())
        .hint("give each its own path");
  }

 private:
  std::map<std::string, Use> uses_;
};

const OptionValue* path_option(const Pipeline::Step& step, OperatorInfo::Role role) {
  if (step.factory != nullptr) return nullptr;
  const Result<const OperatorInfo*> info = Registry::global().find(step.op);
  return info && (*info)->role == role ? step.options.find("path") : nullptr;
}

}  // namespace

Status check_output_paths(const Pipeline& pipeline, const RunOptions& options) {
  Uses outputs;
  Uses inputs_and_quarantine;
  for (const Pipeline::Step& step : pipeline.steps()) {
    if (const OptionValue* path = path_option(step, OperatorInfo::Role::kSink); path != nullptr && path->as_text() != nullptr) {
      PENSTOCK_TRY(outputs.add(*path->as_text(), {step.name, "output"}, step.options.origin));
    }
    if (const OptionValue* path = path_option(step, OperatorInfo::Role::kSource); path != nullptr && path->as_text() != nullptr) {
      // Two sources may read one file, so each is compared with quarantine files only.
      (void)inputs_and_quarantine.add(*path->as_text(), {step.name, "input"}, step.options.origin);
    }
  }
  for (const Pipeline::Step& step : pipeline.steps()) {
    if (step.on_error.action != ErrorPolicy::Action::kQuarantine) continue;
    const std::string path =
        step.on_error.quarantine_path.empty() ? options.artifacts + "/quarantine.jsonl" : step.on_error.quarantine_path;
    PENSTOCK_TRY(outputs.add(path, {step.name, "quarantine"}, step.options.origin));
    PENSTOCK_TRY(inputs_and_quarantine.add(path, {step.name, "quarantine"}, step.options.origin));
  }
  return {};
}

}  // namespace penstock
