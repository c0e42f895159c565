// SPDX-License-Identifier: MIT
// The pipelines that every strategy must run to the same bytes. A new one is one more entry of the table.
#pragma once

#include <penstock/pipeline.h>

#include <functional>
#include <string>
#include <vector>

namespace penstock::conformance {

/// Where a pipeline reads and writes.
struct Folders {
  std::string in;
  std::string out;
};

/// One or more pipelines that run one after the other.
struct SamplePipeline {
  std::string name;
  std::function<Result<std::vector<Pipeline>>(const Folders&)> make;
  /// True when it ends before its input does: how much was read until then depends on the batch size.
  bool ends_early = false;
  /// A file below `out` that a run which fails leaves there: a store of vectors, whose rows are not taken back.
  std::string stays = {};
};

std::vector<SamplePipeline> sample_pipelines();

/// Writes what the pipelines read: orders.csv, lines.txt, events.jsonl, packages.txt, good and bad records in each.
void write_sample_inputs(const std::string& folder);

}  // namespace penstock::conformance
