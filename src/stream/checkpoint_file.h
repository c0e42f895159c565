// SPDX-License-Identifier: MIT
// A checkpoint on the disk: NUMBER.json, as docs/schemas/checkpoint.schema.json says, and the states in NUMBER.state.
#pragma once

#include <penstock/run.h>

#include <string>
#include <utility>
#include <vector>

namespace penstock {

/// Where a run was between two batches.
struct Checkpoint {
  struct Step {
    std::string name;
    std::string op;
    std::uint64_t records_in = 0;
    std::uint64_t records_out = 0;
    std::uint64_t records_rejected = 0;
    std::uint64_t batches = 0;
    std::string rejects;              ///< State of what it rejected.
    std::vector<std::string> states;  ///< Of its operator: one for each worker that has one.
  };

  std::uint64_t number = 0;  ///< From 1; a run that goes on counts on.
  std::string pipeline;
  std::vector<std::pair<std::string, std::string>> identity;  ///< What must be the same to go on.
  std::uint64_t records_read = 0;
  SourceProgress source;
  std::vector<Step> steps;
  std::vector<std::string> files;  ///< That go with the states: half-written outputs.
  std::string path = {};           ///< Of its .json, when it was read.
};

/// Writes a checkpoint into `folder`, which is there: after a return without error it outlives the machine.
Status write_checkpoint(const Checkpoint& checkpoint, const std::string& folder);

/// Reads a checkpoint; kDataLoss when it is not as it was written.
Result<Checkpoint> read_checkpoint(const std::string& path);

/// Returns the .json files in `folder`, the newest first; none when it is not there.
std::vector<std::string> list_checkpoints(const std::string& folder);

/// Removes one with all that belongs to it but its files.
void remove_checkpoint(const std::string& folder, std::uint64_t number) noexcept;

/// Removes all checkpoints of `folder`, and the half-written outputs that go with them.
void remove_checkpoints(const std::string& folder) noexcept;

}  // namespace penstock
