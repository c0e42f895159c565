// SPDX-License-Identifier: MIT
#include "platform/glob.h"

#include <fnmatch.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "platform/file.h"

namespace penstock {
namespace {

struct Matches {
  glob_t found = {};
  ~Matches() { ::globfree(&found); }
};

constexpr std::string_view kAnyFolders = "**";

// Cuts "a/b/c" behind its first '/': returns "a", and leaves "b/c".
std::string_view take_part(std::string_view& path) noexcept {
  const std::size_t slash = path.find('/');
  const std::string_view part = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return part;
}

bool has_any_folders(std::string_view pattern) noexcept {
  while (!pattern.empty()) {
    if (take_part(pattern) == kAnyFolders) return true;
  }
  return false;
}

// Adds the files below `folder` ("" or ending in '/') that `pattern` stands for. Links to folders are not followed: a
// tree has no circles.
Status add_files_below(const std::string& folder, std::string_view pattern, std::vector<std::string>& files) {
  std::string_view rest = pattern;
  const std::string part(take_part(rest));
  if (!has_glob(part) && !rest.empty()) return add_files_below(folder + part + "/", rest, files);
  std::error_code error;
  std::filesystem::directory_iterator entries(folder.empty() ? "." : folder, error);
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) return {};
  if (error) return file_error(error.value(), "list", folder);
  if (part == kAnyFolders) PENSTOCK_TRY(add_files_below(folder, rest.empty() ? "*" : rest, files));
  for (; entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    std::error_code gone;  // what vanished meanwhile is no folder
    const bool is_folder = entries->is_directory(gone) && (part != kAnyFolders || !entries->is_symlink(gone));
    if (part == kAnyFolders) {
      if (is_folder && !name.starts_with('.')) PENSTOCK_TRY(add_files_below(folder + name + "/", pattern, files));
    } else if (::fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) == 0) {
      if (rest.empty() && !is_folder) files.push_back(folder + name);
      if (!rest.empty() && is_folder) PENSTOCK_TRY(add_files_below(folder + name + "/", rest, files));
    }
  }
  if (error) return file_error(error.value(), "list", folder);
  return {};
}

Error nothing_matches(const std::string& pattern) {
  return Error(ErrorCode::kNotFound, "no file matches " + pattern)
      .hint(
          "check the folder and the pattern; '*' does not cross '/', \"**\" stands for any folders, and both skip "
          "names that start with a dot");
}

Result<std::vector<std::string>> files_in_tree(const std::string& pattern) {
  std::vector<std::string> files;
  PENSTOCK_TRY(add_files_below("", pattern, files));
  if (files.empty()) return nothing_matches(pattern);
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view path) {
  if (pattern.empty() || path.empty()) return pattern.empty() && path.empty();
  std::string_view rest = pattern;
  const std::string part(take_part(rest));
  if (part == kAnyFolders) {
    if (rest.empty()) rest = "*";
    if (matches_glob(rest, path)) return true;
    std::string_view below = path;
    const std::string_view folder = take_part(below);
    return !folder.starts_with('.') && !below.empty() && matches_glob(pattern, below);
  }
  const std::string name(take_part(path));
  return ::fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) == 0 && matches_glob(rest, path);
}

bool has_glob(std::string_view path) noexcept { return path.find_first_of("*?[") != std::string_view::npos; }

Result<std::vector<std::string>> expand_glob(const std::string& pattern) {
  struct stat info;
  if (!has_glob(pattern) || ::stat(pattern.c_str(), &info) == 0) return std::vector<std::string>{pattern};
  if (has_any_folders(pattern)) return files_in_tree(pattern);
  Matches matches;
  const int answer = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &matches.found);
  if (answer == GLOB_NOSPACE) return file_error(ENOMEM, "list", pattern);
  if (answer == GLOB_ABORTED) return file_error(EIO, "list", pattern);
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < matches.found.gl_pathc; ++i) {
    const char* const path = matches.found.gl_pathv[i];
    if (::stat(path, &info) == 0 && S_ISDIR(info.st_mode)) continue;
    paths.emplace_back(path);
  }
  if (paths.empty()) return nothing_matches(pattern);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace penstock
