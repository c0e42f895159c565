// SPDX-License-Identifier: MIT
// One attempt of a stage, of whatever kind.
#pragma once

#include <penstock/pipeline_file.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/process.h"
#include "store/run_store.h"

namespace penstock {

class FunctionProcesses;
class StageFunction;
class StageValues;

/// What all attempts of a run share.
struct AttemptContext {
  const PipelineFile& file;
  RunFolder& folder;
  std::string absolute_folder;   ///< Where relative paths of the file start.
  std::string absolute_run_dir;  ///< The run's folder, as commands, which begin in another one, need it.
  StopSignal* stop = nullptr;    ///< May be null.
  ProgressListener* progress = nullptr;
  StageValues* values = nullptr;
  FunctionProcesses* processes = nullptr;  ///< Null when no function can need one.
  std::size_t number = 0;                  ///< Of the stage in the file.
  std::string program = {};                ///< Of a command, when it was looked for already.
  std::uint64_t input_bytes = 0;           ///< Of what it reads from other stages.
  std::optional<std::chrono::steady_clock::time_point> deadline = {};  ///< Of the run.
  CheckpointOptions checkpoints = {};                                  ///< Of a pipeline.
  bool record = false;  ///< A small value is returned, for the journal, instead of being written to a file.
};

/// The values of other stages, for functions.
class StageValues {
 public:
  virtual ~StageValues() = default;
  /// Returns what the arguments of a stage stand for.
  virtual Result<std::vector<std::shared_ptr<const void>>> arguments_of(const FileStage& stage) = 0;
  /// Takes the value that the function of a stage returned.
  virtual void keep(const FileStage& stage, std::shared_ptr<const void> value) = 0;
  /// Completes the references to files in a value that a function returned.
  virtual Result<std::shared_ptr<const void>> complete_files(const FileStage& stage,
                                                             std::shared_ptr<const void> value) = 0;
  /// Compares the files that the arguments of a stage refer to with what the references say.
  virtual Status compare_files(const FileStage& stage, const std::vector<std::shared_ptr<const void>>& arguments) = 0;
};

/// The name of the artifact that holds the value of a function.
inline constexpr const char* kValueFile = "value.bin";

/// Calls a function; what it throws becomes an error (kUserCode).
Result<std::shared_ptr<const void>> call_stage_function(const std::string& stage, const StageFunction& function,
                                                        const std::vector<std::shared_ptr<const void>>& arguments);
/// A parameter as functions get it.
std::shared_ptr<const void> value_of_param(const OptionValue& value);

struct AttemptEnd {
  RunOutcome outcome;              ///< With the report of a pipeline.
  std::optional<ExitStatus> exit;  ///< Of a command that ran.
  bool cancelled = false;
  std::string aside;  ///< Of a command that ended well: the folder, beside that of its stage, that holds "artifacts".
  std::optional<std::string> value;  ///< Of a function, when it was to be recorded: the bytes of its only artifact.
};

/// Values of more bytes are written to their files at once.
inline constexpr std::size_t kMostRecorded = 64 * 1024;

/// Runs a stage once. When it went well its artifacts, whole, are in `{run_dir}/STAGE/artifacts`, in `aside` or in
/// `value`; otherwise nothing is.
AttemptEnd attempt_stage(const AttemptContext& context, const FileStage& stage, std::uint32_t number);

/// Says whether there is to be another attempt after `failed` ones, the last of which ended so.
bool may_retry(const StageRetry& retry, std::uint32_t failed, const AttemptEnd& end);
/// How long to wait before attempt `number`, 2 or more, with jitter.
std::chrono::milliseconds delay_before(const StageRetry& retry, std::uint32_t number);

}  // namespace penstock
