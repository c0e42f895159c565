// SPDX-License-Identifier: MIT
#include "workflow/workflow_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <thread>

#include "platform/file.h"
#include "platform/link_file.h"
#include "platform/machine.h"
#include "stream/output_paths.h"
#include "workflow/stage_checkpoints.h"
#include "workflow/stage_paths.h"
#include "workflow/when.h"

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(std::int64_t micros) { return static_cast<double>(now_micros() - micros) / 1e6; }

// Several pipelines may run at once, but their listener hears of one at a time.
class OneAtATime final : public ProgressListener {
 public:
  explicit OneAtATime(ProgressListener& listener) : listener_(listener) {}
  void update(const Progress& progress) override {
    const std::lock_guard lock(mutex_);
    listener_.update(progress);
  }
  void alert(const AlertEvent& event) override {
    const std::lock_guard lock(mutex_);
    listener_.alert(event);
  }

 private:
  ProgressListener& listener_;
  std::mutex mutex_;
};

std::string working_folder() {
  char path[PATH_MAX];
  return ::getcwd(path, sizeof path) != nullptr ? path : ".";
}

ScheduleLimits limits_of(const PipelineFile& file) {
  ScheduleLimits limits;
  const std::uint32_t wanted = file.workflow.max_parallel;
  // The workers of this strategy are forked, and nobody may hold a lock then: docs/decisions/0007.
  const bool forks = file.run.strategy.name == "processes" || file.run.strategy.name == "hybrid";
  limits.max_parallel = forks ? 1 : wanted != 0 ? wanted : file.stages.size() > 1 ? this_machine().cores : 1;
  for (const OptionValue::Entry& entry : file.workflow.resources) limits.amounts.push_back(*entry.value.as_integer());
  for (const FileStage& stage : file.stages) {
    std::vector<std::int64_t> wants(limits.amounts.size(), 0);
    for (const OptionValue::Entry& entry : stage.resources) {
      for (std::size_t i = 0; i < wants.size(); ++i) {
        if (file.workflow.resources[i].name == entry.name) wants[i] = *entry.value.as_integer();
      }
    }
    limits.wants.push_back(std::move(wants));
    limits.last.push_back(stage.last);
  }
  if (limits.amounts.empty()) limits.wants.clear();
  return limits;
}

}  // namespace

WorkflowRun::WorkflowRun(const PipelineFile& file, const FileRunOptions& options, StageGraph graph, RunFolder folder)
    : file_(file),
      options_(options),
      graph_(std::move(graph)),
      folder_(std::move(folder)),
      record_{&file, &options, now_micros()},
      index_(options.store + "/digests"),
      cache_(options.store),
      results_(options.store + "/results"),
      stop_(file.run.stop != nullptr ? file.run.stop : &own_stop_),
      states_(file.stages.size()),
      fans_(file.stages.size()) {
  record_.folder = working_folder();
  absolute_run_dir_ = canonical_path(folder_.path());
  run_.id = folder_.id();
  run_.path = folder_.path();
  run_.status = "running";
  for (const FileStage& stage : file.stages) {
    numbers_.emplace(stage.name, run_.stages.size());
    run_.stages.emplace_back().name = stage.name;
  }
  if (file.run.timeout.count() > 0) deadline_ = Clock::now() + file.run.timeout;
  if (!options.request.empty()) observed_ = std::make_unique<ObservedRun>(file, folder_.path());
  if (file.run.progress != nullptr) progress_ = std::make_unique<OneAtATime>(*file.run.progress);
}

WorkflowRun::~WorkflowRun() = default;

