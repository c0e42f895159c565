// SPDX-License-Identifier: MIT
// Pipeline files from C++: what `penstock check`, `plan` and `run` do, for a program with operators of its own. Add
// them to `Registry::global()` first; then files may name them. The format is in docs/guide/pipeline_files.md, an
// example in docs/guide/cpp.md; with `penstock::run_main` (main.h) a program gets the whole command line instead.
#pragma once

#include <penstock/artifact.h>
#include <penstock/file_ref.h>
#include <penstock/pipeline.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock {

// ---- Reading -------------------------------------------------------------------------------------------------------

/// An `[[operator]]` table: options checked against the registry, parameters put in, folders still as placeholders.
struct FileStep {
  std::string op;
  std::string name;  ///< Empty when the file gives none.
  Options options;
  Pipeline::StepId input = Pipeline::kNone;  ///< Index in the stage; kNone for sources.
  ErrorPolicy on_error;
  std::chrono::milliseconds timeout{0};
  bool light = false;
  bool may_crash = false;  ///< `auto` gives it worker processes.
  Strategy on;             ///< Where `hybrid` runs it; no name: anywhere.
  Place place;
};

/// What a stage reads: a file or a folder, or what another stage makes.
struct StageInput {
  std::string name;       ///< `{inputs.NAME}`; empty for what `{STAGE.artifacts}` in a text refers to.
  std::string stage;      ///< Who makes it; empty: `path` is a file or a folder of the machine.
  std::string path;       ///< In the stage's artifacts; empty: all of them.
  bool optional = false;  ///< May be missing, also because its stage was skipped.
  Place place;
  /// What the file has to be, when the file of the workflow says so; one of another scheme is never looked at.
  std::optional<FileRef> ref = {};
  bool is_remote() const noexcept { return ref && !ref->is_local(); }
};

/// A file that a command leaves behind, or with `folder` all files in a folder.
struct StageOutput {
  std::string name;  ///< `{outputs.NAME}`, `{STAGE.outputs.NAME}`.
  std::string path;  ///< In the stage's artifacts; without ".." and hidden names.
  bool folder = false;
  Place place;
};

/// A program and its arguments. Texts hold placeholders for folders, inputs and outputs.
struct StageCommand {
  std::vector<std::string> words;  ///< Empty: the stage is no command. With `shell` exactly one.
  bool shell = false;              ///< Run by /bin/sh -c.
  std::string stdin_path;          ///< Empty: nothing can be read.
  std::string stdout_path;         ///< An output that takes the standard output; empty: kept as a log.
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> pass_env;                ///< Variables that are passed on from the caller.
  std::uint64_t log_limit = std::uint64_t{1} << 20; /**< Bytes kept of each of standard output and error. */
  std::chrono::milliseconds kill_after{2000};       ///< From SIGTERM to SIGKILL when its time is over.
  Place place;
};

/// How often a stage is tried, and after which failures.
struct StageRetry {
  std::uint32_t max_attempts = 1;
  bool exponential = true;                 ///< The delay doubles with each attempt.
  std::chrono::milliseconds delay{1000};   ///< Before the second attempt.
  std::chrono::milliseconds most{60'000};  ///< No delay is longer.
  double jitter = 0.25;                    ///< The delay is longer by a random part of it, at most this one.
  std::vector<std::string> retry_on = {};  ///< "timeout", "exit:75", "signal:9", "not_found" …; empty: any failure.
};

/// What a stage is done once for, each: known only when the run comes to it.
struct StageItems {
  StageInput from;                 ///< A file with an item per line, a JSON file with a list, or a folder of files.
  std::vector<std::string> texts;  ///< Or the items themselves, when `from` has no path.
  Place place;
};

/// Where the function of a stage runs.
enum class StageMode : std::uint8_t {
  kAuto,      ///< As `mode_of` finds right.
  kFunction,  ///< In the program itself.
  kProcess,   ///< In a process of its own, which may crash and be ended.
};

class StageFunction;  // workflow.h
class StageFan;       // workflow.h

/// What a function of a stage is called with: the result of a stage, a parameter, or an item of a list.
struct StageArgument {
  std::string stage;
  std::string param;
  std::shared_ptr<const void> value = {};
};

/// A stage: a pipeline (`steps`), a command (`command.words`) or a function, and when, how often and with what it runs.
struct FileStage {
  std::string name;
  Place place;
  std::vector<FileStep> steps;
  std::vector<std::string> reads;  ///< Stages whose artifacts it refers to; sorted.
  StageCommand command = {};
  std::vector<StageInput> inputs = {};  ///< Declared ones, then those that its texts refer to.
  std::vector<StageOutput> outputs = {};
  std::vector<std::pair<std::string, Place>> after = {};  ///< Stages that must have ended before.
  std::string when = {};                                  ///< An expression over the parameters; empty: always.
  Place when_place = {};
  std::string version = {};
  bool code_declared = false;  ///< Only `version` says whether its code changed.
  bool cache = false;
  StageRetry retry = {};
  std::chrono::milliseconds timeout{0};  ///< Of one attempt; 0: none.
  std::string fallback = {};             ///< The stage whose artifacts stand for its own when it failed.
  Place fallback_place = {};
  std::optional<StageItems> for_each =
      {};  ///< Done once for each; its artifacts are folders "00000", "00001" … of theirs.
  std::optional<std::string> item = {};  ///< Which it is done for, where it is one of these: a text, or a digest.
  bool item_is_file = false;             ///< The item is its input "item".
  OptionValue::Table resources = {};     ///< Integers: how much of each named resource it needs.
  bool last = false;                     ///< `finally`: runs behind all others, whatever became of them.
  std::shared_ptr<const StageFunction> function = {};  ///< Of a workflow in C++.
  std::vector<StageArgument> arguments = {};           ///< Of the function.
  StageMode mode = StageMode::kAuto;
  bool may_crash = false;                    ///< The function calls what may crash or hang.
  std::shared_ptr<const StageFan> fan = {};  ///< Of a function with `for_each`: the list is argument 0.
  /// The pipeline stage whose records its first operator takes, without a file in between: both are then one pipeline,
  /// which begins, ends, is kept and is tried again as one.
  std::string stream_from = {};
  Place stream_place = {};
  std::string streams_to = {};  ///< The stage that `stream_from` of which names this one; it has its operators too.

