// SPDX-License-Identifier: MIT
// How a pipeline is run, what was planned, and what came out: options, plan, report.
#pragma once

#include <penstock/monitor.h>
#include <penstock/operator.h>

#include <chrono>
#include <optional>

namespace penstock {

/// A strategy by name, with an optional number of workers (0: as many as the strategy finds right).
struct Strategy {
  std::string name;
  std::uint32_t workers = 0;
  /// `threads(4)` is `threads` with at most four workers.
  Strategy operator()(std::uint32_t count) const { return {name, count}; }

  friend bool operator==(const Strategy&, const Strategy&) = default;
};

/// One fused loop in the calling thread.
inline const Strategy serial{"serial"};
/// A thread per segment, in order.
inline const Strategy threads{"threads"};
/// Threads, and several workers for each segment whose operators look at nothing but their batch: as many as there are
/// cores.
inline const Strategy parallel{"parallel"};
/// As `parallel`, with every one of these workers in a process of its own: an operator that crashes or hangs loses its
/// worker, which is replaced, and at most the record that does it. For steps on record batches, or on records that
/// are `is_flat_record`; others run in threads.
inline const Strategy processes{"processes"};
/// Each step where `StepOptions::on` says; a thread per segment for those that say nothing.
inline const Strategy hybrid{"hybrid"};

/// As `threads`; the plan says which operators keep how many records waiting at once in their thread. For pipelines
/// that wait for networks and files: see async.h, http.fetch, file.read.
inline const Strategy async{"async"};

/// Begins in the calling thread, measures what each segment needs, and gives segments threads and workers when, and as
/// long as, that pays: several workers per core to those that wait. `automatic(4)`: at most four to one segment.
/// The report's plan says what it decided, and from which measurements.
inline const Strategy automatic{"auto"};

/// What the progress of a run looks like at one moment.
struct Progress {
  struct Step {
    std::string name;
    std::uint64_t records_in = 0;
    std::uint64_t records_out = 0;
    std::uint64_t records_rejected = 0;
    double load = 0;  ///< Part of the time since the last update that it was busy, 0 to 1.
    // With RunOptions::monitor, from the last sample:
    double blocked = 0;             ///< Part of the time that it waited for its output to be taken, 0 to 1.
    std::uint32_t queue = 0;        ///< Batches in the channel in front of it.
    std::uint32_t queue_depth = 0;  ///< Most batches there; 0: it has no channel.
  };
  /// What the last sample of RunOptions::monitor says.
  struct Use {
    double cpu_usage = 0;                  ///< In percent of the cores that the program may use.
    std::uint64_t memory_bytes = 0;        ///< Resident.
    std::uint64_t in_flight_bytes = 0;     ///< In buffers.
    double throughput = 0;                 ///< Records per second that the sources read.
    std::vector<std::string> alerts = {};  ///< Names of those that have fired and are not over.
  };
  double seconds = 0;            ///< Since the start.
  SourceProgress source;         ///< Of the slowest source.
  std::uint64_t records_in = 0;  ///< Read by the sources.
  std::uint64_t records_rejected = 0;
  std::vector<Step> steps;
  std::optional<Use> use = {};  ///< Nothing without RunOptions::monitor, and before its first sample.
};

/// Is told about the progress of a run, about five times a second, on a thread of its own.
class ProgressListener {
 public:
  virtual ~ProgressListener();
  virtual void update(const Progress& progress) = 0;
  /// An alert of RunOptions::monitor fired, or is over; its actions have not been taken yet. On the same thread, or at
  /// the end of the run on that which ran it.
  virtual void alert(const AlertEvent& event);
};

/// Is told of each record that a step skips or quarantines, once, when it is certain that no further attempt follows.
class RejectionListener {
 public:
  virtual ~RejectionListener();
  /// In order within a step, on the threads of the run; of several steps perhaps at once. Must not throw. What a run
  /// that goes on from a checkpoint rejected before that is not told again.
  virtual void rejected(const std::string& step, const Rejection& rejection) = 0;
};

/// Checkpoints: where a run is, written down from time to time, so that after its process was killed another run of the
/// same pipeline goes on from there. See docs/guide/checkpoints.md.
struct CheckpointOptions {
  std::chrono::microseconds interval{0};  ///< At most one in this time; 0: none.
  /// Where they are kept; it need not exist. Of this run alone: it is removed when the run has ended by itself. Empty:
  /// none.
  std::string folder = {};
  /// What must be the same for a run to go on where another one was, as pairs of name and value. Empty: the steps with
  /// their options, the program, and size and time of the files that are read.
  std::vector<std::pair<std::string, std::string>> identity = {};
  /// Folders of earlier runs to go on from: the first with a checkpoint that fits counts.
  std::vector<std::string> resume_from = {};
};

/// How to run. The defaults suit most programs.
struct RunOptions {
  Strategy strategy = serial;
  static constexpr std::size_t kDefaultBatchSize = 4096;
  /// Most records per batch; at least 1. The strategy `auto` looks for a better one below, unless another is given.
  std::size_t batch_size = kDefaultBatchSize;
  std::size_t queue_depth = 8;           ///< Most batches in one channel; at least 1.
  std::uint64_t memory_limit = 0;        ///< Bytes in flight; 0: no limit beyond batch size and queue depth.
  std::uint64_t worker_memory = 0;       ///< Bytes that one worker process may allocate; 0: no limit.
  std::chrono::milliseconds timeout{0};  ///< Of the whole run; 0: none.
  std::uint64_t max_errors = static_cast<std::uint64_t>(-1);  ///< The run fails when more records are rejected.
  std::string artifacts = ".";  ///< Folder for quarantine files without a path of their own.
  StopSignal* stop = nullptr;   ///< To drain or cancel from outside, for instance at SIGINT.
  ProgressListener* progress = nullptr;
  RejectionListener* rejections = nullptr;
  bool metrics = true;          ///< Times and loads per operator; records are always counted.
  bool trace = false;           ///< Keep a timeline for `Report::trace_to_json`.
  MonitorOptions monitor = {};  ///< Samples of what the run uses, and alerts.
  std::string preset = {};      ///< The preset that these options came from, for the plan: see preset.h.
  CheckpointOptions checkpoints = {};
};

/// A segment of a plan: the operators that one worker runs fused.
struct PlanSegment {
  std::vector<std::size_t> steps;  ///< Indices of the pipeline's steps, in order.
  std::string worker = "thread";   ///< "caller", "thread" or "process".
  std::uint32_t workers = 1;
  std::uint32_t most_workers = 0;  ///< While it runs it may get so many; 0: as many as it has.
  std::size_t queue_depth = 0;     ///< Of the channel into it; 0 for segments that begin with a source.
  std::string reason;              ///< Why it begins where it begins.
};

/// The decision how a pipeline runs, as data.
struct Plan {
  struct Step {
    std::string name;
    std::string op;
    std::vector<std::size_t> inputs;  ///< Indices of the steps before it.
    std::string output;               ///< What it emits: "id: int64, …" or the record type.
    std::string note;                 ///< What it decided by itself.
    std::string on_error;             ///< "fail", "skip", "quarantine", with attempts.
    bool unordered = false;
    bool light = false;
  };
  /// How a plan is completed while it runs.
  struct Adapting {
    bool on = false;  ///< All segments begin in the thread of their source, which may give them threads of their own.
    std::chrono::nanoseconds least_measured{2'000'000};  ///< Before it decides, and between two decisions.
    double least_gain = 1.15;                            ///< How many times as fast it must be expected to become.
    bool all_at_once = false;  ///< Does not decide: behind the first batch every segment gets all that it may have.
  };
  std::string pipeline;
  std::string strategy;
  std::string reason;
  std::string preset = {};  ///< "low_latency sets batch_size = 64 …"; empty: the options are of none.
  Adapting adapting;
  std::size_t batch_size = 0;
  std::uint64_t memory_limit = 0;
  std::vector<Step> steps;
  std::vector<PlanSegment> segments;
  /// Why there are no checkpoints, so that a run that was killed begins anew; empty: there are, if the run wants them.
  std::string no_checkpoints;

