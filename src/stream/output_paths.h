// SPDX-License-Identifier: MIT
// Two writers of one file would lose each other's rows, and a writer of an input would replace what is read; a pipeline
// in which that can happen is refused before it runs.
#pragma once

#include <penstock/pipeline.h>

#include <string>
#include <vector>

namespace penstock {

/// A file that a run writes.
struct OutputPath {
  std::string path;
  std::string step;
  const char* as = "output";  ///< Or "quarantine".
  Place place;                ///< Where the pipeline file says so.
};

/// The files that the sinks of the registry and the quarantines of `pipeline` write, those of sinks first.
std::vector<OutputPath> output_paths(const Pipeline& pipeline, const RunOptions& options);

/// The path with its links followed and without "." and ".."; what does not exist yet is taken as it is spelled.
std::string canonical_path(const std::string& path);

/// kInvalidArgument when two sinks of the registry, or a sink and a quarantine file, have the same path, or when one of
/// them is an input: the path of another operator, or one that its glob matches. However they are spelled; symbolic and
/// hard links are followed. Devices and pipes may be shared.
Status check_output_paths(const Pipeline& pipeline, const RunOptions& options);

/// The files that the operators of the registry in `pipeline` read by their option "path", globs expanded, and
/// other paths as they are, and the models of embed.onnx; in the order of the steps.
std::vector<std::string> input_paths(const Pipeline& pipeline);

}  // namespace penstock
