// SPDX-License-Identifier: MIT
// A run of a file: its stages by the graph, each with cache, attempts, fallback and commit.
#pragma once

#include <penstock/pipeline_file.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/digest_index.h"
#include "store/journal.h"
#include "store/result_index.h"
#include "store/run_store.h"
#include "store/stage_cache.h"
#include "workflow/command_stage.h"
#include "workflow/function_process.h"
#include "workflow/observed_run.h"
#include "workflow/run_files.h"
#include "workflow/schedule.h"
#include "workflow/stage_attempt.h"
#include "workflow/stage_graph.h"
#include "workflow/stage_key.h"

namespace penstock {

/// Used as: begin, run_stages, end.
class WorkflowRun final : private StageWork, private StageValues, private MadeResults {
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
    bool verify = false;  ///< It runs although the cache has a result, to be compared with it.
    std::optional<NamedResult> named;
    std::vector<Artifact> kept;  ///< Of the cache, to compare with.
    std::string kept_from;       ///< The run that made them.
    std::string decision;        ///< Why it runs, for key.json.
    bool key_written = false;
    std::string aside;                 ///< Where what a command made is until it gets its name; empty: it has it.
    std::optional<std::string> value;  ///< Of a function whose value goes to the journal, behind its attempt.
    bool recorded = false;             ///< Its result is in memory and in the journal; its folder comes later.
  };

  /// The items of a stage with `for_each`. Made by the stage before they are worked on, and then of fixed size.
  struct Fan {
    std::vector<FileStage> stages;
    std::vector<State> states;
  };

  // Stages are 0 … n-1, and item k of stage s is s + (k + 1) * n, as the schedule counts.
  std::size_t parent(std::size_t i) const { return i % file_.stages.size(); }
  bool is_item(std::size_t i) const { return i >= file_.stages.size(); }
  std::size_t item(std::size_t i) const { return i / file_.stages.size() - 1; }
  const FileStage& stage(std::size_t i) const {
    return is_item(i) ? fans_[parent(i)]->stages[item(i)] : file_.stages[i];
  }
  State& state(std::size_t i) { return is_item(i) ? fans_[parent(i)]->states[item(i)] : states_[i]; }
  StageRun& run_of(std::size_t i) { return is_item(i) ? run_.stages[parent(i)].items[item(i)] : run_.stages[i]; }
  /// Its failure is its own, and not one that a fallback takes on.
  bool failure_counts(std::size_t i) const;

  // workflow_run.cc: what becomes of a stage.
  WorkEnd work(std::size_t stage) override;
  bool may_begin(std::size_t stage);
  std::string stopped() const;
  void begin_stage(std::size_t stage);
  void note_begin(std::size_t stage);
  std::optional<std::size_t> streams_into(std::size_t stage) const;
  std::uint64_t bytes_read_by(const FileStage& stage) const;
  CheckpointOptions checkpoints_of(std::size_t stage);
  std::optional<TimePoint> attempt(std::size_t stage);
  void name_again(std::size_t stage, NamedResult named);
  std::optional<TimePoint> after_failure(std::size_t stage, AttemptEnd end);
  void run_fallback(std::size_t stage);
  void end_stage(std::size_t stage, StageStatus status, std::string reason);
  void fail_stage(std::size_t stage, Error error);
  void close_unused_stages();

  // stage_items.cc: stages that are done once for each of a list.
  Result<std::size_t> divide(std::size_t stage);
  Status join(std::size_t stage);
  Status make_items(std::size_t stage, Fan& fan);
  Status make_file_items(std::size_t stage, const std::string& folder, Fan& fan);
  Status make_function_items(std::size_t stage, Fan& fan);
  Result<std::shared_ptr<const void>> value_of_item(std::size_t stage, std::size_t item);
  void end_divided(std::size_t stage);

