// SPDX-License-Identifier: MIT
// What every contender does: a JPEG in memory becomes f32 [3, 224, 224], stretched, normalised as ImageNet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace penstock::benchmark {

inline constexpr std::size_t kSide = 224;
inline constexpr std::size_t kTensor = 3 * kSide * kSide;

using File = std::vector<std::uint8_t>;

/// Writes the tensor, kTensor floats; a floor writes nothing. Called from several threads at once.
using Prepare = void (*)(std::span<const std::uint8_t> file, float* tensor);

struct ImageContender {
  std::string name;
  Prepare prepare;
  bool is_floor = false;  ///< What cannot be done without: the others' rates are given as parts of it.
};

/// Adds contenders before `main` starts; one object with static storage duration per file.
struct RegisterImages {
  RegisterImages(std::vector<ImageContender> contenders);
};

}  // namespace penstock::benchmark
