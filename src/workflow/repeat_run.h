// SPDX-License-Identifier: MIT
// A run in which nothing is to be done, without reading its file.
#pragma once

#include <penstock/pipeline_file.h>

#include <cstdint>
#include <optional>
#include <string>

namespace penstock {

struct RepeatedRun {
  std::string id;
  std::string path;
  std::string of;            ///< The run that it repeats.
  std::uint64_t stages = 0;  ///< All of which are kept.
};

/// When `options.request` was asked for before, and all that the run looked at then is as it was, makes a run that
/// repeats it; else nothing, and the file is to be run. Errors: what writing to the store met.
Result<std::optional<RepeatedRun>> repeat_run(const FileRunOptions& options);

}  // namespace penstock
