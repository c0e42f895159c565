// SPDX-License-Identifier: MIT
// entry.json: the document, and in it a digest of the rest, so that no changed byte passes unseen.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "store/digest.h"
#include "store/json_fields.h"
#include "store/stage_cache.h"

namespace penstock {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kEntryVersion = 1;

std::string text_of(const Json& json) { return json.dump(1, ' ', true, Json::error_handler_t::replace); }

Error damaged_entry(const std::string& path, std::string_view what) {
  return Error(ErrorCode::kDataLoss, fmt::format("damaged entry of the cache: {}: {}", path, what))
      .hint("penstock cache verify --remove removes damaged entries; they are made again when they are needed");
}

}  // namespace

std::string entry_to_json(const CacheEntry& entry) {
  Json fields = Json::array();
  for (const auto& [name, value] : entry.key.fields) fields.push_back({{"name", name}, {"value", value}});
  Json artifacts = Json::array();
  for (const Artifact& artifact : entry.artifacts) {
    artifacts.push_back(
        {{"name", artifact.name}, {"type", artifact.type}, {"size", artifact.size_bytes}, {"sha256", artifact.sha256}});
  }
  Json data = Json::parse(entry.data, nullptr, false);
  if (data.is_discarded()) data = nullptr;
  Json json = {
      {"version", kEntryVersion},    {"key", entry.key.digest},        {"stage", entry.stage},
      {"run_id", entry.run_id},      {"created_at", entry.created_at}, {"duration_seconds", entry.duration_seconds},
      {"fields", std::move(fields)}, {"data", std::move(data)},        {"artifacts", std::move(artifacts)}};
  // The seal comes last, as if it had been a member like the others.
  std::string text = text_of(json);
  const std::string seal = sha256(text);
  text.resize(text.size() - 2);  // "\n}"
  return text + ",\n \"seal\": \"" + seal + "\"\n}\n";
}

Result<CacheEntry> entry_of_json(const std::string& text, const std::string& path) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return damaged_entry(path, "no JSON object");
  const std::string seal = text_in(json, "seal");
  json.erase("seal");
  if (seal != sha256(text_of(json))) return damaged_entry(path, "its seal does not fit its content");
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
