// SPDX-License-Identifier: MIT
// The loop that one would write, with the library's decoder and resizer; the same loop in two threads without order;
// and the streams of penstock::Preprocessor, which give tensors in the order of the images.
#include <atomic>
#include <cstring>
#include <thread>

#include "image/decode.h"
#include "image/normalize.h"
#include "image/resize.h"
#include "photographs.h"
#include "platform/file.h"
#include "timing.h"

namespace penstock::benchmark {
namespace {

using photographs::good;
using photographs::kSide;

constexpr std::size_t kTensor = std::size_t{3} * kSide * kSide;

// The same whatever comes first.
std::uint64_t digest(const std::byte* tensor) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kTensor * sizeof(float); i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, tensor + i, sizeof word);
    sum = sum * 31 + word;
  }
  return sum;
}

std::uint64_t make_tensors(std::atomic<std::uint64_t>& next, std::uint64_t count) {
  image::Resizer resizer{image::ResizeOptions{{kSide, kSide}}};
  image::Normalizer normalizer{image::NormalizeOptions{}};
  image::DecodeOptions options;
  options.reduce_to = {kSide, kSide};
  std::vector<std::uint8_t> pixels;
  std::vector<float> tensor(kTensor);
  std::uint64_t sum = 0;
  for (std::uint64_t image = next++; image < count; image = next++) {
    const std::string file = good(read_file(photographs::path_of(image)));
    const auto decoded = good(image::decode({reinterpret_cast<const std::uint8_t*>(file.data()), file.size()}, options,
                                            [&](image::Size size) -> Result<std::uint8_t*> {
                                              pixels.resize(std::size_t{3} * size.height * size.width);
                                              return pixels.data();
                                            }));
    image::resize_and_normalize(resizer, normalizer, {pixels.data(), decoded.size, 3, decoded.cover},
                                reinterpret_cast<std::byte*>(tensor.data()));
    sum += digest(reinterpret_cast<const std::byte*>(tensor.data()));
  }
  return sum;
}

template <int kThreads>
Outcome loop(std::uint64_t count) {
  std::atomic<std::uint64_t> next = 0;
  std::atomic<std::uint64_t> sum = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back([&] { sum += make_tensors(next, count); });
  }
  return {.result = sum};
}

Outcome stream(std::uint64_t count, Strategy strategy) {
  const Preprocessor preprocessor(photographs::options(strategy));
  auto tensors = preprocessor.stream(std::make_shared<photographs::Feed>(count));
  std::uint64_t sum = 0;
  while (const auto batch = good(tensors.next())) {
    for (std::size_t i = 0; i < batch->ids.size(); ++i)
      sum += digest(batch->values.data() + i * kTensor * sizeof(float));
  }
  return {.result = sum};
}

Outcome serially(std::uint64_t count) { return stream(count, serial); }
Outcome in_threads(std::uint64_t count) { return stream(count, parallel(2)); }
Outcome in_processes(std::uint64_t count) { return stream(count, processes(2)); }

std::vector<Contender> contenders(const std::string& group, std::uint64_t images) {
  return {{group, "loop: one thread", loop<1>, true, images},
          {group, "loop: two threads, no order", loop<2>, false, images},
          {group, "Penstock: serial", serially, false, images},
          {group, "Penstock: parallel", in_threads, false, images},
          {group, "Penstock: processes", in_processes, false, images}};
}

const Register kFew(contenders("a: few images", 2'000));
const Register kMany(contenders("b: ten times as many", 20'000));

}  // namespace
}  // namespace penstock::benchmark
