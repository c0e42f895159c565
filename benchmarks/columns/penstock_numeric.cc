// SPDX-License-Identifier: MIT
// The steps of the operator numeric, as it runs them: over chunks of a batch, into a fresh column.
#include "operators/etl/numeric_steps.h"
#include "workload.h"

namespace penstock::benchmark {
namespace {

const NumericStep kScale = {.map = &LaneKernels::affine, .a = 1.5, .b = 2.0};
const NumericStep kRoot = {.map = &LaneKernels::square_root};
const NumericStep kLogarithm = {.map = &LaneKernels::log1p};
const NumericStep kByY = {.kind = NumericStep::Kind::kCombine, .combine = &LaneKernels::divide, .other = 1};
const NumericStep kWindow = {.kind = NumericStep::Kind::kMoving, .moving = MovingWindow::Kind::kMean, .window = 64};

Outcome apply(std::uint64_t records, std::vector<NumericStep> steps, const RecordBatch& batch, const LaneKernels& with,
              bool digested = true) {
  NumericSteps numeric(steps, with);
  static BufferPool pool(MemoryBudget(), std::size_t{256} << 20);  // of the warm-up, too
  Column column;
  for (std::uint64_t done = 0; done < records; done += batch.num_rows()) {
    column = {};  // its buffer goes back to the pool and is taken again
    column = numeric.apply(batch, 0, pool);
  }
  return {.result = digested ? digest(column.float64s().data(), column.size()) : 0};
}

std::vector<NumericStep> five_steps() {
  return {{.map = &LaneKernels::standardize, .a = 3906, .b = 2255},
          {.map = &LaneKernels::affine, .a = 0.25, .b = 1},
          {.kind = NumericStep::Kind::kCombine, .combine = &LaneKernels::multiply, .other = 1},
          {.map = &LaneKernels::clamp, .a = 0, .b = 8000},
          {.map = &LaneKernels::square_root}};
}

template <std::size_t kRows>
Outcome affine(std::uint64_t records) {
  return apply(records, {kScale}, numbers<kRows>(), lane_kernels());
}
template <std::size_t kRows>
Outcome square_root(std::uint64_t records) {
  return apply(records, {kRoot}, numbers<kRows>(), lane_kernels());
}
template <std::size_t kRows>
Outcome quotient(std::uint64_t records) {
  return apply(records, {kByY}, numbers<kRows>(), lane_kernels());
}
template <std::size_t kRows>
Outcome logarithm(std::uint64_t records) {
  return apply(records, {kLogarithm}, numbers<kRows>(), lane_kernels(), false);
}
template <std::size_t kRows>
Outcome plain_logarithm(std::uint64_t records) {
  return apply(records, {kLogarithm}, numbers<kRows>(), plain_lane_kernels(), false);
}
template <std::size_t kRows>
Outcome five(std::uint64_t records) {
  return apply(records, five_steps(), numbers<kRows>(), lane_kernels());
}
template <std::size_t kRows>
Outcome plain_five(std::uint64_t records) {
  return apply(records, five_steps(), numbers<kRows>(), plain_lane_kernels());
}
Outcome moving(std::uint64_t records) { return apply(records, {kWindow}, numbers<kLargeRows>(), lane_kernels()); }
Outcome plain_moving(std::uint64_t records) {
  return apply(records, {kWindow}, numbers<kLargeRows>(), plain_lane_kernels());
}

const Register kContenders{{
    {"affine, cache", "Penstock: numeric", affine<kSmallRows>},
    {"affine, memory", "Penstock: numeric", affine<kLargeRows>},
    {"sqrt, cache", "Penstock: numeric", square_root<kSmallRows>},
    {"sqrt, memory", "Penstock: numeric", square_root<kLargeRows>},
    {"x / y, cache", "Penstock: numeric", quotient<kSmallRows>},
    {"x / y, memory", "Penstock: numeric", quotient<kLargeRows>},
    {"log1p, cache", "Penstock: numeric", logarithm<kSmallRows>},
    {"log1p, cache", "Penstock: numeric, plain loops", plain_logarithm<kSmallRows>},
    {"log1p, memory", "Penstock: numeric", logarithm<kLargeRows>},
    {"five steps, cache", "Penstock: numeric", five<kSmallRows>},
    {"five steps, cache", "Penstock: numeric, plain loops", plain_five<kSmallRows>},
    {"five steps, memory", "Penstock: numeric", five<kLargeRows>},
    {"moving mean of 64 rows, memory", "Penstock: numeric, plain loops", plain_moving, true},
    {"moving mean of 64 rows, memory", "Penstock: numeric", moving},
}};

}  // namespace
}  // namespace penstock::benchmark