Status WorkflowRun::begin() {
  if (!options_.from_stage.empty()) {
    const auto from = std::find_if(file_.stages.begin(), file_.stages.end(),
                                   [&](const FileStage& stage) { return stage.name == options_.from_stage; });
    const std::vector<bool> marked = graph_.downstream_of(static_cast<std::size_t>(from - file_.stages.begin()));
    for (std::size_t i = 0; i < states_.size(); ++i) states_[i].forced = marked[i];
  }
  if (!options_.reuse_run.empty()) reuse_ = RunStore(options_.store).lineage(options_.reuse_run);
  // What a run that was killed had finished may stand in its journal alone.
  for (const std::string& id : reuse_) PENSTOCK_TRY(RunFolder(options_.store, id).finish_stages());
  for (std::size_t i = 0; i < file_.stages.size(); ++i) recordable_.push_back(may_be_recorded(i));
  record_.writes = outputs_elsewhere(file_, folder_.path());
  record_.reads = files_read(file_, folder_.path(), record_.folder);
  record_.graph = &graph_;
  PENSTOCK_TRY(folder_.write("run.json", run_json(record_, run_)));
  PENSTOCK_TRY(folder_.write("manifest.json", manifest_json(record_, run_)));
  PENSTOCK_ASSIGN(Journal journal, Journal::create(folder_.path() + "/journal.jsonl", file_.workflow.durable));
  journal_.emplace(std::move(journal));
  PENSTOCK_TRY(note("run_begins", {{"run_id", run_.id}, {"name", file_.name}, {"file", file_.path}}));
  const bool functions_in_processes = std::any_of(file_.stages.begin(), file_.stages.end(), [](const FileStage& stage) {
    return stage.function != nullptr && mode_of(stage).mode == StageMode::kProcess;
  });
  if (functions_in_processes) {
    PENSTOCK_ASSIGN(processes_, FunctionProcesses::start(file_));  // before there are other threads of the run
  }
  if (options_.listener != nullptr) options_.listener->run_begins(folder_.id(), folder_.path());
  return {};
}

void WorkflowRun::run_stages() {
  // Also those of later stages, before the first one begins.
  if (Status paths = check_stage_paths(file_, folder_.path()); !paths) {
    run_.error = std::move(paths);
    return;
  }
  const Status started = run_schedule(graph_, limits_of(file_), *this);
  if (!started && run_.error) run_.error = started;
}

// ---- One stage -----------------------------------------------------------------------------------------------------

WorkEnd WorkflowRun::work(std::size_t i) {
  if (stage(i).for_each) {
    if (fans_[i] != nullptr) return end_divided(i), WorkEnd{};
    if (!may_begin(i)) return {};
    const Result<std::size_t> items = divide(i);
    if (!items) return fail_stage(i, items.error()), WorkEnd{};
    if (*items > 0) return {{}, *items};
    return end_divided(i), WorkEnd{};
  }
  if (!state(i).begun) {
    if (!may_begin(i)) return {};
    begin_stage(i);
    bool taken = false;
    if (Status status = take_kept_result(i, taken); !status) {
      fail_stage(i, std::move(status.error()));
      return {};
    }
    if (taken) return {};
    note_begin(i);
  } else if (const std::string why = stopped(); !why.empty() && !stage(i).last) {
    end_stage(i, StageStatus::kFailed, why);
    return {};
  }
  return {attempt(i)};
}

// Why no further stage begins; empty while they may.
std::string WorkflowRun::stopped() const {
  if (stop_->state() != StopSignal::State::kRun) return "the run was stopped";
  const std::lock_guard lock(mutex_);
  if (!store_error_) return "the run's files cannot be written";
  if (failed_ && file_.workflow.on_failure != OnFailure::kContinue) return "another stage failed";
  if (deadline_ && Clock::now() >= *deadline_) return "the time of the run is over";
  return {};
}

