// SPDX-License-Identifier: MIT
// What entries of the cache say, in one file: a run that finds its results there opens no entry.json.
#pragma once

#include <penstock/result.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "store/stage_cache.h"

namespace penstock {

/// Results by the digest of their key, each with the state of the entry.json that it was read from; an entry that was
/// changed, replaced or removed since is not known here. Thread-safe; several processes may use one file: what they
/// save is merged, and what is lost in between is only read again.
class ResultIndex {
 public:
  /// `path` of the file (docs/formats/results.md); it is read at once. One that is damaged, missing or of another
  /// version counts as empty.
  explicit ResultIndex(std::string path);

  /// Returns what is known of a key, or nothing. `entry_path` is its entry.json, which is looked at, but not read.
  std::optional<CacheEntry> find(const StageKey& key, const std::string& entry_path) const;
  /// Remembers an entry that was put into the cache, or read from it.
  void add(const CacheEntry& entry, const std::string& entry_path);
  /// Writes the file, if something was added.
  Status save();

 private:
  /// By digest; the record as it stands in the file.
  using Records = std::map<std::string, std::string, std::less<>>;
  static std::string read_whole(const std::string& path);
  static std::map<std::string_view, std::string_view> records_in(std::string_view text);

  const std::string path_;
  const std::string text_;                                    ///< Of the file; what `known_` points into.
  const std::map<std::string_view, std::string_view> known_;  ///< By digest.
  mutable std::mutex mutex_;
  Records added_;  // guarded by mutex_
};

}  // namespace penstock
