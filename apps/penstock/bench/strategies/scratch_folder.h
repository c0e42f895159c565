// SPDX-License-Identifier: MIT
// A folder for the files that jobs read, removed with the object.
#pragma once

#include <penstock/result.h>

#include <string>

namespace penstock::app::bench {

class ScratchFolder {
 public:
  /// Makes one where temporary files go: $TMPDIR, or /tmp.
  static Result<ScratchFolder> make();
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();

  const std::string& path() const noexcept { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace penstock::app::bench