bool WorkflowRun::may_begin(std::size_t i) {
  const FileStage& stage = this->stage(i);
  if (is_item(i)) {
    // Its stage has begun; only a run that ends keeps it from beginning.
    const std::string why = stage.last ? std::string() : stopped();
    if (!why.empty()) end_stage(i, StageStatus::kNotRun, why);
    return why.empty();
  }
  if (stage.last && stop_->cancelled()) return end_stage(i, StageStatus::kNotRun, "the run was cancelled"), false;
  if (!stage.last) {
    for (const StageGraph::Edge& edge : graph_.needs[i]) {
      const StageRun& need = run_.stages[edge.stage];
      const bool skipped = need.status == StageStatus::kSkipped;
      if (need.ok() || (skipped && (!edge.data || edge.optional))) continue;
      end_stage(i, skipped ? StageStatus::kSkipped : StageStatus::kNotRun,
                skipped ? fmt::format("stage \"{}\", whose artifacts it needs, was skipped", need.name)
                        : fmt::format("stage \"{}\" {}", need.name,
                                      need.status == StageStatus::kNotRun ? "was not run" : "failed"));
      return false;
    }
    if (std::string why = stopped(); !why.empty()) return end_stage(i, StageStatus::kNotRun, std::move(why)), false;
  }
  const Result<bool> wanted = holds(stage, file_.params);
  if (!wanted) return fail_stage(i, wanted.error()), false;
  if (!*wanted) return end_stage(i, StageStatus::kSkipped, fmt::format("when = {} does not hold", stage.when)), false;
  return true;
}

void WorkflowRun::begin_stage(std::size_t i) {
  state(i).begun = true;
  run_of(i).started_micros = now_micros();
  if (options_.listener != nullptr) {
    const std::lock_guard lock(listener_mutex_);
    options_.listener->stage_begins(stage(i));
  }
  if (const std::optional<std::size_t> before = streams_into(i)) begin_stage(*before);
}

// Of stages whose results are not kept: the others have only an end.
void WorkflowRun::note_begin(std::size_t i) {
  if (const Status noted = note("stage_begins", {{"stage", stage(i).name}}); !noted) {
    const std::lock_guard lock(mutex_);
    if (store_error_) store_error_ = noted;
  }
  if (const std::optional<std::size_t> before = streams_into(i)) note_begin(*before);
}

// The stage whose stream it takes, which begins and ends with it.
std::optional<std::size_t> WorkflowRun::streams_into(std::size_t i) const {
  if (is_item(i) || stage(i).stream_from.empty()) return {};
  return numbers_.at(stage(i).stream_from);
}

std::uint64_t WorkflowRun::bytes_read_by(const FileStage& stage) const {
  std::uint64_t bytes = 0;
  for (const StageInput& input : stage.inputs) {
    if (input.stage.empty()) continue;
    for (const Artifact& artifact : run_.stages[numbers_.at(input.stage)].artifacts) bytes += artifact.size_bytes;
  }
  return bytes;
}

CheckpointOptions WorkflowRun::checkpoints_of(std::size_t i) {
  const FileStage& stage = this->stage(i);
  if (stage.is_command() || stage.function != nullptr) return {};
  const State& state = this->state(i);
  std::vector<std::string> earlier;
  for (const std::string& id : state.forced ? std::vector<std::string>() : reuse_) {
    const std::string run = RunFolder(options_.store, id).path();
    if (::access((run + "/" + stage.name).c_str(), F_OK) == 0) earlier.push_back(run);
  }
  return checkpoints_of_stage(file_, stage, folder_.path(), state.named ? &*state.named : nullptr, *this, earlier);
}

