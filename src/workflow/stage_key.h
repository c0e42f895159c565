// SPDX-License-Identifier: MIT
// What names the result of a stage: docs/cache_key.md.
#pragma once

#include <penstock/artifact.h>
#include <penstock/pipeline_file.h>

#include <string>
#include <utility>
#include <vector>

#include "store/digest_index.h"
#include "store/stage_cache.h"

namespace penstock {

class FoundPrograms;

/// Files that a stage reads, its program among them, as they were when its key was made.
class ObservedInputs {
 public:
  void add_file(std::string path, FileDigest digest) { files_.emplace_back(std::move(path), std::move(digest)); }
  /// A file that another stage made.
  void add_artifact(std::string path, std::string sha256) {
    files_.emplace_back(std::move(path), FileDigest{}).second.sha256 = std::move(sha256);
  }
  void add_folder(std::string path, std::string digest) { folders_.emplace_back(std::move(path), std::move(digest)); }
  /// Returns the path of one that is not what it was, or nothing.
  std::string changed(DigestIndex& index) const;

  /// Paths and digests; of files that other stages made only with `sha256`.
  const std::vector<std::pair<std::string, FileDigest>>& files() const noexcept { return files_; }
  bool has_folders() const noexcept { return !folders_.empty(); }

 private:
  std::vector<std::pair<std::string, FileDigest>> files_;
  std::vector<std::pair<std::string, std::string>> folders_;
};

/// The stages before by name, and what they made: their artifacts, or null for one that made nothing (it was skipped).
class MadeResults {
 public:
  virtual ~MadeResults() = default;
  virtual const std::vector<Artifact>* artifacts_of(const std::string& stage) const = 0;
  virtual const FileStage& stage_of(const std::string& stage) const = 0;
  /// Says whether they are held in memory, so that no file of theirs can change.
  virtual bool is_in_memory(const std::string&) const { return false; }
};

/// The key of a stage, or why its result can have none.
struct NamedResult {
  StageKey key;
  ObservedInputs inputs;
  std::string program;  ///< Path of the program of a command: the one whose digest is in the key is the one to run.
  std::string why_not;  ///< Empty when there is a key.
};

/// Makes the key of a stage in the run in `run_dir`; hashes the files that it reads. Of other stages it takes the
/// digests that are known of their artifacts, and looks at no file. Errors: kNotFound at the place of an input that is
/// missing, and what reading the files met.
Result<NamedResult> name_result(const PipelineFile& file, const FileStage& stage, const std::string& run_dir,
                                const MadeResults& made, DigestIndex& index, FoundPrograms* programs = nullptr);

/// The artifact of that name, or null. They stand in the order of their names, mostly: a stage may have thousands, and
/// as many that read one each.
const Artifact* artifact_named(const std::vector<Artifact>& artifacts, const std::string& name);

/// The digest of what stands in a folder of artifacts below `below` (empty: all), as `digest_of_folder` gives it.
std::string digest_of_artifacts(const std::vector<Artifact>& artifacts, const std::string& below);

/// Returns why the result of a stage is not put into the cache although it has a key; empty: it is.
std::string why_not_cached(const PipelineFile& file, const FileStage& stage);

}  // namespace penstock
