// SPDX-License-Identifier: MIT
// Which files are images, going by names only: in folders, by globs, in lists.
#pragma once

#include <penstock/operator.h>

#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// The ends of names of images, as a value for options: jpg, jpeg, png …
OptionValue image_extensions();

/// Whether a name ends with a dot and one of `extensions` (small letters), whatever its case; with none of them always.
bool has_extension(std::string_view name, const std::vector<std::string>& extensions);

/// Returns the files in `folder` and in the folders below it that are not hidden and whose names end with one of
/// `extensions` (small letters, without the dot; none: all), in byte order of their paths. Links are followed; a folder
/// that was met on the way from the top is not entered again, so a loop of links ends. Errors: what cannot be read.
Result<std::vector<std::string>> images_in_folder(const std::string& folder,
                                                  const std::vector<std::string>& extensions);

/// Files that `paths` name, in their order: a folder stands for what images_in_folder finds, a glob for its matches.
Result<std::vector<std::string>> image_files(const std::vector<std::string>& paths,
                                             const std::vector<std::string>& extensions);

/// The paths in a text file, one per line; empty lines are skipped.
Result<std::vector<std::string>> paths_in_list(const std::string& list);

}  // namespace penstock