std::optional<WorkflowRun::TimePoint> WorkflowRun::attempt(std::size_t i) {
  const FileStage& stage = this->stage(i);
  State& state = this->state(i);
  StageRun& run = run_of(i);
  AttemptContext context{.file = file_,
                         .folder = folder_,
                         .absolute_folder = record_.folder,
                         .absolute_run_dir = absolute_run_dir_,
                         .stop = stop_,
                         .progress = progress_.get(),
                         .values = this,
                         .processes = processes_.get(),
                         .number = parent(i),
                         .program = state.named ? state.named->program : std::string(),
                         .input_bytes = stage.function != nullptr ? bytes_read_by(stage) : 0,
                         .deadline = deadline_,
                         .checkpoints = checkpoints_of(i),
                         .record = !is_item(i) && recordable_[i]};
  // What runs behind all others tidies up also after a stage that failed or a run that was stopped.
  StopSignal undisturbed;
  if (stage.last) context.stop = &undisturbed;
  AttemptEnd end = attempt_stage(context, stage, ++run.attempts);
  run.duration_seconds = seconds_since(run.started_micros);
  if (!end.outcome.status) return after_failure(i, std::move(end));
  run.outcome = std::move(end.outcome);
  state.value = std::move(end.value);
  state.aside = std::move(end.aside);
  // A result of inputs that changed meanwhile is nobody's result.
  const std::string changed = state.named ? state.named->inputs.changed(index_) : std::string();
  if (!changed.empty()) {
    constexpr std::uint32_t kMostChanges = 3;
    if (Status removed = remove_tree(state.aside.empty() ? folder_.artifacts_of(stage.name) : state.aside); !removed)
      return fail_stage(i, removed.error()), std::nullopt;
    state.aside.clear();
    state.value.reset();
    if (changed.starts_with(folder_.path() + "/")) {
      fail_stage(i, Error(ErrorCode::kDataLoss, fmt::format("{} was changed while the stage read it", changed))
                        .at(stage.name)
                        .hint("what a stage made stays as it is: a command that changes its input works on a copy"));
      return {};
    }
    if (++state.input_changes >= kMostChanges) {
      fail_stage(
          i, Error(ErrorCode::kUnavailable, fmt::format("{} was changed each time while the stage read it", changed))
                 .at(stage.name)
                 .hint("wait until who writes it has finished"));
      return {};
    }
    if (Status noted = note("inputs_changed", {{"stage", stage.name}, {"path", changed}}); !noted)
      return fail_stage(i, noted.error()), std::nullopt;
    Result<NamedResult> named = name_result(file_, stage, folder_.path(), *this, index_, &programs_);
    if (!named) return fail_stage(i, named.error()), std::nullopt;
    name_again(i, std::move(*named));
    return Clock::now();
  }
  if (state.verify) {
    if (Status same = compare_with_kept(i); !same) return fail_stage(i, std::move(same.error())), std::nullopt;
  }
  if (Status kept = keep_result(i); !kept) return fail_stage(i, std::move(kept.error()).at("store")), std::nullopt;
  const bool drained = run.outcome.report.outcome == Report::Outcome::kDrained;
  end_stage(i, drained ? StageStatus::kDrained : StageStatus::kDone,
            state.verify ? "made again, and the same as kept from run " + state.kept_from
                         : checkpoints_text(run.outcome.report.checkpoints));
  return {};
}

// The name that the stage began with is that of a result which nobody made.
void WorkflowRun::name_again(std::size_t i, NamedResult named) {
  State& state = this->state(i);
  run_of(i).key.clear();
  state.named.reset();
  state.key_written = false;
  state.verify = false;  // what is kept is that of the other name
  if (!named.why_not.empty()) return;
  run_of(i).key = named.key.digest;
  state.named = std::move(named);
}

std::optional<WorkflowRun::TimePoint> WorkflowRun::after_failure(std::size_t i, AttemptEnd end) {
  const FileStage& stage = this->stage(i);
  State& state = this->state(i);
  StageRun& run = run_of(i);
  ++state.failed;
  if (may_retry(stage.retry, state.failed, end) && (stage.last || stopped().empty())) {
    const std::chrono::milliseconds delay = delay_before(stage.retry, run.attempts + 1);
    const Error& error = end.outcome.status.error();
    const Status noted =
        note("stage_retries",
             {{"stage", stage.name}, {"error", error.to_text()}, {"delay_ms", std::to_string(delay.count())}});
    if (!noted) return fail_stage(i, noted.error()), std::nullopt;
    const std::lock_guard lock(listener_mutex_);
    if (options_.listener != nullptr) options_.listener->stage_retries(stage, error, delay);
    run.outcome = std::move(end.outcome);
    return Clock::now() + delay;
  }
  run.outcome = std::move(end.outcome);
  if (end.cancelled) {
    end_stage(i, StageStatus::kCancelled, {});
  } else if (!is_item(i) && graph_.fallback[i] != StageGraph::kNone && (stage.last || stopped().empty())) {
    run_fallback(i);
  } else {
    end_stage(i, StageStatus::kFailed, {});
  }
  return {};
}

