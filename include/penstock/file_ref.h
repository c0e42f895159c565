// SPDX-License-Identifier: MIT
// A file as the value of a stage: where it is, how large it is, and what is in it. Stages hand on references of what is
// too large to be a value.
#pragma once

#include <penstock/fields.h>
#include <penstock/result.h>

#include <cstdint>
#include <string>

namespace penstock {

/// A file by reference. A value; alone, or in a record, a vector or an optional, what a stage may return.
///
/// Of a local file a stage gives the path alone: size and digest are filled in when the value is written down, and the
/// file is read for that only if it has changed since its digest was last taken. What is behind another URI the library
/// never reads, so whoever makes such a reference says its digest. Before and after a function works with a reference
/// the file is compared with it (kDataLoss), and a kept result whose files have changed or gone is made again.
struct FileRef {
  std::string uri;              ///< A path, "file:///PATH", or a URI of another scheme: "s3://bucket/photo.jpg".
  std::int64_t size_bytes = 0;  ///< Of another scheme as its maker says.
  std::string sha256;           ///< 64 hexadecimal digits; empty: not known yet.
  PENSTOCK_FIELDS(uri, size_bytes, sha256)

  /// Whether it is a file of this machine, as far as the URI tells.
  bool is_local() const noexcept;
  /// The path of a local one; "%20" and the like in a "file:" URI are decoded. Empty for others.
  std::string path() const;

  friend bool operator==(const FileRef&, const FileRef&) = default;
};

}  // namespace penstock
