// SPDX-License-Identifier: MIT
// How many rows a chunk should have, and whether fetching the chunk after next helps: five steps over columns in
// memory.
#include "data/lanes.h"
#include "workload.h"

namespace penstock::benchmark {
namespace {

void five_steps(const LaneKernels& loops, const double* x, const double* y, double* out, std::size_t count) {
  loops.standardize(x, out, count, 3906, 2255);
  loops.affine(out, out, count, 0.25, 1);
  loops.multiply(out, y, out, count);
  loops.clamp(out, out, count, 0, 8000);
  loops.square_root(out, out, count, 0, 0);
}

void fetch(const double* from, std::size_t count) {
  constexpr std::size_t kLine = 8;
  for (std::size_t i = 0; i < count; i += kLine) __builtin_prefetch(from + i);
}

/// `kAhead`: how many rows before their turn rows are fetched; 0: the processor does it by itself.
template <std::size_t kChunk, std::size_t kAhead>
Outcome in_chunks(std::uint64_t records) {
  const LaneKernels& loops = lane_kernels();
  return repeat<kLargeRows>(records, [&loops](const double* x, const double* y, double* out) {
    for (std::size_t first = 0; first < kLargeRows; first += kChunk) {
      if (kAhead != 0 && first + kAhead + kChunk <= kLargeRows) {
        fetch(x + first + kAhead, kChunk);
        fetch(y + first + kAhead, kChunk);
      }
      five_steps(loops, x + first, y + first, out + first, kChunk);
    }
  });
}

const Register kContenders{{
    {"rows per chunk", "128", in_chunks<128, 0>},
    {"rows per chunk", "256", in_chunks<256, 0>},
    {"rows per chunk", "512", in_chunks<512, 0>},
    {"rows per chunk", "1024", in_chunks<1024, 0>, true},
    {"rows per chunk", "2048", in_chunks<2048, 0>},
    {"rows per chunk", "4096", in_chunks<4096, 0>},
    {"rows per chunk", "16384", in_chunks<16384, 0>},
    {"rows per chunk", "65536", in_chunks<65536, 0>},
    {"rows per chunk", "all: a pass per step", in_chunks<kLargeRows, 0>},
    {"fetch ahead, chunks of 1024", "never", in_chunks<1024, 0>, true},
    {"fetch ahead, chunks of 1024", "1024 rows", in_chunks<1024, 1024>},
    {"fetch ahead, chunks of 1024", "2048 rows", in_chunks<1024, 2048>},
    {"fetch ahead, chunks of 1024", "4096 rows", in_chunks<1024, 4096>},
    {"fetch ahead, chunks of 256", "never", in_chunks<256, 0>, true},
    {"fetch ahead, chunks of 256", "256 rows", in_chunks<256, 256>},
    {"fetch ahead, chunks of 256", "512 rows", in_chunks<256, 512>},
    {"fetch ahead, chunks of 256", "1024 rows", in_chunks<256, 1024>},
}};

}  // namespace
}  // namespace penstock::benchmark
