// SPDX-License-Identifier: MIT
// SHA-256 of texts and files, as 64 hexadecimal digits.
#pragma once

#include <penstock/result.h>

#include <string>
#include <string_view>

namespace penstock {

class File;

/// Returns the SHA-256 (FIPS 180-4) of `bytes`.
std::string sha256(std::string_view bytes);
/// Returns the SHA-256 of a file's content, read in blocks. Cost: one pass over the file.
Result<std::string> sha256_of_file(const std::string& path);
/// The same of an open file, from where it is read next.
Result<std::string> sha256_of_file(File& file);

}  // namespace penstock
