// SPDX-License-Identifier: MIT
#include "workload.h"

namespace penstock::benchmark {
namespace {

constexpr std::uint64_t kLogarithmResult = 0;
#include "hand_written.inc"

const Register kContenders{{
    {"affine, cache", "by hand: a loop, -O2", affine<kSmallRows>, true},
    {"affine, memory", "by hand: a loop, -O2", affine<kLargeRows>, true},
    {"sqrt, cache", "by hand: a loop, -O2", square_root<kSmallRows>, true},
    {"sqrt, memory", "by hand: a loop, -O2", square_root<kLargeRows>, true},
    {"x / y, cache", "by hand: a loop, -O2", quotient<kSmallRows>, true},
    {"x / y, memory", "by hand: a loop, -O2", quotient<kLargeRows>, true},
    {"log1p, cache", "by hand: a loop, -O2", logarithm<kSmallRows>, true},
    {"log1p, memory", "by hand: a loop, -O2", logarithm<kLargeRows>, true},
    {"five steps, cache", "by hand: one loop, -O2", five_steps<kSmallRows>, true},
    {"five steps, memory", "by hand: one loop, -O2", five_steps<kLargeRows>, true},
}};

}  // namespace
}  // namespace penstock::benchmark
