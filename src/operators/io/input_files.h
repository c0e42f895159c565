// SPDX-License-Identifier: MIT
// The option `path` of readers: one file, several, or globs.
#pragma once

#include <penstock/operator.h>

namespace penstock {

/// The option `path`, required.
OptionInfo input_path_option();

/// Returns the files that the option `path` names: its texts in their order, the matches of a glob in byte order. At
/// least one.
Result<std::vector<std::string>> input_files(const Options& options);

/// Returns "3 files" for a note, or an empty text for one.
std::string note_on_files(std::size_t count);

}  // namespace penstock
