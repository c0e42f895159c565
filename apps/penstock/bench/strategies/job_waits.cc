// SPDX-License-Identifier: MIT
// Waits as for a disk or a network: 1 ms for each record, in which the processor has nothing to do.
#include <penstock/stream.h>

#include <chrono>
#include <thread>

#include "apps/penstock/bench/strategies/job.h"

namespace penstock::app::bench {
namespace {

std::uint64_t ask_and_wait(std::uint64_t question) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return question * 3 + 1;
}

Pipeline waits_pipeline(const JobInput& input, Answer& answer) {
  Answer::Part* const part = &answer.part(0);
  const auto add = [part](const std::uint64_t& value) {
    part->add(value);
    part->end_record();
  };
  return range(0, input.size).map(ask_and_wait, {.name = "ask", .stateless = true}).for_each(add, {.name = "answer"});
}

Status naive_waits(const JobInput& input, Answer& answer) {
  std::vector<std::uint64_t> answers;
  for (std::uint64_t i = 0; i < input.size; ++i) answers.push_back(ask_and_wait(i));
  for (const std::uint64_t each : answers) {
    answer.part(0).add(each);
    answer.part(0).end_record();
  }
  return {};
}

}  // namespace

Job waits_job() {
  return {.name = "waits",
          .what = "I/O-bound waits: 1 ms for each record, in batches of 4.",
          .unit = "records",
          .quick_size = 200,
          .full_sizes = {1000},
          .batch_size = 4,
          .workers = 16,
          .pipeline = waits_pipeline,
          .naive = naive_waits};
}

}  // namespace penstock::app::bench
