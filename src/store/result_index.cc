// SPDX-License-Identifier: MIT
#include "store/result_index.h"

#include <algorithm>
#include <cstring>

#include "base/words.h"
#include "platform/file.h"
#include "store/digest.h"

namespace penstock {
namespace {

constexpr std::string_view kResultsHead = "penstock results 1\n";
constexpr std::size_t kSealSize = 64;
constexpr std::size_t kMostResults = 500'000;

// Takes what was put, as base/words.h says.
struct Taker {
  std::string_view bytes;
  bool cut = false;

  std::uint64_t number() { return take_word(bytes, cut); }
  std::string_view text() { return take_text(bytes, cut); }
};

std::string record_of(const CacheEntry& entry, const FileState& state) {
  std::string out;
  put_word(out, state.device);
  put_word(out, state.inode);
  put_word(out, static_cast<std::uint64_t>(state.size_bytes));
  put_word(out, static_cast<std::uint64_t>(state.modified_ns));
  put_word(out, static_cast<std::uint64_t>(state.changed_ns));
  std::uint64_t seconds = 0;
  std::memcpy(&seconds, &entry.duration_seconds, sizeof seconds);
  put_word(out, seconds);
  for (const std::string* const text : {&entry.stage, &entry.run_id, &entry.created_at, &entry.data})
    put_text(out, *text);
  put_word(out, entry.artifacts.size());
  for (const Artifact& artifact : entry.artifacts) {
    put_text(out, artifact.name);
    put_text(out, artifact.type);
    put_word(out, artifact.size_bytes);
    put_text(out, artifact.sha256);
  }
  return out;
}

FileState state_in(Taker& record) {
  FileState state;
  state.device = record.number();
  state.inode = record.number();
  state.size_bytes = static_cast<std::int64_t>(record.number());
  state.modified_ns = static_cast<std::int64_t>(record.number());
  state.changed_ns = static_cast<std::int64_t>(record.number());
  return state;
}

std::optional<CacheEntry> entry_in(Taker& record) {
  CacheEntry entry;
  const std::uint64_t seconds = record.number();
  std::memcpy(&entry.duration_seconds, &seconds, sizeof seconds);
  for (std::string* const text : {&entry.stage, &entry.run_id, &entry.created_at, &entry.data}) *text = record.text();
  for (std::uint64_t left = record.number(); !record.cut && left > 0; --left) {
    Artifact artifact;
    artifact.name = record.text();
    artifact.type = record.text();
    artifact.size_bytes = record.number();
    artifact.sha256 = record.text();
    entry.artifacts.push_back(std::move(artifact));
  }
  if (record.cut || !record.bytes.empty()) return {};
  return entry;
}

}  // namespace

ResultIndex::ResultIndex(std::string path)
    : path_(std::move(path)), text_(read_whole(path_)), known_(records_in(text_)) {}

// Without its seal; empty when it does not fit.
std::string ResultIndex::read_whole(const std::string& path) {
  Result<std::string> file = read_file(path);
  if (!file || !file->starts_with(kResultsHead) || file->size() < kResultsHead.size() + kSealSize) return {};
  const std::string_view text = std::string_view(*file).substr(0, file->size() - kSealSize);
  if (sha256(text) != std::string_view(*file).substr(text.size())) return {};
  file->resize(text.size());
  return std::move(*file);
}

std::map<std::string_view, std::string_view> ResultIndex::records_in(std::string_view text) {
  std::map<std::string_view, std::string_view> records;
  Taker taker{text.substr(std::min(kResultsHead.size(), text.size()))};
  while (!taker.cut && !taker.bytes.empty()) {
    const std::string_view digest = taker.text();
    const std::string_view record = taker.text();
    if (!taker.cut) records.emplace_hint(records.end(), digest, record);  // they stand in order
  }
  return records;
}

std::optional<CacheEntry> ResultIndex::find(const StageKey& key, const std::string& entry_path) const {
  std::string own;
  Taker record;
  {
    const std::lock_guard lock(mutex_);
    const auto added = added_.find(key.digest);
    if (added != added_.end()) own = added->second;
  }
  const auto known = known_.find(key.digest);
  if (own.empty() && known == known_.end()) return {};
  record.bytes = own.empty() ? known->second : std::string_view(own);
  const FileState then = state_in(record);
  const Result<FileState> now = state_of(entry_path);
  if (!now || !(*now == then)) return {};
  std::optional<CacheEntry> entry = entry_in(record);
  if (entry) entry->key = key;
  return entry;
}

void ResultIndex::add(const CacheEntry& entry, const std::string& entry_path) {
  const Result<FileState> state = state_of(entry_path);
  if (!state) return;  // removed meanwhile
  std::string record = record_of(entry, *state);
  const std::lock_guard lock(mutex_);
  added_[entry.key.digest] = std::move(record);
}

Status ResultIndex::save() {
  const std::lock_guard lock(mutex_);
  if (added_.empty()) return {};
  const std::string before = read_whole(path_);  // with what others have saved meanwhile
  const std::map<std::string_view, std::string_view> records = records_in(before);
  std::map<std::string_view, std::string_view> all;
  if (records.size() + added_.size() <= kMostResults) all = records;
  for (const auto& [digest, record] : added_) all[digest] = record;
  std::string text(kResultsHead);
  for (const auto& [digest, record] : all) {
    put_text(text, digest);
    put_text(text, record);
  }
  text += sha256(text);
  PENSTOCK_TRY(write_file(path_, text));
  added_.clear();
  return {};
}

}  // namespace penstock
