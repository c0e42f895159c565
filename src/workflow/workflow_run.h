// SPDX-License-Identifier: MIT
// A run of a file: its stages by the graph, each with cache, attempts, fallback and commit.
#pragma once

#include <penstock/pipeline_file.h>

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "store/digest_index.h"
#include "store/journal.h"
#include "store/run_store.h"
#include "store/stage_cache.h"
#include "workflow/run_files.h"
#include "workflow/schedule.h"
#include "workflow/stage_attempt.h"
#include "workflow/stage_graph.h"
#include "workflow/stage_key.h"

namespace penstock {

/// Used as: begin, run_stages, end.
class WorkflowRun final : private StageWork, private StageValues {
 public:
  WorkflowRun(const PipelineFile& file, const FileRunOptions& options, StageGraph graph, RunFolder folder);
  ~WorkflowRun() override;

  Status begin();
  void run_stages();
  FileRun end();

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// What a stage has between two calls of `work`. Used by one thread at a time.
  struct State {
    bool begun = false;
    bool forced = false;   ///< Whatever is kept of it, it runs.
    bool replace = false;  ///< The cache holds a damaged entry under its key.
    std::uint32_t failed = 0;
    std::uint32_t input_changes = 0;
    std::optional<NamedResult> named;
  };

  // workflow_run.cc: what becomes of a stage.
  std::optional<TimePoint> work(std::size_t stage) override;
  bool may_begin(std::size_t stage);
  std::string stopped() const;
  void begin_stage(std::size_t stage);
  std::optional<TimePoint> attempt(std::size_t stage);
  std::optional<TimePoint> after_failure(std::size_t stage, AttemptEnd end);
  void run_fallback(std::size_t stage);
  void end_stage(std::size_t stage, StageStatus status, std::string reason);
  void fail_stage(std::size_t stage, Error error);
  void close_unused_stages();

  // stage_values.cc: what functions hand to each other.
  Result<std::vector<std::shared_ptr<const void>>> arguments_of(const FileStage& stage) override;
  void keep(const FileStage& stage, std::shared_ptr<const void> value) override;
  Result<std::shared_ptr<const void>> value_of(const std::string& stage);

  // stage_results.cc: results that are kept.
  Status take_kept_result(std::size_t stage, bool& taken);
  Status check_needs(std::size_t stage);
  Status take_from_cache(std::size_t stage, bool& taken);
  Status take_from_runs(std::size_t stage, bool& taken);
  Status take(std::size_t stage, std::vector<Artifact> artifacts, const std::string& from, const std::string& data,
              bool& taken);
  Status keep_result(std::size_t stage);
  Status write_output(std::size_t stage, const std::string& data);
  Status note(std::string_view event, const Journal::Facts& facts = {});

  const PipelineFile& file_;
  const FileRunOptions& options_;
  const StageGraph graph_;
  RunFolder folder_;
  RunRecord record_;
  DigestIndex index_;
  StageCache cache_;
  std::vector<std::string> reuse_;  ///< Runs whose results may be taken over, the nearest first.
  std::optional<Journal> journal_;
  StopSignal own_stop_;
  StopSignal* stop_ = nullptr;
  std::unique_ptr<ProgressListener> progress_;
  std::optional<TimePoint> deadline_;
  std::vector<State> states_;

  std::mutex values_mutex_;
  std::map<std::string, std::shared_ptr<const void>> values_;  ///< By stage; guarded by `values_mutex_`.
  std::mutex listener_mutex_;
  mutable std::mutex mutex_;
  FileRun run_;          ///< `stages[i]` by who works on stage i, `status` and `reason` of it also under the lock.
  bool failed_ = false;  ///< Guarded by `mutex_`.
  Status store_error_;   ///< Guarded by `mutex_`; the first one.
};

}  // namespace penstock
