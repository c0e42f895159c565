// SPDX-License-Identifier: MIT
#include "stream/run_state.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "data/buffer_memory.h"
#include "platform/process_use.h"
#include "stream/checkpoints.h"
#include "stream/step_metrics.h"

namespace penstock {
namespace {

constexpr std::chrono::microseconds kMemoryPoll{200};

}  // namespace

void LiveProcesses::add(int pid) {
  const std::lock_guard lock(mutex_);
  pids_.push_back(pid);
}

LiveProcesses::Use LiveProcesses::use() const {
  const std::lock_guard lock(mutex_);
  Use all{.cpu_seconds = ended_seconds_};
  for (const int pid : pids_) {
    const ProcessUse use = use_of_process(pid);
    all.cpu_seconds += use.cpu_seconds;
    all.own_bytes += use.resident_bytes - std::min(use.resident_bytes, use.shared_bytes);
  }
  return all;
}

double LiveProcesses::ended_cpu_seconds() const {
  const std::lock_guard lock(mutex_);
  return ended_seconds_;
}

RunState::RunState(const RunOptions& run_options)
    : options(run_options),
      budget(run_options.memory_limit == 0 ? MemoryBudget::kUnlimited
                                           : static_cast<std::size_t>(run_options.memory_limit)),
      pool(budget, kIdleBytesOfRun),
      batch_size(std::max<std::size_t>(1, run_options.batch_size)),
      started_ns(now_ns()) {
  rejects.limit = run_options.max_errors;
}

RunState::~RunState() = default;

void RunState::pass_checkpoint(WorkerClock& clock) {
  if (checkpoints != nullptr) checkpoints->pass(clock);
}

void RunState::fail(Error error) {
  {
    const std::lock_guard lock(mutex_);
    if (!error_ && !cancelled()) error_ = std::move(error);
  }
  cancel();
}

void RunState::cancel() {
  stop.request(StopSignal::State::kCancel);
  for (const auto& channel : channels) channel->cancel();
  for (const auto& wait : waits) wait->cancel();
}

StopSignal::State RunState::poll_stop() {
  // Whoever was left behind comes by here too, when options.stop may be gone.
  if (cancelled()) return StopSignal::State::kCancel;
  if (options.stop != nullptr && options.stop->state() > stop.state()) {
    if (options.stop->state() == StopSignal::State::kCancel) {
      cancel();
    } else {
      stop.request(options.stop->state());
    }
  }
  return stop.state();
}

void RunState::wait_for_memory() {
  if (options.memory_limit == 0) return;
  const auto in_flight = [this] {
    return batches_in_hands.load(std::memory_order_relaxed) > 0 ||
           std::any_of(channels.begin(), channels.end(), [](const auto& channel) { return channel->size() > 0; });
  };
  while (budget.exceeded() && in_flight() && poll_stop() != StopSignal::State::kCancel)
    std::this_thread::sleep_for(kMemoryPoll);
}

std::optional<Error> RunState::first_error() {
  const std::lock_guard lock(mutex_);
  return error_;
}

}  // namespace penstock
