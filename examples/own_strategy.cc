// SPDX-License-Identifier: MIT
// The program penstock with a strategy of its own, which stands in own_strategy/pairs.cc. Called with arguments it is
// the whole program: `example_own_strategy run FILE --strategy pairs`, `... bench quick --strategies serial,pairs`.
#include <penstock/main.h>
#include <penstock/stream.h>

#include <cstdio>

namespace ps = penstock;

int main(int argc, char** argv) {
  if (argc > 1) return ps::run_main(argc, argv);

  std::vector<std::uint64_t> odd_squares;
  const ps::Pipeline pipeline = ps::range(0, 10)
                                    .map([](std::uint64_t n) { return n * n; }, {.name = "square"})
                                    .filter([](std::uint64_t n) { return n % 2 == 1; }, {.name = "odd"})
                                    .collect(odd_squares);
  const ps::Result<ps::Report> report = pipeline.run(ps::Strategy{"pairs"});
  if (!report) {
    std::fprintf(stderr, "%s\n", report.error().to_text().c_str());
    return 1;
  }
  for (const ps::PlanSegment& segment : report->plan.segments) {
    std::printf("a thread for");
    for (const std::size_t step : segment.steps) std::printf(" %s", report->plan.steps[step].name.c_str());
    std::printf("\n");
  }
  for (const std::uint64_t n : odd_squares) std::printf("%d ", static_cast<int>(n));
  std::printf("\n");
}