  bool is_command() const noexcept { return !command.words.empty(); }
};

/// Where a stage runs, and why. A command is a process and a pipeline runs as its strategy says. A function runs where
/// `mode` says; with kAuto in the program when its inputs, of `input_bytes` in all, are large (over 100 MiB: to copy
/// them into a process would cost more than it saves), else in a process when it `may_crash`, else in the program.
struct StagePlace {
  StageMode mode = StageMode::kFunction;
  const char* reason = "";
};
StagePlace mode_of(const FileStage& stage, std::uint64_t input_bytes = 0) noexcept;

/// What becomes of the other stages when one fails.
enum class OnFailure : std::uint8_t {
  kStop,           ///< Those that run are cancelled.
  kFinishRunning,  ///< Those that run may finish; no other begins.
  kContinue,       ///< All that do not need the failed one go on.
};

/// How a workflow runs; what [run] says beside the settings of pipelines.
struct WorkflowSettings {
  std::uint32_t max_parallel = 0;  ///< Most stages at once; 0: as many as there are cores.
  OnFailure on_failure = OnFailure::kFinishRunning;
  bool cache = true;                                   ///< False: no stage is taken from the cache or put there.
  std::uint64_t max_value = std::uint64_t{100} << 20;  ///< Most bytes of the value of a function; 0: any number.
  bool durable = false;                                ///< Wait for the disk at every file of the run.
  std::chrono::milliseconds checkpoint{10'000};        ///< Time between checkpoints of a pipeline stage; 0: none.
  OptionValue::Table resources = {};                   ///< Integers: how much there is of each named resource.
};

/// What `--set NAME=VALUE` gives: name and value as text. The parameter's default decides its kind.
using ParamOverrides = std::vector<std::pair<std::string, std::string>>;

/// A pipeline file as data; a value.
struct PipelineFile {
  std::string path;
  std::string sha256 = {};    ///< Of its text; empty where it was not read from a file.
  std::string name;           ///< By default the file's name without folder and ending.
  RunOptions run;             ///< From [run]; tracing is on unless the file says otherwise.
  OptionValue::Table params;  ///< With overrides.
  WorkflowSettings workflow = {};
  std::vector<FileStage> stages;           ///< In the order of the file.
  std::vector<std::string> settings = {};  ///< Names of those that its [run] has: no preset changes these.
  ParamOverrides overrides = {};
};

/// Splits "name=value". kInvalidArgument without a name or '='.
Result<std::pair<std::string, std::string>> parse_override(std::string_view text);

/// Reads a pipeline file of at most 16 MiB. Errors carry "file:line:column" and "did you mean"; they are the file's
/// fault, kInvalidArgument, kNotFound, kAlreadyExists or kUnsupported, or say why it cannot be read.
Result<PipelineFile> load_pipeline_file(const std::string& path, const ParamOverrides& overrides = {});
/// The same from a text; `path` names it in messages.
Result<PipelineFile> parse_pipeline_file(std::string_view text, const std::string& path,
                                         const ParamOverrides& overrides = {});

/// Makes the pipeline of a stage for a run in `run_dir`; its artifacts go to `run_dir/STAGE/artifacts`.
Pipeline make_pipeline(const PipelineFile& file, const FileStage& stage, const std::string& run_dir);

// ---- Checking and planning -----------------------------------------------------------------------------------------

/// Makes and binds the operators of every stage, reading at most samples of the input, and writes nothing. Of a stage
/// that reads what an earlier one makes only the paths are checked; its types are checked when it runs.
Status check_pipeline_file(const PipelineFile& file);

struct StagePlan {
  std::string stage;
  std::optional<Plan> plan;  ///< Nothing for a stage that reads what an earlier one makes: it is planned when it runs.
};

/// How the stages would run with the settings of `file.run`.
Result<std::vector<StagePlan>> plan_pipeline_file(const PipelineFile& file);

// ---- Running -------------------------------------------------------------------------------------------------------

/// What became of a stage.
enum class StageStatus : std::uint8_t {
  kNotRun,  ///< The run ended before, or a stage that it needs failed.
  kDone,
  kCached,    ///< Its result was kept from an earlier run.
  kFallback,  ///< It failed, and its fallback took its place.
  kSkipped,   ///< Its condition does not hold, or a stage whose artifacts it needs was skipped.
  kDrained,   ///< It was stopped early, and its outputs are kept.
  kFailed,
  kCancelled,
};
/// Returns "not_run", "done", "cached", "fallback", "skipped", "drained", "failed" or "cancelled".
const char* to_string(StageStatus status) noexcept;

/// What became of one stage.
struct StageRun {
  std::string name;
  StageStatus status = StageStatus::kNotRun;
  std::string reason;               ///< Why it was not run, was skipped, or where its result comes from.
  std::int64_t started_micros = 0;  ///< Since 1970-01-01 UTC; 0: it did not begin.
  double duration_seconds = 0;
  std::uint32_t attempts = 0;
  std::string key;                  ///< Digest of its cache key; empty when it has none.
  RunOutcome outcome;               ///< The report is that of a pipeline, if it ran.
  std::vector<Artifact> artifacts;  ///< Empty unless it was committed.
  std::vector<StageRun> items;      ///< Of a stage with `for_each`: what became of each, named "STAGE/00000" ….

