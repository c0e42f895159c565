// SPDX-License-Identifier: MIT
// What is in a tar file, and where: a member's bytes can then be read in place, by whoever needs them.
#pragma once

#include <penstock/result.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "platform/file.h"

namespace penstock {

/// A regular file in a tar file.
struct TarMember {
  std::string name;
  std::uint64_t offset = 0;  ///< Of its first byte in the tar file.
  std::uint64_t bytes = 0;
};

/// Walks through an uncompressed tar file (ustar, pax, GNU), looking at headers only. Used by one thread.
class TarMembers {
 public:
  /// Errors: what keeps the file from being read; kUnsupported in a build without libarchive.
  static Result<TarMembers> open(const std::string& path);

  /// The next regular file; nothing at the end. Folders, links and the like are passed over. Errors: kDataLoss when the
  /// tar file is damaged or cut short; kUnsupported for a sparse member.
  Result<std::optional<TarMember>> next();
  /// The bytes of a member. Valid as long as this object.
  std::string_view bytes_of(const TarMember& member) const { return file_.bytes().substr(member.offset, member.bytes); }

 private:
  struct Close {
    void operator()(void* archive) const noexcept;
  };
  TarMembers(std::string path, MappedFile file) : path_(std::move(path)), file_(std::move(file)) {}
  Error damaged(const std::string& why) const;

  std::string path_;
  MappedFile file_;
  std::unique_ptr<void, Close> archive_;
  bool ended_ = false;
};

}  // namespace penstock
