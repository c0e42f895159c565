// SPDX-License-Identifier: MIT
// Files in folders that nobody looks into yet.
#pragma once

#include <penstock/result.h>

#include <string>
#include <string_view>

namespace penstock {

/// Writes a file that is not there yet, in a folder that nobody looks into before it gets its name: so nothing is
/// written beside it. With `durable` its bytes are on the disk when the call returns.
Status write_new_file(const std::string& path, std::string_view bytes, bool durable = false);

}  // namespace penstock
