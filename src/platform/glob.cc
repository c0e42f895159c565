// SPDX-License-Identifier: MIT
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "platform/file.h"

namespace penstock {
namespace {

struct Matches {
  glob_t found = {};
  ~Matches() { ::globfree(&found); }
};

}  // namespace

bool has_glob(std::string_view path) noexcept { return path.find_first_of("*?[") != std::string_view::npos; }

Result<std::vector<std::string>> expand_glob(const std::string& pattern) {
  struct stat info;
  if (!has_glob(pattern) || ::stat(pattern.c_str(), &info) == 0) return std::vector<std::string>{pattern};
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
  if (paths.empty()) {
    return Error(ErrorCode::kNotFound, "no file matches " + pattern)
        .hint("check the folder and the pattern; '*' does not cross '/' and skips names that start with a dot");
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace penstock
