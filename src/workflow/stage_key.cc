// SPDX-License-Identifier: MIT
#include "workflow/stage_key.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "embed/network_modules.h"
#include "platform/build_id.h"
#include "platform/file.h"
#include "store/digest.h"
#include "store/file_digests.h"
#include "store/run_store.h"
#include "stream/output_paths.h"
#include "workflow/command_stage.h"
#include "workflow/parallel_hash.h"
#include "workflow/run_files.h"
#include "workflow/stage_graph.h"
#include "workflow/stage_paths.h"

namespace penstock {
namespace {

using Json = nlohmann::ordered_json;

enum class What : std::uint8_t { kNothing, kFile, kFolder, kOther };

What what_is(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return What::kNothing;
  return S_ISREG(info.st_mode) ? What::kFile : S_ISDIR(info.st_mode) ? What::kFolder : What::kOther;
}

std::string name_of(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string key_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

class KeyMaker {
 public:
  KeyMaker(const PipelineFile& file, const FileStage& stage, const std::string& run_dir, const MadeResults& made,
           DigestIndex& index, FoundPrograms* programs)
      : file_(file), stage_(stage), run_dir_(run_dir), made_(made), index_(index), programs_(programs) {}

  Result<NamedResult> make() {
    StageKey& key = result_.key;
    key.add("format", "1");
    // Items of a list share a name: where in the list they stand does not matter.
    key.add("stage", stage_.name.substr(0, stage_.name.find('/')));
    if (stage_.item && !stage_.item_is_file) key.add("item", *stage_.item);
    key.add("kind", kind_of(stage_));
    key.add("version", stage_.version);
    PENSTOCK_TRY(stage_.is_command() ? add_command() : stage_.function != nullptr ? add_function() : add_pipeline());
    hash_inputs();
    for (const StageInput& input : stage_.inputs) PENSTOCK_TRY(add_input(input));
    key.seal();
    return std::move(result_);
  }

 private:
  Status add_command() {
    StageKey& key = result_.key;
    const StageCommand& command = stage_.command;
    const StageFolders folders = folders_of(stage_, run_dir_);
    PENSTOCK_ASSIGN(result_.program, program_of(stage_, folders, programs_));
    PENSTOCK_ASSIGN(FileDigest digest, index_.digest(result_.program));
    key.add("code", stage_.code_declared ? "declared" : digest.sha256);
    // A result of another program than the key says is nobody's. What a placeholder names is an input anyway.
    if (!stage_.code_declared && !is_named_by_placeholder(command))
      result_.inputs.add_file(result_.program, std::move(digest));
    key.add("command", key_text(Json(command.words)));
    key.add("shell", command.shell ? "yes" : "no");
    key.add("stdin", command.stdin_path);
    key.add("stdout", command.stdout_path);
    for (const auto& [name, value] : result_environment(stage_)) key.add("env." + name, value);
    for (const StageOutput& output : stage_.outputs)
      key.add("output." + output.name, output.path + (output.folder ? "/" : ""));
    if (!command.stdin_path.empty() && command.stdin_path.find('{') == std::string::npos)
      PENSTOCK_TRY(add_file("file.stdin", command.stdin_path, stage_.command.place, false));
    if (looks_into_run(command)) result_.why_not = kLooksIntoRun;
    return {};
  }

  static constexpr const char* kRunDir = "{run_dir}";
  static constexpr const char* kLooksIntoRun = "it looks into {run_dir}";

  // What stands there, no field of the key tells.
  static bool looks_into_run(const StageCommand& command) {
    const auto looks = [](const std::string& text) { return text.find(kRunDir) != std::string::npos; };
    return looks(command.stdin_path) || std::any_of(command.words.begin(), command.words.end(), looks) ||
           std::any_of(command.env.begin(), command.env.end(), [&](const auto& entry) { return looks(entry.second); });
  }

  Status add_function() {
    StageKey& key = result_.key;
    key.add("code", stage_.code_declared ? "declared" : code_identity());
    for (std::size_t i = 0; i < stage_.arguments.size(); ++i) {
      const StageArgument& argument = stage_.arguments[i];
      if (argument.value != nullptr) continue;  // the item
      if (argument.param.empty()) {
        key.add(fmt::format("argument.{}", i), argument.stage);
        continue;
      }
      for (const OptionValue::Entry& param : file_.params) {
        if (param.name == argument.param) key.add("params." + param.name, param.value.to_text());
      }
    }
    return {};
  }

  Status add_pipeline() {
    StageKey& key = result_.key;
    key.add("code", stage_.code_declared ? "declared" : code_identity());
    key.add("operators", steps_to_json(stage_));
    key.add("max_errors", std::to_string(file_.run.max_errors));
    for (const FileStep& step : stage_.steps) {
      if (step.op == "vector.write" && !writes_artifact(step))
        result_.why_not = "vector.write puts into a store outside of its artifacts";
      if (stage_.code_declared) continue;
      // What it runs, and what that reads, nobody knows.
      if (step.op == "exec")
        result_.why_not =
            "exec runs a program that the key does not know; version and code = \"declared\" would speak for it";
      if (step.op == "image.list" && step.options.has("list"))
        result_.why_not = "image.list reads a list that the key does not know; code = \"declared\" would speak for it";
      if (step.op == "image.decode" || step.op == "file.read")
        result_.why_not = fmt::format(
            "{} reads files that its records name, and the key does not know; code = \"declared\" would speak for them",
            step.op);
    }
    const Pipeline pipeline = make_pipeline(file_, stage_, run_dir_);
    const std::vector<std::string> paths = input_paths(pipeline);
    if (paths.size() > 1) hashed_ = hash_in_parallel(paths, index_);
    for (const std::string& path : paths) {
      if (path.starts_with(run_dir_ + "/")) continue;
      if (const What what = what_is(path); what == What::kOther || what == What::kFolder) {
        result_.why_not = fmt::format("{} is no regular file", path);
        continue;
      }
      PENSTOCK_TRY(add_file("file." + path, path, stage_.place, true));
    }
    for (const OutputPath& output : output_paths(pipeline, options_of_stage(file_, stage_, run_dir_))) {
      if (!output.path.starts_with(run_dir_ + "/" + stage_.name + "/artifacts/"))
        result_.why_not = fmt::format("it writes {}, outside of its artifacts", output.path);
    }
    if (steps_to_json(stage_).find(kRunDir) != std::string::npos) result_.why_not = kLooksIntoRun;
    return add_module(pipeline);
  }

  // What a model makes is decided also by what runs it, which the variable may have replaced: that is no matter of the
  // stage's code.
  Status add_module(const Pipeline& pipeline) {
    const std::string module = embed::named_module();
    const auto uses = [](const Pipeline::Step& step) {
      const OptionValue* const runtime = step.options.find("runtime");
      return step.op == "embed.onnx" &&
             (runtime == nullptr || runtime->as_text() == nullptr || *runtime->as_text() != "opencv");
    };
    if (module.empty() || std::none_of(pipeline.steps().begin(), pipeline.steps().end(), uses)) return {};
    if (what_is(module) == What::kFile) return add_file("runtime", module, stage_.place, true);
    result_.why_not = fmt::format("{} is no regular file", module);  // the step says so in its own words
    return {};
  }

  static bool writes_artifact(const FileStep& step) {
    const OptionValue* const store = step.options.find("store");
    return store != nullptr && store->as_text() != nullptr && store->as_text()->starts_with("{artifacts}/");
  }

  // Those that are files of the machine, at once; of other stages the digests are known.
  void hash_inputs() {
    std::vector<std::string> paths;
    for (const StageInput& input : stage_.inputs) {
      if (input.stage.empty()) paths.push_back(path_of_input(input, run_dir_));
    }
    if (paths.size() > 1) hashed_.merge(hash_in_parallel(paths, index_));
  }

  Status add_input(const StageInput& input) {
    const std::string label = input.stage + (input.path.empty() ? "" : "/" + input.path);
    const std::string name = "input." + (input.name.empty() ? label : input.name);
    const std::string path = path_of_input(input, run_dir_);
    // The same reference may stand in several words.
    const auto& fields = result_.key.fields;
    if (std::any_of(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; })) return {};
    if (!input.stage.empty()) return add_made(name, path, input);
    if (input.is_remote()) {
      result_.key.add(name, input.ref->sha256 + " " + name_of(input.ref->uri));
      return {};
    }
    if (input.ref) PENSTOCK_TRY(check_content(input, path));
    switch (what_is(path)) {
      case What::kFile: return add_file(name, path, input.place, false);
      case What::kFolder: return add_folder(name, path, name_of(path));
      case What::kOther: result_.why_not = fmt::format("{} is no regular file", path); return {};
      case What::kNothing: break;
    }
    if (!input.optional) return missing(input, path);
    result_.key.add(name, "missing");
    return {};
  }

  // That it may be missing is the business of who asks.
  Status check_content(const StageInput& input, const std::string& path) {
    const What what = what_is(path);
    if (what == What::kNothing) return {};
    FileRef ref = *input.ref;
    Status same = what == What::kFile ? complete(ref, index_)
                                      : Error(ErrorCode::kInvalidArgument,
                                              fmt::format("{} is no regular file, which alone has a sha256", path));
    return same ? Status() : Status(std::move(same.error()).at(stage_.name).at(input.place.to_text()));
  }

  // What another stage made: an artifact, or a folder of them.
  Status add_made(const std::string& field, const std::string& path, const StageInput& input) {
    const std::vector<Artifact>* const artifacts = made_.artifacts_of(input.stage);
    if (input.path.empty()) return add_made_folder(field, path, "", artifacts);
    const Artifact* const artifact = artifacts != nullptr ? artifact_named(*artifacts, input.path) : nullptr;
    if (artifact != nullptr) {
      result_.key.add(field, artifact->sha256 + " " + name_of(path));
      if (!made_.is_in_memory(input.stage)) result_.inputs.add_artifact(path, artifact->sha256);
      return {};
    }
    if (artifacts != nullptr && is_folder(input, *artifacts))
      return add_made_folder(field, path, input.path, artifacts);
    if (!input.optional) return missing(input, path);
    result_.key.add(field, "missing");
    return {};
  }

  // A declared folder may be empty.
  bool is_folder(const StageInput& input, const std::vector<Artifact>& artifacts) const {
    const std::string below = input.path + "/";
    for (const StageOutput& output : made_.stage_of(input.stage).outputs) {
      if (output.folder && output.path == input.path) return true;
    }
    return std::any_of(artifacts.begin(), artifacts.end(),
                       [&](const Artifact& artifact) { return artifact.name.starts_with(below); });
  }

  Status add_made_folder(const std::string& field, const std::string& path, const std::string& below,
                         const std::vector<Artifact>* artifacts) {
    std::string digest = "missing";
    if (artifacts != nullptr) {
      digest = digest_of_artifacts(*artifacts, below);
      const std::string folder = below.empty() ? below : below + "/";
      for (const Artifact& artifact : *artifacts) {
        if (artifact.name.starts_with(folder))
          result_.inputs.add_artifact(path + "/" + artifact.name.substr(folder.size()), artifact.sha256);
      }
    }
    result_.key.add(field, "folder " + digest + (below.empty() ? "" : " " + name_of(path)));
    return {};
  }

  Error missing(const StageInput& input, const std::string& path) const {
    Error error(ErrorCode::kNotFound, input.stage.empty()
                                          ? fmt::format("the input {} is not there", path)
                                          : fmt::format("stage \"{}\" made no {}", input.stage, input.path));
    return std::move(error)
        .at(stage_.name)
        .at(input.place.to_text())
        .hint(input.stage.empty()
                  ? "paths start at the working folder; { from = PATH, optional = true } allows it to be missing"
                  : "see its artifacts with penstock runs show");
  }

  // The name of a file may change what a program makes of it, its folder should not.
  Status add_file(const std::string& field, const std::string& path, const Place& place, bool path_is_known) {
    const auto hashed = hashed_.find(path);
    Result<FileDigest> digest = hashed != hashed_.end() ? Result<FileDigest>(hashed->second) : index_.digest(path);
    if (!digest) return std::move(digest.error()).at(stage_.name).at(place.to_text());
    result_.key.add(field, digest->sha256 + (path_is_known ? "" : " " + name_of(path)));
    result_.inputs.add_file(path, std::move(*digest));
    return {};
  }

  Status add_folder(const std::string& field, const std::string& path, const std::string& name) {
    const auto hash_files = [this](const std::vector<std::string>& files) { return hash_in_parallel(files, index_); };
    PENSTOCK_ASSIGN(std::string digest, digest_of_folder(path, index_, hash_files));
    result_.key.add(field, fmt::format("folder {} {}", digest, name));
    result_.inputs.add_folder(path, std::move(digest));
    return {};
  }

  const PipelineFile& file_;
  const FileStage& stage_;
  const std::string& run_dir_;
  const MadeResults& made_;
  DigestIndex& index_;
  FoundPrograms* const programs_;  ///< May be null.
  NamedResult result_;
  FileDigests hashed_;  ///< Taken at once, before their turn.
};

}  // namespace

std::string ObservedInputs::changed(DigestIndex& index) const {
  for (const auto& [path, digest] : files_) {
    const Result<bool> same = index.unchanged(path, digest);
    if (!same || !*same) return path;
  }
  for (const auto& [path, digest] : folders_) {
    const Result<std::string> now = digest_of_folder(path, index);
    if (!now || *now != digest) return path;
  }
  return {};
}

Result<NamedResult> name_result(const PipelineFile& file, const FileStage& stage, const std::string& run_dir,
                                const MadeResults& made, DigestIndex& index, FoundPrograms* programs) {
  return KeyMaker(file, stage, run_dir, made, index, programs).make();
}

const Artifact* artifact_named(const std::vector<Artifact>& artifacts, const std::string& name) {
  const auto near = std::lower_bound(artifacts.begin(), artifacts.end(), name,
                                     [](const Artifact& each, const std::string& text) { return each.name < text; });
  if (near != artifacts.end() && near->name == name) return &*near;
  const auto found =
      std::find_if(artifacts.begin(), artifacts.end(), [&](const Artifact& each) { return each.name == name; });
  return found != artifacts.end() ? &*found : nullptr;
}

std::string digest_of_artifacts(const std::vector<Artifact>& artifacts, const std::string& below) {
  std::vector<std::string> lines;
  const std::string folder = below.empty() ? below : below + "/";
  for (const Artifact& artifact : artifacts) {
    if (!artifact.name.starts_with(folder)) continue;
    lines.push_back(folder_line(artifact.sha256, std::string_view(artifact.name).substr(folder.size())));
  }
  return digest_of_lines(std::move(lines));
}

std::string why_not_cached(const PipelineFile& file, const FileStage& stage) {
  if (!file.workflow.cache) return "the cache is off for this run";
  if (!stage.cache) return "the file says cache = false";
  if (stage.is_command() && stage.outputs.empty()) return "it declares no outputs";
  return {};
}

}  // namespace penstock
