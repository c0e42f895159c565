// SPDX-License-Identifier: MIT
// Pipelines made by chance: every seed is another one, as a pipeline file that can be run by itself.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::conformance {

/// Writes what random pipelines read: mixed.csv, mixed.jsonl and names.csv, with awkward values and broken records.
void write_random_inputs(const std::string& folder);

struct RandomPipeline {
  std::string toml;
  /// False where how much is read depends on the batch size: an early end beside another branch.
  bool equal_counts = true;
};

/// Returns the pipeline of `seed`: a source, up to six operators per branch, up to three branches, sinks into
/// {artifacts}. Always valid; it may end with an error.
RandomPipeline random_pipeline(std::uint64_t seed, const std::string& inputs);

}  // namespace penstock::conformance
