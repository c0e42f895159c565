// SPDX-License-Identifier: MIT
// How far a file was written, in the state of a sink: see docs/decisions/0014-stream-checkpoints.md.
#pragma once

#include <penstock/operator.h>

#include <string>

#include "platform/file.h"

namespace penstock {

/// Writes down how much of a file was written, all of which is with the system.
Status save_output(StateWriter& to, const AtomicFile& file);

/// What save_output wrote down, for AtomicFile::go_on.
struct WrittenOutput {
  std::string temporary;
  std::uint64_t size_bytes = 0;
};
WrittenOutput written_output(StateReader& from);

/// Goes on with it as `path`.
Result<AtomicFile> restore_output(StateReader& from, const std::string& path, const AtomicFile::Options& options);

}  // namespace penstock
