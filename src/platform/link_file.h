// SPDX-License-Identifier: MIT
// A second name, or a second file, with the same content.
#pragma once

#include <penstock/result.h>

#include <string>

namespace penstock {

/// Makes `to`, which must not exist, a file with the content of `from`, as cheaply as the file system allows: blocks
/// that both share until one changes (a reflink), else a second name of the same file (a hard link), else a copy. With
/// `kOwn` never a hard link, so that writing to one leaves the other alone.
enum class Sharing : unsigned char { kAny, kOwn };
Status link_file(const std::string& from, const std::string& to, Sharing sharing);

/// Takes the right to write from everybody, as far as modes do that.
Status make_read_only(const std::string& path);

/// Removes a folder and everything in it, never following a link. Not being there is fine.
Status remove_tree(const std::string& path);

}  // namespace penstock
