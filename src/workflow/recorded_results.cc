// SPDX-License-Identifier: MIT
// Results of functions stand in the journal first. Stages that take them get the values from memory; the folders of
// their stages are written when the run ends, or by who goes on with a run that was killed.
#include <algorithm>
#include <atomic>

#include "executor/executor.h"
#include "platform/machine.h"
#include "store/digest.h"
#include "workflow/workflow_run.h"

namespace penstock {
namespace {

// What is held for later is written when it gets this much.
constexpr std::size_t kMostHeld = std::size_t{16} << 20;

// What several threads write at once.
class Writing {
 public:
  Writing(const RunFolder& folder, const std::vector<RecordedStage>& stages, bool durable)
      : folder_(folder), stages_(stages), durable_(durable) {}

  void write_all() {
    for (std::size_t i = next_.fetch_add(1); i < stages_.size(); i = next_.fetch_add(1)) {
      Status written = folder_.put_stage(stages_[i], durable_);
      if (written) continue;
      const std::lock_guard lock(mutex_);
      if (status_) status_ = std::move(written);
      next_.store(stages_.size());
      return;
    }
  }
  Status status() {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  const RunFolder& folder_;
  const std::vector<RecordedStage>& stages_;
  const bool durable_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  Status status_;  // guarded by mutex_; the first that failed
};

class WritingTask final : public Task {
 public:
  explicit WritingTask(Writing& writing) : writing_(writing) {}
  void work() noexcept override { writing_.write_all(); }
  std::string name() const override { return "folders"; }

 private:
  Writing& writing_;
};

// Functions get values; everything else reads files.
bool takes_values(const FileStage& stage) { return stage.function != nullptr && !stage.for_each; }

}  // namespace

bool WorkflowRun::may_be_recorded(std::size_t i) const {
  const FileStage& stage = file_.stages[i];
  const bool alone = graph_.fallback[i] == StageGraph::kNone && graph_.fallback_of[i] == StageGraph::kNone;
  // The cache links files.
  if (!takes_values(stage) || stage.cache || !alone) return false;
  return std::all_of(graph_.dependents[i].begin(), graph_.dependents[i].end(), [&](std::size_t dependent) {
    return takes_values(file_.stages[dependent]) ||
           std::none_of(graph_.needs[dependent].begin(), graph_.needs[dependent].end(),
                        [&](const StageGraph::Edge& edge) { return edge.stage == i && edge.data; });
  });
}

bool WorkflowRun::is_in_memory(const std::string& name) const { return states_[numbers_.at(name)].recorded; }

std::vector<Artifact> WorkflowRun::artifact_of_value(std::size_t i) const {
  const std::string& value = *states_[i].value;
  Artifact artifact;
  artifact.name = kValueFile;
  artifact.path = file_.stages[i].name + "/artifacts/" + kValueFile;
  artifact.type = media_type(kValueFile);
  artifact.size_bytes = value.size();
  artifact.sha256 = sha256(value);
  return {std::move(artifact)};
}

RecordedStage WorkflowRun::recorded_stage(std::size_t i) {
  State& state = states_[i];
  const StageRun& run = run_.stages[i];
  RecordedStage stage;
  stage.name = run.name;
  stage.documents.emplace_back("output.json", output_json(file_.stages[i], run, data_json(file_.stages[i], run)));
  if (state.named) stage.documents.emplace_back("key.json", key_json(state.named->key, state.decision));
  stage.artifacts.emplace_back(kValueFile, std::move(*state.value));
  state.value.reset();
  return stage;
}

// The last line of a stage; with its result when that has no folder yet.
Status WorkflowRun::note_end(std::size_t i, const Journal::Facts& facts) {
  if (is_item(i) || !states_[i].recorded || !run_.stages[i].ok()) return note("stage_ended", facts);
  RecordedStage stage = recorded_stage(i);
  PENSTOCK_TRY(journal_->add("stage_ended", facts, &stage));
  bool full = false;
  {
    const std::lock_guard lock(recorded_mutex_);
    recorded_bytes_ += stage.size_bytes();
    recorded_.push_back(std::move(stage));
    full = recorded_bytes_ > kMostHeld;
  }
  return full ? put_recorded() : Status();
}

Status WorkflowRun::put_recorded() {
  std::vector<RecordedStage> stages;
  {
    const std::lock_guard lock(recorded_mutex_);
    std::swap(stages, recorded_);
    recorded_bytes_ = 0;
  }
  Writing writing(folder_, stages, file_.workflow.durable);
  constexpr std::size_t kWorthAThread = 100;
  const std::size_t most = file_.workflow.max_parallel != 0 ? file_.workflow.max_parallel : this_machine().cores;
  const std::size_t threads = std::min(most, stages.size() / kWorthAThread);
  std::vector<std::shared_ptr<Task>> tasks;
  for (std::size_t i = 1; i < threads; ++i) tasks.push_back(std::make_shared<WritingTask>(writing));
  const bool several = !tasks.empty();
  const std::unique_ptr<Executor> executor = make_thread_executor();
  if (several) (void)executor->start(std::move(tasks));  // those that did start are enough
  writing.write_all();
  if (several) executor->wait();
  return writing.status();
}

}  // namespace penstock
