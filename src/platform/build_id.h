// SPDX-License-Identifier: MIT
// Which code runs: the linker's digests of the program and of what it has loaded.
#pragma once

#include <string>

namespace penstock {

/// Returns the GNU build ids of the program and of loaded libraries outside of the system's folders, "NAME=HEX
/// NAME=HEX", in the order in which they were loaded. One that has no build id stands with "none". Looked up once.
const std::string& code_identity();

/// The path of the running program.
std::string program_path();

}  // namespace penstock