  /// For people.
  std::string to_text() const;
  /// As `plan` in docs/schemas/plan.schema.json says.
  std::string to_json() const;
};

/// What happened in one step.
struct StepReport {
  std::string name;
  std::string op;
  std::size_t segment = 0;
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t records_rejected = 0;
  std::uint64_t retries = 0;
  std::uint64_t fallbacks = 0;
  std::uint64_t batches = 0;
  std::uint64_t crashes = 0;    ///< Worker processes that ended, hung, or answered with nonsense at work on it.
  double busy_seconds = 0;      ///< In the operator; 0 for steps fused into one loop with the step before.
  double wait_seconds = 0;      ///< Waiting for input.
  double blocked_seconds = 0;   ///< Waiting for the next operator to take the output.
  std::string first_rejection;  ///< Reason of the first rejected record, with its number.
  std::string note;
  bool fused = false;  ///< Ran in one loop with the step before.
};

/// Records that a step keeps for the report: see the operator `collect`.
struct StepResult {
  std::string name;  ///< Of the step.
  std::string rows;  ///< JSON: an array with an object per record.
};

/// What a run did.
struct Report {
  enum class Outcome : std::uint8_t { kDone, kDrained, kFailed, kCancelled };

  std::string pipeline;
  Outcome outcome = Outcome::kDone;
  Plan plan;
  std::uint64_t records_in = 0;        ///< Found by the sources.
  std::uint64_t records_rejected = 0;  ///< By the steps up to the first that changes the number of records.
  std::uint64_t records_dropped = 0;   ///< On purpose, by filters, up to there.
  std::uint64_t records_out = 0;       ///< What came through up to there: in = out + rejected + dropped.
  /// By all other steps: in branches, and behind the first step that changes the number of records.
  std::uint64_t records_rejected_further_on = 0;
  double wall_seconds = 0;
  double cpu_seconds = 0;               ///< Of the whole process during the run, and of its worker processes.
  std::uint64_t memory_peak_bytes = 0;  ///< Most resident memory of the process so far.
  std::uint64_t buffer_peak_bytes = 0;  ///< Most bytes in flight.
  std::vector<StepReport> steps;
  std::vector<OutputFile> outputs;
  std::vector<StepResult> results;         ///< In the order of the steps; empty unless the run committed.
  std::optional<MonitorLog> monitor = {};  ///< With RunOptions::monitor.

  /// What checkpoints did for this run.
  struct Checkpoints {
    std::uint64_t written = 0;
    std::string resumed_from;            ///< File of the checkpoint that it went on from; empty: it began anew.
    std::uint64_t records_not_read = 0;  ///< That the run before had read up to there.
    SourceProgress not_read;             ///< How far its source was there.
    std::string note;                    ///< Why a checkpoint was not used, or no more were written.
  };
  Checkpoints checkpoints;

  /// For people: a table.
  std::string to_text() const;
  /// As `report` in docs/schemas/metrics.schema.json says.
  std::string to_json() const;
  /// Chrome/Perfetto trace event format; needs `RunOptions::trace`.
  std::string trace_to_json() const;

  /// One batch in one step.
  struct Span {
    std::uint32_t step = 0;
    std::uint32_t segment = 0;
    std::int64_t begin_ns = 0;  ///< Since the start of the run.
    std::int64_t end_ns = 0;
  };
  std::vector<Span> trace;
};
const char* to_string(Report::Outcome outcome) noexcept;

/// A run that ended, well or not.
struct RunOutcome {
  Status status;
  Report report;  ///< Filled as far as the run came.
};

}  // namespace penstock
