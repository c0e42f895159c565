// SPDX-License-Identifier: MIT
// Two writers of one file would lose each other's rows; a pipeline in which that can happen is refused before it runs.
#pragma once

#include <penstock/pipeline.h>

namespace penstock {

/// kInvalidArgument when two sinks of the registry, or a sink and a quarantine file, or a quarantine file and an input
/// have the same path, however it is spelled; links are followed. Devices may be shared.
Status check_output_paths(const Pipeline& pipeline, const RunOptions& options);

}  // namespace penstock
