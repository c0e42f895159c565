// SPDX-License-Identifier: MIT
// What names the result of a stage: docs/cache_key.md.
#pragma once

#include <penstock/pipeline_file.h>

#include <string>
#include <utility>
#include <vector>

#include "store/digest_index.h"
#include "store/stage_cache.h"

namespace penstock {

/// Files that a stage reads, as they were when its key was made.
class ObservedInputs {
 public:
  void add_file(std::string path, FileDigest digest) { files_.emplace_back(std::move(path), std::move(digest)); }
  void add_folder(std::string path, std::string digest) { folders_.emplace_back(std::move(path), std::move(digest)); }
  /// Returns the path of one that is not what it was, or nothing.
  std::string changed(DigestIndex& index) const;

 private:
  std::vector<std::pair<std::string, FileDigest>> files_;
  std::vector<std::pair<std::string, std::string>> folders_;
};

/// The key of a stage, or why its result can have none.
struct NamedResult {
  StageKey key;
  ObservedInputs inputs;
  std::string why_not;  ///< Empty when there is a key.
};

/// Makes the key of a stage in the run in `run_dir`, in which all that it needs has ended; hashes what it reads.
/// Errors: kNotFound at the place of an input that is missing, and what reading the files met.
Result<NamedResult> name_result(const PipelineFile& file, const FileStage& stage, const std::string& run_dir,
                                DigestIndex& index);

/// Returns why the result of a stage is not put into the cache although it has a key; empty: it is.
std::string why_not_cached(const PipelineFile& file, const FileStage& stage);

}  // namespace penstock
