// SPDX-License-Identifier: MIT
#include "workflow/stage_checkpoints.h"

#include <fmt/format.h>

#include <optional>

#include "platform/build_id.h"
#include "stream/checkpoints.h"
#include "stream/output_paths.h"
#include "stream/table.h"
#include "workflow/run_files.h"

namespace penstock {
namespace {

using Identity = std::vector<std::pair<std::string, std::string>>;

// What another stage made, by content: it has another place in every run.
std::string digest_of_artifact(const FileStage& stage, const MadeResults& made, const std::string& path) {
  for (const StageInput& input : stage.inputs) {
    const std::vector<Artifact>* const artifacts = input.stage.empty() ? nullptr : made.artifacts_of(input.stage);
    if (artifacts == nullptr) continue;
    for (const Artifact& artifact : *artifacts) {
      if (artifact.path == path) return artifact.sha256;
    }
  }
  return {};
}

Identity identity_without_key(const PipelineFile& file, const FileStage& stage) {
  return {{"code", code_identity()},
          {"operators", steps_to_json(stage)},
          {"max_errors", std::to_string(file.run.max_errors)}};
}

// Also where there is a key, which tells nothing of files that were changed and changed back while they were read.
std::optional<Identity> identity_of(const PipelineFile& file, const FileStage& stage, const std::string& run_dir,
                                    const NamedResult* named, const MadeResults& made) {
  Identity identity = named != nullptr ? named->key.fields : identity_without_key(file, stage);
  for (const std::string& path : input_paths(make_pipeline(file, stage, run_dir))) {
    const bool is_made = path.starts_with(run_dir + "/");
    if (is_made && named != nullptr) continue;
    const Result<std::string> state =
        is_made ? digest_of_artifact(stage, made, path.substr(run_dir.size() + 1)) : file_state(path);
    if (!state || state->empty()) return {};
    identity.emplace_back(is_made ? "input " + path.substr(run_dir.size() + 1) : "state of " + path, *state);
  }
  return identity;
}

std::string checkpoint_folder(const std::string& run_dir, const std::string& stage) {
  return run_dir + "/" + stage + "/checkpoints";
}

}  // namespace

CheckpointOptions checkpoints_of_stage(const PipelineFile& file, const FileStage& stage, const std::string& run_dir,
                                       const NamedResult* named, const MadeResults& made,
                                       const std::vector<std::string>& earlier) {
  if (file.workflow.checkpoint.count() == 0) return {};
  std::optional<Identity> identity = identity_of(file, stage, run_dir, named, made);
  if (!identity) return {};
  CheckpointOptions options;
  options.interval = file.workflow.checkpoint;
  options.folder = checkpoint_folder(run_dir, stage.name);
  options.identity = std::move(*identity);
  for (const std::string& run : earlier) options.resume_from.push_back(checkpoint_folder(run, stage.name));
  return options;
}

std::string checkpoints_text(const Report::Checkpoints& checkpoints) {
  std::string text;
  if (!checkpoints.resumed_from.empty()) {
    const bool bytes = std::string_view(checkpoints.not_read.unit) == "bytes";
    text = fmt::format("went on from {}: {}{} not read again", checkpoints.resumed_from,
                       counted(checkpoints.records_not_read, "record"),
                       bytes ? ", " + bytes_text(checkpoints.not_read.done) + ", were" : " were");
  }
  if (!checkpoints.note.empty()) text += (text.empty() ? "" : "; ") + checkpoints.note;
  return text;
}

}  // namespace penstock