// The fallback runs in its stage's turn, as a stage of its own; then its artifacts stand for those of the stage.
void WorkflowRun::run_fallback(std::size_t i) {
  const std::size_t other = graph_.fallback[i];
  std::optional<TimePoint> again = work(other).again;
  while (again) {
    std::this_thread::sleep_until(std::min(*again, Clock::now() + std::chrono::milliseconds(50)));
    if (Clock::now() >= *again || !stopped().empty()) again = work(other).again;
  }
  const StageRun& fallback = run_.stages[other];
  if (!fallback.ok())
    return end_stage(i, StageStatus::kFailed, fmt::format("its fallback \"{}\" failed too", fallback.name));
  StageRun& run = run_of(i);
  const std::string reason =
      fmt::format("\"{}\" took its place: {}", fallback.name, run.outcome.status.error().message());
  bool taken = false;
  Status status = write_key(i);
  if (status) status = remove_tree(folder_.artifacts_of(run.name));
  const std::string text = data_json(file_.stages[other], fallback);
  run.outcome.status = {};
  if (status) status = take(i, fallback.artifacts, folder_.artifacts_of(fallback.name), text, taken);
  if (!status) return fail_stage(i, std::move(status.error()).at("store"));
  end_stage(i, StageStatus::kFallback, reason);
}

void WorkflowRun::fail_stage(std::size_t i, Error error) {
  StageRun& run = run_of(i);
  if (run.started_micros == 0) run.started_micros = now_micros();
  run.outcome.status = std::move(error);
  run.outcome.report.outcome = Report::Outcome::kFailed;
  end_stage(i, StageStatus::kFailed, {});
}

// A fallback's failure is its stage's, and one of an item is that of its stage when that has a fallback.
bool WorkflowRun::failure_counts(std::size_t i) const {
  return is_item(i) ? graph_.fallback[parent(i)] == StageGraph::kNone : graph_.fallback_of[i] == StageGraph::kNone;
}

void WorkflowRun::end_stage(std::size_t i, StageStatus status, std::string reason) {
  StageRun& run = run_of(i);
  if (run.started_micros != 0) run.duration_seconds = seconds_since(run.started_micros);
  {
    const std::lock_guard lock(mutex_);
    run.status = status;
    run.reason = std::move(reason);
    if (status == StageStatus::kFailed || status == StageStatus::kCancelled) {
      const bool counts = failure_counts(i);
      if (counts && run_.error && !run.outcome.status) run_.error = run.outcome.status;
      failed_ = failed_ || (counts && status == StageStatus::kFailed);
    }
  }
  if (status == StageStatus::kFailed && failure_counts(i) && file_.workflow.on_failure == OnFailure::kStop) {
    stop_->request(StopSignal::State::kCancel);
  }
  Journal::Facts facts = {{"stage", run.name}, {"status", to_string(status)}};
  if (!run.reason.empty()) facts.emplace_back("reason", run.reason);
  if (!run.outcome.status) facts.emplace_back("error", run.outcome.status.error().to_text());
  Status noted = run.ok() ? Status() : write_key(i);
  if (std::string& aside = state(i).aside; !aside.empty()) {
    (void)remove_tree(aside);
    aside.clear();
  }
  if (noted) noted = note_end(i, facts);
  if (!noted) {
    const std::lock_guard lock(mutex_);
    if (store_error_) store_error_ = std::move(noted);
  }
  if (observed_ != nullptr) observed_->add(stage(i), run, state(i).named ? &*state(i).named : nullptr);
  if (state(i).named) state(i).named.reset();  // of thousands of stages they are many megabytes
  if (options_.listener != nullptr) {
    const std::lock_guard lock(listener_mutex_);
    options_.listener->stage_ended(stage(i), run);
  }
  const std::optional<std::size_t> before = streams_into(i);
  if (!before) return;
  run_.stages[*before].attempts = run.attempts;
  run_.stages[*before].outcome.status = run.outcome.status;
  end_stage(*before, status, fmt::format("as a stream into \"{}\"", run.name));
}

}  // namespace penstock
