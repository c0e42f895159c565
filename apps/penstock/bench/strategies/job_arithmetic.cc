// SPDX-License-Identifier: MIT
// Arithmetic that keeps the processor busy: two steps of about 100 ns per record on numbers.
#include <penstock/stream.h>

#include "apps/penstock/bench/strategies/job.h"

namespace penstock::app::bench {
namespace {

// Dependent multiplications, so that nothing but the speed of the core counts.
template <std::uint64_t kFactor>
std::uint64_t stir(std::uint64_t value) {
  for (int round = 0; round < 64; ++round) {
    value = (value ^ value >> 31) * kFactor + 1;
  }
  return value;
}
constexpr std::uint64_t kOneFactor = 0xBF58476D1CE4E5B9;
constexpr std::uint64_t kOtherFactor = 0x94D049BB133111EB;

Pipeline arithmetic_pipeline(const JobInput& input, Answer& answer) {
  Answer::Part* const part = &answer.part(0);
  const auto add = [part](const std::uint64_t& value) {
    part->add(value);
    part->end_record();
  };
  return range(0, input.size)
      .map(stir<kOneFactor>, {.name = "stir", .stateless = true})
      .map(stir<kOtherFactor>, {.name = "stir again", .stateless = true})
      .for_each(add, {.name = "answer"});
}

Status naive_arithmetic(const JobInput& input, Answer& answer) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = 0; i < input.size; ++i) numbers.push_back(i);
  std::vector<std::uint64_t> stirred;
  for (const std::uint64_t each : numbers) stirred.push_back(stir<kOneFactor>(each));
  std::vector<std::uint64_t> stirred_again;
  for (const std::uint64_t each : stirred) stirred_again.push_back(stir<kOtherFactor>(each));
  for (const std::uint64_t each : stirred_again) {
    answer.part(0).add(each);
    answer.part(0).end_record();
  }
  return {};
}

}  // namespace

Job arithmetic_job() {
  return {.name = "arithmetic",
          .what = "CPU-bound arithmetic: two steps of 64 dependent multiplications per record.",
          .unit = "records",
          .quick_size = 1'000'000,
          .full_sizes = {2'000'000, 8'000'000},
          .pipeline = arithmetic_pipeline,
          .naive = naive_arithmetic};
}

}  // namespace penstock::app::bench
