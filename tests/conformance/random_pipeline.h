// SPDX-License-Identifier: MIT
// Pipelines made by chance: every seed is another one, as a pipeline file that can be run by itself.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::conformance {

/// Writes what random pipelines read: mixed.csv, mixed.jsonl and names.csv, with awkward values and broken records.
void write_random_inputs(const std::string& folder);

/// Returns the pipeline file of `seed`: a source, up to six operators per branch, up to three branches, sinks into
/// {artifacts}. Always valid; it may end with an error.
std::string random_pipeline(std::uint64_t seed, const std::string& inputs);

}  // namespace penstock::conformance
