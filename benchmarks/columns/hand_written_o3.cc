// SPDX-License-Identifier: MIT
#include "workload.h"

namespace penstock::benchmark {
namespace {

constexpr std::uint64_t kLogarithmResult = 0;
#include "hand_written.inc"

const Register kContenders{{
    {"affine, cache", "by hand: a loop, -O3", affine<kSmallRows>},
    {"affine, memory", "by hand: a loop, -O3", affine<kLargeRows>},
    {"sqrt, cache", "by hand: a loop, -O3", square_root<kSmallRows>},
    {"sqrt, memory", "by hand: a loop, -O3", square_root<kLargeRows>},
    {"x / y, cache", "by hand: a loop, -O3", quotient<kSmallRows>},
    {"x / y, memory", "by hand: a loop, -O3", quotient<kLargeRows>},
    {"log1p, cache", "by hand: a loop, -O3", logarithm<kSmallRows>},
    {"log1p, memory", "by hand: a loop, -O3", logarithm<kLargeRows>},
    {"five steps, cache", "by hand: one loop, -O3", five_steps<kSmallRows>},
    {"five steps, memory", "by hand: one loop, -O3", five_steps<kLargeRows>},
    {"memory bandwidth", "by hand: memcpy, 16 bytes per value", copy<kLargeRows>, true},
    {"memory bandwidth", "by hand: triad x + 3 y, 24 bytes per value, -O3", triad<kLargeRows>},
}};

}  // namespace
}  // namespace penstock::benchmark
