// SPDX-License-Identifier: MIT
// Functions of stages that run in processes of their own, where they may crash, hang and be ended.
#pragma once

#include <penstock/pipeline_file.h>
#include <penstock/workflow.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "executor/worker_nursery.h"
#include "platform/process.h"

namespace penstock {

/// What one call needs to know.
struct FunctionCall {
  const FileStage& stage;                       ///< Of the file, or an item of one.
  std::size_t number = 0;                       ///< Of the stage in the file, of an item too.
  std::vector<StageFunction::Value> arguments;  ///< In order.
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
  StopSignal* stop = nullptr;  ///< Ends it with kCancel; may be null.
};

/// How a call ended.
struct FunctionEnd {
  Result<StageFunction::Value> value = Error(ErrorCode::kInternal, "the function was not called");
  std::optional<ExitStatus> exit;  ///< Of a process that ended instead of answering.
  bool cancelled = false;
};

/// The processes of a run. They are forked from one that is started with the run, so functions and what they hold are
/// as they were then (docs/decisions/0007); one that has answered is used again. Thread-safe.
class FunctionProcesses {
 public:
  /// Started by a thread while no other one holds a lock that functions need. `file` must outlive it.
  static Result<std::unique_ptr<FunctionProcesses>> start(const PipelineFile& file);
  ~FunctionProcesses();

  /// Calls the function of a stage in a process, and waits for its end. A process that does not answer in time, or is
  /// not wanted any more, is killed with all its threads.
  FunctionEnd call(const FunctionCall& call);

 private:
  FunctionProcesses(const PipelineFile& file, std::unique_ptr<WorkerNursery> nursery);
  Result<WorkerProcess> take_process();

  const PipelineFile& file_;
  std::unique_ptr<WorkerNursery> nursery_;
  std::mutex mutex_;
  std::vector<WorkerProcess> idle_;  // guarded by mutex_
  std::uint32_t started_ = 0;        // guarded by mutex_
};

}  // namespace penstock
