// SPDX-License-Identifier: MIT
// A file that a stage left behind in its run.
#pragma once

#include <cstdint>
#include <string>

namespace penstock {

struct Artifact {
  std::string name;  ///< Relative to the artifacts folder: "clean.csv", "parts/0.csv".
  std::string path;  ///< Relative to the run's folder: "clean/artifacts/clean.csv".
  std::string type;  ///< Media type by the name's ending.
  std::uint64_t size_bytes = 0;
  std::string sha256;  ///< 64 hexadecimal digits.
};

}  // namespace penstock
