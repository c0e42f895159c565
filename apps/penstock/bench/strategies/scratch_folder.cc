// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/scratch_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <filesystem>

#include "platform/file.h"

namespace penstock::app::bench {

Result<ScratchFolder> ScratchFolder::make() {
  std::error_code problem;
  std::string path = (std::filesystem::temp_directory_path(problem) / "penstock_bench_XXXXXX").string();
  if (problem || ::mkdtemp(path.data()) == nullptr) {
    return Error(file_error(problem ? problem.value() : errno, "make a temporary folder", path))
        .hint("set TMPDIR to a folder with room");
  }
  return ScratchFolder(std::move(path));
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace penstock::app::bench