  // stage_values.cc: what functions hand to each other.
  Result<std::vector<std::shared_ptr<const void>>> arguments_of(const FileStage& stage) override;
  void keep(const FileStage& stage, std::shared_ptr<const void> value) override;
  Result<std::shared_ptr<const void>> complete_files(const FileStage& stage,
                                                     std::shared_ptr<const void> value) override;
  Status compare_files(const FileStage& stage, const std::vector<std::shared_ptr<const void>>& arguments) override;
  bool files_are_unchanged(std::size_t stage, const std::string& artifacts);
  Result<std::shared_ptr<const void>> value_of(const std::string& stage);

  // stage_results.cc: results that are kept.
  const std::vector<Artifact>* artifacts_of(const std::string& stage) const override;
  const FileStage& stage_of(const std::string& stage) const override { return file_.stages[numbers_.at(stage)]; }
  bool is_in_memory(const std::string& stage) const override;
  Status take_kept_result(std::size_t stage, bool& taken);
  Status check_needs(std::size_t stage);
  Status check_made(std::size_t stage, std::size_t maker, const std::string& path);
  Status take_from_cache(std::size_t stage, bool& taken);
  Status take_from_runs(std::size_t stage, bool& taken);
  Status take(std::size_t stage, std::vector<Artifact> artifacts, const std::string& from, const std::string& data,
              bool& taken);
  Status link(std::size_t stage, const std::vector<Artifact>& artifacts, const std::string& maker,
              const std::string& data, bool& taken);
  Status compare_with_kept(std::size_t stage);
  bool is_sampled() const;
  Status keep_result(std::size_t stage);
  Status write_key(std::size_t stage);
  std::string made_artifacts_of(std::size_t stage);
  Status put_in_place(std::size_t stage, const std::string& data);

  // recorded_results.cc: results of functions that stand in the journal first.
  bool may_be_recorded(std::size_t stage) const;
  std::vector<Artifact> artifact_of_value(std::size_t stage) const;
  RecordedStage recorded_stage(std::size_t stage);
  Status put_recorded();
  Status write_output(std::size_t stage, const std::string& data);
  Status note(std::string_view event, const Journal::Facts& facts = {});
  Status note_end(std::size_t stage, const Journal::Facts& facts);

  const PipelineFile& file_;
  const FileRunOptions& options_;
  const StageGraph graph_;
  RunFolder folder_;
  std::string absolute_run_dir_;
  RunRecord record_;
  DigestIndex index_;
  StageCache cache_;
  ResultIndex results_;
  FoundPrograms programs_;
  std::vector<std::string> reuse_;  ///< Runs whose results may be taken over, the nearest first.
  std::optional<Journal> journal_;
  std::unique_ptr<ObservedRun> observed_;  ///< Null when nobody will ask for it.
  StopSignal own_stop_;
  StopSignal* stop_ = nullptr;
  std::unique_ptr<ProgressListener> progress_;
  std::optional<TimePoint> deadline_;
  std::vector<State> states_;
  std::vector<std::unique_ptr<Fan>> fans_;                     ///< By stage; null until it is divided.
  std::unordered_map<std::string_view, std::size_t> numbers_;  ///< Of stages, by name.

  std::unique_ptr<FunctionProcesses> processes_;  ///< Null when no function can need one.

  std::vector<bool> recordable_;  ///< By stage.
  std::mutex recorded_mutex_;
  std::vector<RecordedStage> recorded_;  ///< Without a folder yet; guarded by `recorded_mutex_`.
  std::size_t recorded_bytes_ = 0;       ///< Guarded by `recorded_mutex_`.

  std::mutex values_mutex_;
  std::map<std::string, std::shared_ptr<const void>> values_;  ///< By stage; guarded by `values_mutex_`.
  std::mutex listener_mutex_;
  mutable std::mutex mutex_;
  FileRun run_;          ///< `stages[i]` by who works on stage i, `status` and `reason` of it also under the lock.
  bool failed_ = false;  ///< Guarded by `mutex_`.
  Status store_error_;   ///< Guarded by `mutex_`; the first one.
};

}  // namespace penstock
