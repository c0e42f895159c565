// SPDX-License-Identifier: MIT
#include "operators/io/input_files.h"

#include <fmt/format.h>

#include "platform/file.h"

namespace penstock {

OptionInfo input_path_option() {
  return {.name = "path",
          .kind = OptionKind::kTexts,
          .doc =
              "File to read, a list of files, or globs, in which \"**\" stands for any folders. Gzip and zstd are "
              "recognised by content. Several files are read one after the other, the matches of a glob in byte order "
              "of their paths. \"tcp://HOST:PORT\" is connected to and read until the other side closes.",
          .required = true,
          .example = "\"logs/*.log.gz\""};
}

Result<std::vector<std::string>> input_files(const Options& options) {
  std::vector<std::string> files;
  for (const std::string& pattern : options.texts("path")) {
    Result<std::vector<std::string>> found = expand_glob(pattern);
    if (!found) return Error(std::move(found).error()).at(options.place("path").to_text());
    files.insert(files.end(), found->begin(), found->end());
  }
  if (!files.empty()) return files;
  return Error(ErrorCode::kInvalidArgument, "option \"path\" names no file")
      .at(options.place("path").to_text())
      .hint("give at least one file, for instance path = \"data.txt\"");
}

std::string note_on_files(std::size_t count) { return count == 1 ? std::string() : fmt::format("{} files", count); }

}  // namespace penstock
