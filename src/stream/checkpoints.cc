// SPDX-License-Identifier: MIT
#include "stream/checkpoints.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "embed/network_modules.h"
#include "platform/build_id.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/link_file.h"
#include "stream/assembly.h"
#include "stream/output_paths.h"
#include "stream/user_call.h"

namespace penstock {
namespace {

constexpr std::chrono::microseconds kQuietPoll{100};
constexpr int kQuietYields = 16;
// Below, the run waits for every checkpoint: there is one behind each batch.
constexpr std::int64_t kShortInterval = 1'000'000;
// A state may be large: the run stands still for no more than a hundredth of its time.
constexpr std::int64_t kLeastWorkPerPause = 100;

std::string obstacle_of(const GraphStep& step) {
  if (step.traits.in_flight > 0) return "waits for many records at once, which are not written down";
  if (step.traits.saves && step.traits.stateless && !step.traits.mergeable && !step.is_source())
    return "says that it keeps nothing, and that it saves what it keeps";
  if (step.spec->fused != nullptr || (step.spec->factory != nullptr && !step.traits.saves && !step.traits.stateless))
    return "is code of the program, which does not say how to save what it keeps";
  if (step.traits.saves || (step.traits.stateless && !step.traits.effects && !step.is_source())) return {};
  if (step.is_source()) return "cannot go on in the middle of its input";
  return step.traits.effects ? "cannot take back what it wrote behind a checkpoint" : "keeps what it cannot save";
}

std::string options_text(const Options& options) {
  std::string text;
  for (const OptionValue::Entry& entry : options.entries()) text += entry.name + " = " + entry.value.to_text() + "; ";
  return text;
}

// The module that runs the models, if the environment names one.
std::string module_of(const Graph& graph) {
  const bool has_model = std::any_of(graph.steps.begin(), graph.steps.end(),
                                     [](const GraphStep& step) { return step.spec->op == "embed.onnx"; });
  return has_model ? embed::named_module() : std::string();
}

}  // namespace

Result<std::string> file_state(const std::string& path) {
  PENSTOCK_ASSIGN(const FileStamp stamp, stamp_of(path));
  return fmt::format("{} bytes of {}.{:09}", stamp.size_bytes, stamp.modified_ns / 1'000'000'000,
                     stamp.modified_ns % 1'000'000'000);
}

std::string why_no_checkpoints(const Graph& graph) {
  const auto sources =
      std::count_if(graph.steps.begin(), graph.steps.end(), [](const GraphStep& step) { return step.is_source(); });
  if (sources != 1) return "it has several sources";
  for (const GraphStep& step : graph.steps) {
    const std::string why = obstacle_of(step);
    if (!why.empty()) return fmt::format("\"{}\" {}", step.spec->name, why);
  }
  return {};
}

Result<std::vector<std::pair<std::string, std::string>>> checkpoint_identity(const Graph& graph,
                                                                             const RunOptions& options) {
  std::vector<std::pair<std::string, std::string>> identity = options.checkpoints.identity;
  if (identity.empty()) {
    identity.emplace_back("code", code_identity());
    identity.emplace_back("max_errors", std::to_string(options.max_errors));
    for (const GraphStep& step : graph.steps)
      identity.emplace_back("step " + step.spec->name, step.spec->op + ": " + options_text(step.spec->options));
    for (const std::string& path : input_paths(*graph.pipeline)) {
      PENSTOCK_ASSIGN(std::string text, file_state(path));
      identity.emplace_back("file " + path, std::move(text));
    }
  }
  if (const std::string module = module_of(graph); !module.empty()) {
    const Result<std::string> state = file_state(module);
    identity.emplace_back("module " + module, state ? *state : "not there");
  }
  for (const GraphStep& step : graph.steps) {
    const std::string input = step.is_source() ? "" : std::to_string(step.spec->input);
    identity.emplace_back("types behind " + step.spec->name, input + ">" + describe(step.output));
  }
  return identity;
}

std::string first_difference(const std::vector<std::pair<std::string, std::string>>& then,
                             const std::vector<std::pair<std::string, std::string>>& now) {
  for (std::size_t i = 0; i < std::max(then.size(), now.size()); ++i) {
    if (i >= now.size()) return fmt::format("{} is not there any more", then[i].first);
    if (i >= then.size() || then[i].first != now[i].first) return fmt::format("{} is new", now[i].first);
    if (then[i].second == now[i].second) continue;
    constexpr std::size_t kMostShown = 80;
    const auto shown = [](const std::string& text) {
      return text.size() <= kMostShown ? text : text.substr(0, kMostShown) + "...";
    };
    return fmt::format("{} was {} and is {}", now[i].first, shown(then[i].second), shown(now[i].second));
  }
  return {};
}

Checkpoints::Checkpoints(Run& run, std::vector<std::pair<std::string, std::string>> identity, std::uint64_t last,
                         std::vector<std::string> replaced)
    : run_(run),
      folder_(run.state->options.checkpoints.folder),
      identity_(std::move(identity)),
      interval_ns_(std::chrono::nanoseconds(run.state->options.checkpoints.interval).count()),
      waits_(interval_ns_ < kShortInterval),
      due_ns_(now_ns() + interval_ns_),
      last_(last),
      replaced_(std::move(replaced)) {}

Checkpoints::~Checkpoints() { stop_writer(); }

std::uint64_t Checkpoints::written() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

std::string Checkpoints::why_ended() const {
  const std::lock_guard lock(mutex_);
  return why_ended_;
}

void Checkpoints::give_up(std::string why) {
  const std::lock_guard lock(mutex_);
  if (why_ended_.empty()) why_ended_ = std::move(why);
}

void Checkpoints::pass(WorkerClock& clock) {
  if (ended_ || now_ns() < due_ns_ || run_.state->cancelled()) return;
  {
    const std::lock_guard lock(mutex_);
    if (writing_) return;  // the disk is slower than was asked for
    if (!why_ended_.empty()) {
      ended_ = true;
      return;
    }
  }
  const WorkerClock::Mark before = clock.set({});
  {
    const std::lock_guard lock(run_.state->workers_mutex);
    take();
  }
  clock.set(before);
}

// ---- The moment in which nothing moves -----------------------------------------------------------------------------

Operator& Checkpoints::source() { return *instances_of(run_.plan.segments.front().steps.front()).front(); }

// The first instance is the one that says where the source is, and the one that goes on.
std::vector<Operator*> Checkpoints::instances_of(std::size_t step) {
  std::vector<Operator*> instances;
  const SegmentAtWork& at_work = run_.segments[run_.steps[step]->segment];
  PieceCutter* const cutter = at_work.replicas != nullptr ? at_work.replicas->cutter() : nullptr;
  if (cutter != nullptr && run_.graph.steps[step].is_source()) instances.push_back(&cutter->op());
  for (Runner* const runner : run_.runners_of[step]) instances.push_back(&runner->op());
  return instances;
}

bool Checkpoints::source_is_open() {
  const Replicas* const replicas = run_.segments.front().replicas;
  return replicas == nullptr || replicas->cutter() == nullptr || replicas->cutter()->opened();
}

bool Checkpoints::workers_are_open() const {
  const std::vector<std::shared_ptr<Segment>> workers = all_workers(run_);
  return std::all_of(workers.begin(), workers.end(),
                     [](const auto& worker) { return worker->works_in_process() || worker->is_open(); });
}

// Every segment follows what feeds it, so when its input is worked off nothing more comes after that.
Checkpoints::Wait Checkpoints::wait_until_quiet() {
  for (std::size_t s = 0; s < run_.segments.size(); ++s) {
    if (const Wait wait = wait_for_segment(s); wait != Wait::kQuiet) return wait;
  }
  return Wait::kQuiet;
}

Checkpoints::Wait Checkpoints::wait_for_segment(std::size_t segment) {
  const SegmentAtWork& at_work = run_.segments[segment];
  const auto is_worked_off = [&] {
    if (at_work.replicas != nullptr) return at_work.replicas->is_worked_off();
    return at_work.input == nullptr || at_work.input->is_worked_off();
  };
  for (int i = 0;; ++i) {
    if (run_.state->poll_stop() == StopSignal::State::kCancel) return Wait::kNotNow;
    // Who needs no more input finishes at once, beside everything else.
    if (at_work.input != nullptr && !at_work.input->wants_more()) return Wait::kNever;
    if (is_worked_off()) return Wait::kQuiet;
    if (i < kQuietYields) {
      sched_yield();
    } else {
      std::this_thread::sleep_for(kQuietPoll);
    }
  }
}

void Checkpoints::take() {
  const std::int64_t began = now_ns();
  if (!source_is_open() || !workers_are_open()) return;
  StateWriter source_state;
  Status saved = guarded([&] { return source().save(source_state); });
  if (!saved && saved.error().code() == ErrorCode::kUnavailable) return;
  const Wait wait = saved ? wait_until_quiet() : Wait::kNever;
  if (wait == Wait::kNotNow) return;
  Taken taken;
  taken.checkpoint.number = last_ + 1;
  taken.checkpoint.pipeline = run_.plan.pipeline;
  taken.checkpoint.identity = identity_;
  for (std::size_t i = 0; saved && wait == Wait::kQuiet && i < run_.steps.size(); ++i)
    saved = save_step(i, source_state, taken);
  for (const int descriptor : source_state.take_descriptors()) taken.descriptors.push_back(descriptor);
  if (!saved || wait == Wait::kNever) {
    for (const int descriptor : taken.descriptors) ::close(descriptor);
    ended_ = true;
    return give_up(saved ? "a branch had all the records that it needs" : saved.error().to_text());
  }
  taken.checkpoint.source = static_cast<Source&>(source()).progress();
  const StepAtWork& first = *run_.steps[run_.plan.segments.front().steps.front()];
  taken.checkpoint.records_read = first.metrics.records_out.get() + first.rejects->count();
  ++last_;
  hand_to_writer(std::move(taken));
  const std::int64_t now = now_ns();
  due_ns_ = now + (waits_ ? 0 : std::max(interval_ns_, kLeastWorkPerPause * (now - began)));
}

Status Checkpoints::save_step(std::size_t index, const StateWriter& source_state, Taken& taken) {
  StepAtWork& at_work = *run_.steps[index];
  Checkpoint::Step& step = taken.checkpoint.steps.emplace_back();
  step.name = at_work.step->spec->name;
  step.op = at_work.step->spec->op;
  step.records_in = at_work.metrics.records_in.get();
  step.records_out = at_work.metrics.records_out.get();
  step.records_rejected = at_work.rejects->count();
  step.batches = at_work.metrics.batches.get();
  const auto keep = [&](StateWriter& state) {
    for (const int descriptor : state.take_descriptors()) taken.descriptors.push_back(descriptor);
    taken.checkpoint.files.insert(taken.checkpoint.files.end(), state.files().begin(), state.files().end());
    return state.bytes();
  };
  StateWriter rejects;
  PENSTOCK_TRY(at_work.rejects->save(rejects));
  step.rejects = keep(rejects);
  if (!at_work.step->traits.saves) return {};
  const std::vector<Operator*> instances = instances_of(index);
  for (Operator* const op : instances) {
    if (op == instances.front() && at_work.step->is_source()) {
      step.states.push_back(source_state.bytes());
      continue;
    }
    StateWriter state;
    Status saved = guarded([&] { return op->save(state); });
    step.states.push_back(keep(state));
    if (!saved) return std::move(saved).error().at(step.name);
  }
  return {};
}

// ---- The writer ----------------------------------------------------------------------------------------------------

void Checkpoints::hand_to_writer(Taken taken) {
  std::unique_lock lock(mutex_);
  const bool comes_too_late = stop_;  // of a worker that was left behind
  std::string no_thread;
  if (!comes_too_late && !writer_.joinable()) no_thread = start_writer();
  if (comes_too_late || !no_thread.empty()) {
    for (const int descriptor : taken.descriptors) ::close(descriptor);
    lock.unlock();
    if (!comes_too_late) give_up("there is no thread to write checkpoints: " + no_thread);
    return;
  }
  to_write_ = std::move(taken);
  writing_ = true;
  changed_.notify_all();
  if (waits_) changed_.wait(lock, [this] { return !writing_; });
}

std::string Checkpoints::start_writer() {
  try {
    writer_ = std::thread([this] { write_all(); });
    return {};
  } catch (const std::system_error& error) {
    return error.what();
  }
}

void Checkpoints::write_all() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || to_write_; });
    if (!to_write_) return;
    Taken taken = std::move(*to_write_);
    to_write_.reset();
    lock.unlock();
    write(std::move(taken));
    lock.lock();
    writing_ = false;
    changed_.notify_all();
  }
}

void Checkpoints::write(Taken taken) {
  Status status = make_folders(folder_);
  for (const int descriptor : taken.descriptors) {
    if (status && ::fdatasync(descriptor) != 0) status = file_error(errno, "sync", "an output");
    ::close(descriptor);
  }
  if (status) status = write_checkpoint(taken.checkpoint, folder_);
  if (!status) return give_up("a checkpoint could not be written: " + status.error().to_text());
  constexpr std::uint64_t kKept = 2;
  if (taken.checkpoint.number > kKept) remove_checkpoint(folder_, taken.checkpoint.number - kKept);
  for (const std::string& folder : std::exchange(replaced_, {})) remove_checkpoints(folder);
  const std::lock_guard lock(mutex_);
  ++written_;
}

void Checkpoints::stop_writer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (writer_.joinable()) writer_.join();  // nobody makes one any more
}

void Checkpoints::end(bool done) {
  stop_writer();
  (void)remove_tree(folder_);
  if (!done) return;
  for (const std::string& folder : std::exchange(replaced_, {})) remove_checkpoints(folder);
}

}  // namespace penstock
