// SPDX-License-Identifier: MIT
#include "stream/segment.h"

namespace penstock {

Runner& Segment::add(std::unique_ptr<Runner> runner) {
  runners_.push_back(std::move(runner));
  return *runners_.back();
}

void Segment::work() noexcept {
  clock.set({});
  if (open_all()) {
    if (input_ != nullptr) {
      pull_from_channel();
    } else {
      run_sources();
    }
  }
  if (input_ != nullptr) input_->stop_consuming();
  for (const auto& runner : runners_) runner->close_channels();
  clock.set({nullptr, clock.step(), Activity::kEnded});
}

bool Segment::open_all() {
  for (const auto& runner : runners_) {
    if (run_->cancelled()) return false;
    Status status = runner->open(0);
    if (status) continue;
    run_->fail(std::move(status).error());
    return false;
  }
  return true;
}

void Segment::pull_from_channel() {
  Runner& head = *runners_.front();
  Batch batch;
  for (;;) {
    const WorkerClock::Mark before = clock.set(head.mark(Activity::kWaitingForInput));
    const bool more = input_->pop(batch);
    clock.set(before);
    if (!more) break;
    head.consume(std::move(batch));
    if (run_->cancelled() || head.refuses()) break;
  }
  head.finish();
}

void Segment::run_sources() {
  for (const auto& runner : runners_) {
    if (!runner->steps().front()->step->is_source()) continue;
    while (run_->poll_stop() == StopSignal::State::kRun && !runner->done()) {
      if (run_->options.memory_limit != 0) run_->wait_for_memory();
      if (!runner->produce()) break;
    }
    runner->finish();
  }
}

}  // namespace penstock