  /// Its artifacts are there.
  bool ok() const noexcept {
    return status == StageStatus::kDone || status == StageStatus::kCached || status == StageStatus::kFallback ||
           status == StageStatus::kDrained;
  }
};

/// Is told what goes on, one call at a time, on the threads that run the stages.
class FileRunListener {
 public:
  virtual ~FileRunListener();
  /// `folder` is the run's: DIR/runs/ID.
  virtual void run_begins(const std::string& run_id, const std::string& folder);
  virtual void stage_begins(const FileStage& stage);
  /// Also of stages that did not begin: they were skipped, or taken from the cache. The folder of a function may come
  /// only when the run ends.
  virtual void stage_ended(const FileStage& stage, const StageRun& run);
  /// An attempt failed, and after `delay` there is another one.
  virtual void stage_retries(const FileStage& stage, const Error& error, std::chrono::milliseconds delay);
};

struct FileRunOptions {
  std::string store = "pipeline_outputs";  ///< The folder that keeps the runs.
  std::string program = {};                ///< Name and version of who runs it, for run.json.
  std::vector<std::string> command = {};   ///< For run.json.
  FileRunListener* listener = nullptr;
  /// A run whose results, and those of the runs that it resumed, are taken over where their keys are the same.
  std::string reuse_run = {};
  /// The part of results in the cache, from 0 to 1, that are made again all the same and compared with what is kept; a
  /// stage that makes other bytes fails.
  double verify = 0;
  std::string from_stage = {};  ///< This stage, and all that need it, run whatever is kept of them.
  /// A digest of all that was asked for but the text of the file: the next time that somebody asks for the same, the
  /// store tells without reading the file whether there is anything to do. Empty: it does not.
  std::string request = {};
};

/// A run that ended.
struct FileRun {
  std::string id;
  std::string path;              ///< The run's folder.
  std::string status;            ///< "done", "drained", "failed" or "cancelled".
  Status error;                  ///< Of the stage that failed first, or of the store.
  std::vector<StageRun> stages;  ///< All, in the order of the file.
  std::uint64_t rejected() const;
  /// The whole as JSON, for `penstock run --json` (docs/schemas/result.schema.json).
  std::string to_json() const;
};

/// Runs the stages of `file`, each as soon as what it needs has ended, until all have ended or one fails
/// (`OnFailure`; kStop requests kCancel of the stop signal): stop signal and progress are those of `file.run`. The
/// calling thread runs stages too; with one stage there is no other. Every run leaves its files in the store, also one
/// that failed (docs/guide/program.md). Returns an error only when the store cannot be written to at the start.
/// Thread-safe; several processes may share a store.
Result<FileRun> run_pipeline_file(const PipelineFile& file, const FileRunOptions& options = {});

}  // namespace penstock
