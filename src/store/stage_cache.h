// SPDX-License-Identifier: MIT
// Results of stages under the keys that name them: ROOT/cache/{first 16 digits of the key}/ with entry.json and
// artifacts/. docs/cache_key.md says what is in a key.
#pragma once

#include <penstock/artifact.h>
#include <penstock/result.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/digest_index.h"

namespace penstock {

/// What names the result of a stage: fields in a fixed order, and the SHA-256 over them.
struct StageKey {
  std::vector<std::pair<std::string, std::string>> fields;
  std::string digest;

  void add(std::string name, std::string value) { fields.emplace_back(std::move(name), std::move(value)); }
  /// Computes `digest` from the fields.
  void seal();
};

/// A result that was kept.
struct CacheEntry {
  StageKey key;
  std::string stage;
  std::string run_id;  ///< That made it.
  std::string created_at;
  double duration_seconds = 0;
  std::string data;  ///< JSON, the business of who put it there.
  std::vector<Artifact> artifacts;
};

/// Artifacts that are in the folder `from`, and folders which are there although they may be empty.
struct KeptArtifacts {
  const std::vector<Artifact>& artifacts;
  const std::vector<std::string>& folders;
  const std::string& from;
};

/// Compares the files of artifacts, which are in `from`, with their digests. kDataLoss names the first that is not what
/// it was.
Status check_artifacts(const std::vector<Artifact>& artifacts, const std::string& from, DigestIndex& index);

/// Puts artifacts into the new folder `to`, after their content was compared with their digests. kDataLoss names the
/// one that is not what it was; then `to` is not there.
Status restore_artifacts(const KeptArtifacts& kept, const std::string& to, DigestIndex& index);

/// The same as `to`/artifacts, with files (name, text) beside it; all of the new folder `to` appears at once.
Status restore_stage(const KeptArtifacts& kept, const std::string& to,
                     const std::vector<std::pair<std::string, std::string>>& files, DigestIndex& index);

/// The entries below one root. Thread-compatible; several processes may use one cache: entries appear and go whole.
class StageCache {
 public:
  explicit StageCache(std::string root) : root_(std::move(root)) {}

  /// Returns the entry of a key, or nothing. kDataLoss when there is one that is damaged.
  Result<std::optional<CacheEntry>> find(const StageKey& key) const;
  std::string artifacts_of(const CacheEntry& entry) const;
  const std::string& root() const noexcept { return root_; }
  /// Where the entry.json of a key is below the root, whether it is there or not, and its path.
  static std::string entry_of(const std::string& digest) { return "cache/" + digest.substr(0, 16) + "/entry.json"; }
  std::string entry_path(const StageKey& key) const { return folder_of_key(key) + "/entry.json"; }
  /// Adds an entry whose artifacts are in `from`; they stay there. One of the same key that is there already stays,
  /// unless `replace`.
  Status put(const CacheEntry& entry, const std::string& from, DigestIndex& index, bool replace, bool durable);

  /// An entry as the list shows it.
  struct Listed {
    std::string folder;  ///< Its name below ROOT/cache.
    std::string fault;   ///< Empty, or why it cannot be read.
    CacheEntry entry;
    std::uint64_t size_bytes = 0;
    std::int64_t used_at = 0;  ///< Seconds since 1970-01-01 UTC.
  };
  /// All entries, the one used last first.
  Result<std::vector<Listed>> list() const;
  /// Compares all files of an entry with their digests, reading every byte. kDataLoss names the first fault.
  Status verify(const Listed& listed) const;
  Status remove(const std::string& folder) const;
  /// Marks an entry as used now, to the minute.
  void touch(const CacheEntry& entry) const noexcept { touch(folder_of_key(entry.key)); }
  static void touch(const std::string& folder) noexcept;
  /// Removes what writers that were killed left behind. Returns how many.
  std::size_t clean() const;

 private:
  std::string folder_of_key(const StageKey& key) const { return root_ + "/cache/" + key.digest.substr(0, 16); }
  std::string root_;
};

/// The entry as the text of entry.json, and back. kDataLoss when it is not what `entry_to_json` made.
std::string entry_to_json(const CacheEntry& entry);
Result<CacheEntry> entry_of_json(const std::string& text, const std::string& path);

}  // namespace penstock
