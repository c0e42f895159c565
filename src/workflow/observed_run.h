// SPDX-License-Identifier: MIT
// What a run looked at, stage by stage, so that the next one that is asked for in the same way can tell soon that there
// is nothing to do (store/run_grounds.h).
#pragma once

#include <penstock/pipeline_file.h>

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/digest_index.h"
#include "store/run_grounds.h"
#include "store/stage_cache.h"
#include "workflow/stage_key.h"

namespace penstock {

/// Thread-safe.
class ObservedRun {
 public:
  /// `run_dir` is the folder of the run.
  ObservedRun(const PipelineFile& file, std::string run_dir) : file_(file), run_dir_(std::move(run_dir)) {}

  /// A stage has ended; `named` is its result's name, or null without one. A stage that the next run cannot know to be
  /// kept without running it, or without doing more than looking at files, ends the observation.
  void add(const FileStage& stage, const StageRun& run, const NamedResult* named);
  /// Returns the grounds of the run, which was done and whose folder is in its place; nothing when something else than
  /// files counts in it, or when a file changed meanwhile.
  std::optional<RunGrounds> grounds(const FileRun& run, const StageCache& cache, DigestIndex& index);

 private:
  bool can_be_told(const FileStage& stage, const StageRun& run, const NamedResult* named) const;
  void add_program(const FileStage& stage, const std::string& path);

  const PipelineFile& file_;
  const std::string run_dir_;
  std::mutex mutex_;
  bool given_up_ = false;                   // guarded by mutex_, as what follows
  std::map<std::string, FileDigest> read_;  ///< Files of the machine.
  std::set<std::string> missing_;
  std::map<std::string, std::string> programs_;  ///< By the name that was looked for.
  std::set<std::string> other_programs_;         ///< Paths of those that are not among the inputs.
  std::set<std::string> folders_;                ///< That were declared as outputs, in the folder of the run.
  std::set<std::string> variables_;
};

}  // namespace penstock
