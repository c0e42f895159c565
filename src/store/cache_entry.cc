// SPDX-License-Identifier: MIT
// entry.json: the document, and in it a digest of the rest, so that no changed byte passes unseen.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "store/digest.h"
#include "store/json_fields.h"
#include "store/json_writer.h"
#include "store/stage_cache.h"

namespace penstock {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kEntryVersion = 1;

// The seal comes last: as if it had been a member like the others, and is that of the text without it. Entries of
// earlier versions have one space in front of their members.
constexpr std::string_view kEndOfEntry = "\n}";
constexpr std::string_view kSealKeys[] = {",\n  \"seal\": \"", ",\n \"seal\": \""};
constexpr std::string_view kBehindSeal = "\"\n}\n";

bool is_sealed(std::string_view text) {
  constexpr std::size_t kDigits = 64;
  if (text.size() < kDigits + kBehindSeal.size() || !text.ends_with(kBehindSeal)) return false;
  text.remove_suffix(kBehindSeal.size());
  const std::string_view seal = text.substr(text.size() - kDigits);
  text.remove_suffix(kDigits);
  const auto* const key = std::find_if(std::begin(kSealKeys), std::end(kSealKeys),
                                       [&](std::string_view each) { return text.ends_with(each); });
  if (key == std::end(kSealKeys)) return false;
  text.remove_suffix(key->size());
  return sha256(std::string(text).append(kEndOfEntry)) == seal;
}

Error damaged_entry(const std::string& path, std::string_view what) {
  return Error(ErrorCode::kDataLoss, fmt::format("damaged entry of the cache: {}: {}", path, what))
      .hint("penstock cache verify --remove removes damaged entries; they are made again when they are needed");
}

}  // namespace

std::string entry_to_json(const CacheEntry& entry) {
  JsonWriter out;
  out.begin_object().member("version", kEntryVersion).member("key", entry.key.digest).member("stage", entry.stage);
  out.member("run_id", entry.run_id).member("created_at", entry.created_at);
  out.member("duration_seconds", entry.duration_seconds).key("fields").begin_array();
  for (const auto& [name, value] : entry.key.fields)
    out.begin_object().member("name", name).member("value", value).end_object();
  out.end_array().key("data").json(Json::accept(entry.data) ? entry.data : "null").key("artifacts").begin_array();
  for (const Artifact& artifact : entry.artifacts) {
    out.begin_object().member("name", artifact.name).member("type", artifact.type);
    out.member("size", artifact.size_bytes).member("sha256", artifact.sha256).end_object();
  }
  std::string text = std::move(out.end_array().end_object()).text();
  const std::string seal = sha256(text);
  text.resize(text.size() - kEndOfEntry.size());
  return text.append(kSealKeys[0]).append(seal).append(kBehindSeal);
}

Result<CacheEntry> entry_of_json(const std::string& text, const std::string& path) {
  if (!is_sealed(text)) return damaged_entry(path, "its seal does not fit its content");
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return damaged_entry(path, "no JSON object");
  const auto version = json.find("version");
  if (version == json.end() || !version->is_number_integer() || *version != kEntryVersion)
    return damaged_entry(path, "an unknown version");
  CacheEntry entry;
  entry.key.digest = text_in(json, "key");
  entry.stage = text_in(json, "stage");
  entry.run_id = text_in(json, "run_id");
  entry.created_at = text_in(json, "created_at");
  entry.duration_seconds = json.value("duration_seconds", 0.0);
  entry.data = json.value("data", Json()).dump();
  for (const Json& field : json.value("fields", Json::array()))
    entry.key.add(text_in(field, "name"), text_in(field, "value"));
  for (const Json& each : json.value("artifacts", Json::array())) {
    Artifact artifact;
    artifact.name = text_in(each, "name");
    artifact.type = text_in(each, "type");
    artifact.size_bytes = each.value("size", std::uint64_t{0});
    artifact.sha256 = text_in(each, "sha256");
    entry.artifacts.push_back(std::move(artifact));
  }
  return entry;
}

}  // namespace penstock
