// SPDX-License-Identifier: MIT
// Digests of files, remembered: a file that kept its size, times and inode since it was hashed is not hashed again.
#pragma once

#include <penstock/result.h>
#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock {

/// Which file it is and in which state, as far as the system tells.
struct FileState {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size_bytes = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;  ///< When the system last changed content, name count or mode: no program can set it.

  friend bool operator==(const FileState&, const FileState&) = default;
};

/// A file's content as it was in a state.
struct FileDigest {
  FileState state;
  std::int64_t hashed_ns = 0;  ///< When hashing began.
  bool own = false;            ///< A file of the store, whose `changed_ns` this library itself moved by linking it.
  bool fresh = false;          ///< Made by this very process.
  std::string sha256;

  /// False when the state was so young that a later change could look the same: clocks of file systems tick in
  /// milliseconds. Then only hashing again tells.
  bool settled() const noexcept;
};

/// The state as the system says it.
FileState state_from(const struct ::stat& info) noexcept;
/// The time by the clock from which files get theirs, in nanoseconds since 1970-01-01 UTC.
std::int64_t file_clock_ns() noexcept;
/// Returns the state of a regular file; links are followed. kInvalidArgument for anything else.
Result<FileState> state_of(const std::string& path);

/// Hashes files, and remembers the digests in a file. Thread-safe; several processes may use one file: what they save
/// is merged, and what is lost in between is only hashed again.
class DigestIndex {
 public:
  /// `path` of the file; it is read at once. One that is damaged or missing counts as empty.
  explicit DigestIndex(std::string path);

  /// Returns digest and state of a file; from memory when it has not changed. kUnavailable when it changes all the
  /// while.
  Result<FileDigest> digest(const std::string& path);
  /// The same when the caller has just looked at the file, and found it so.
  Result<FileDigest> digest(const std::string& path, const FileState& state);
  /// Bytes that `digest` would read: 0 for a file that is known, or that is none.
  std::int64_t bytes_to_hash(const std::string& path);
  /// Says whether the file still has the content `known`.
  Result<bool> unchanged(const std::string& path, const FileDigest& known);
  /// Remembers that `path`, a file of the store that was just made or linked, has the content `sha256`.
  Status remember(const std::string& path, const std::string& sha256);
  /// Writes the file, if something was added.
  Status save();

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  bool find_known(const FileState& state, FileDigest& digest);
  static std::map<Key, FileDigest> read(const std::string& path);

  const std::string path_;
  std::mutex mutex_;
  std::map<Key, FileDigest> known_;  // guarded by mutex_
  std::map<Key, FileDigest> added_;  // guarded by mutex_
};

/// Digests of files by their paths.
using FileDigests = std::map<std::string, FileDigest>;

/// The digest of a folder from the lines of its files, in any order, and the line of a file.
std::string digest_of_lines(std::vector<std::string> lines);
std::string folder_line(std::string_view sha256, std::string_view name);

/// Returns one digest for all files in a folder, by their relative paths and contents. Links and hidden files count
/// too: a link by what it says. kInvalidArgument for a folder with other things in it. `before`, if any, is called with
/// the paths of the files before the first of them is hashed; the digests that it returns are not taken again.
Result<std::string> digest_of_folder(const std::string& path, DigestIndex& index,
                                     const std::function<FileDigests(const std::vector<std::string>&)>& before = {});

}  // namespace penstock
