// SPDX-License-Identifier: MIT
// Penstock, and the floor below it: its own decoder alone at the scale that each quality decodes at.
#include "image/decode.h"
#include "image/normalize.h"
#include "image/resize.h"
#include "workload.h"

namespace penstock::benchmark {
namespace {

// What a worker keeps from picture to picture.
struct Worker {
  std::vector<std::uint8_t> pixels;
  image::Resizer resizer{image::ResizeOptions{{kSide, kSide}}};
  image::Normalizer normalizer{image::NormalizeOptions{}};
};

image::Decoded decode_into(Worker& worker, std::span<const std::uint8_t> file, image::Quality quality) {
  image::DecodeOptions options;
  options.quality = quality;
  options.reduce_to = {kSide, kSide};
  const auto decoded = image::decode(file, options, [&](image::Size size) -> Result<std::uint8_t*> {
    worker.pixels.resize(std::size_t{3} * size.height * size.width);
    return worker.pixels.data();
  });
  return decoded.value();
}

Worker& this_worker() {
  static thread_local Worker worker;
  return worker;
}

template <image::Quality quality>
void decode_only(std::span<const std::uint8_t> file, float*) {
  decode_into(this_worker(), file, quality);
}

template <image::Quality quality>
void prepare(std::span<const std::uint8_t> file, float* tensor) {
  Worker& worker = this_worker();
  const image::Decoded decoded = decode_into(worker, file, quality);
  image::resize_and_normalize(worker.resizer, worker.normalizer, {worker.pixels.data(), decoded.size, 3, decoded.cover},
                              reinterpret_cast<std::byte*>(tensor));
}

const RegisterImages kRegister({
    {"penstock: high", prepare<image::Quality::kHigh>},
    {"penstock: fast", prepare<image::Quality::kFast>},
    {"penstock: exact", prepare<image::Quality::kExact>},
    {"penstock: decoding alone, high", decode_only<image::Quality::kHigh>, true},
    {"penstock: decoding alone, fast", decode_only<image::Quality::kFast>, true},
});

}  // namespace
}  // namespace penstock::benchmark
