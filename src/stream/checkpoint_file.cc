// SPDX-License-Identifier: MIT
#include "stream/checkpoint_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "platform/file.h"
#include "platform/link_file.h"
#include "store/digest.h"
#include "store/json_fields.h"
#include "store/run_store.h"

namespace penstock {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr std::string_view kDigest = ",\"sha256\":\"";  // before the last member of the file, which is its digest
constexpr std::size_t kDigestDigits = 64;

std::string name_of(std::uint64_t number, std::string_view ending) { return fmt::format("{:06}{}", number, ending); }

Json step_to_json(const Checkpoint::Step& step) {
  std::vector<std::size_t> states;
  for (const std::string& state : step.states) states.push_back(state.size());
  return {{"name", step.name},
          {"op", step.op},
          {"records_in", step.records_in},
          {"records_out", step.records_out},
          {"records_rejected", step.records_rejected},
          {"batches", step.batches},
          {"rejects_bytes", step.rejects.size()},
          {"states_bytes", std::move(states)}};
}

// All states, one behind the other: their sizes are in the .json.
std::string joined_states(const Checkpoint& checkpoint) {
  std::string bytes;
  for (const Checkpoint::Step& step : checkpoint.steps) {
    bytes += step.rejects;
    for (const std::string& state : step.states) bytes += state;
  }
  return bytes;
}

std::string to_json(const Checkpoint& checkpoint, const std::string& states) {
  Json identity = Json::array();
  for (const auto& [name, value] : checkpoint.identity) identity.push_back({{"name", name}, {"value", value}});
  Json steps = Json::array();
  for (const Checkpoint::Step& step : checkpoint.steps) steps.push_back(step_to_json(step));
  const Json json = {
      {"version", kVersion},
      {"number", checkpoint.number},
      {"created_at", utc_text(now_micros())},
      {"pipeline", checkpoint.pipeline},
      {"identity", std::move(identity)},
      {"records_read", checkpoint.records_read},
      {"source",
       {{"done", checkpoint.source.done}, {"total", checkpoint.source.total}, {"unit", checkpoint.source.unit}}},
      {"steps", std::move(steps)},
      {"files", checkpoint.files},
      {"state", {{"size_bytes", states.size()}, {"sha256", sha256(states)}}}};
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.pop_back();  // the closing brace
  const std::string digest = sha256(text);
  return text.append(kDigest).append(digest).append("\"}\n");
}

Error damaged(const std::string& path, std::string_view why) {
  return Error(ErrorCode::kDataLoss, fmt::format("the checkpoint {} is damaged: {}", path, why));
}

// Cuts the next `size` bytes off the front of `states`.
bool take(std::string_view& states, const Json& size, std::string& to) {
  if (!size.is_number_unsigned() || size.get<std::uint64_t>() > states.size()) return false;
  to = states.substr(0, size.get<std::size_t>());
  states.remove_prefix(to.size());
  return true;
}

bool read_step(const Json& json, std::string_view& states, Checkpoint::Step& step) {
  if (!json.is_object() || !json.contains("rejects_bytes") || !json.contains("states_bytes")) return false;
  step.name = text_in(json, "name");
  step.op = text_in(json, "op");
  step.records_in = number_in<std::uint64_t>(json, "records_in");
  step.records_out = number_in<std::uint64_t>(json, "records_out");
  step.records_rejected = number_in<std::uint64_t>(json, "records_rejected");
  step.batches = number_in<std::uint64_t>(json, "batches");
  if (!take(states, json["rejects_bytes"], step.rejects)) return false;
  for (const Json& size : json["states_bytes"]) {
    if (!take(states, size, step.states.emplace_back())) return false;
  }
  return true;
}

Result<Json> read_json(const std::string& path) {
  PENSTOCK_ASSIGN(const std::string text, read_file(path));
  const std::size_t digest = text.rfind(kDigest);
  if (digest == std::string::npos || text.size() < digest + kDigest.size() + kDigestDigits)
    return damaged(path, "it is cut short");
  if (text.substr(digest + kDigest.size(), kDigestDigits) != sha256(std::string_view(text).substr(0, digest)))
    return damaged(path, "its digest does not fit");
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return damaged(path, "it is no JSON");
  if (number_in<int>(json, "version") != kVersion)
    return Error(ErrorCode::kUnsupported, fmt::format("the checkpoint {} is of another version of Penstock", path));
  return json;
}

Status write_durably(const std::string& path, std::string_view bytes) {
  return write_file(path, bytes, {.durable = true});
}

}  // namespace

Status write_checkpoint(const Checkpoint& checkpoint, const std::string& folder) {
  const std::string states = joined_states(checkpoint);
  PENSTOCK_TRY(write_durably(folder + "/" + name_of(checkpoint.number, ".state"), states));
  return write_durably(folder + "/" + name_of(checkpoint.number, ".json"), to_json(checkpoint, states));
}

Result<Checkpoint> read_checkpoint(const std::string& path) {
  PENSTOCK_ASSIGN(const Json json, read_json(path));
  const std::string states_path = path.substr(0, path.rfind('.')) + ".state";
  constexpr std::size_t kMostBytes = std::size_t{1} << 40;
  Result<std::string> states = read_file(states_path, kMostBytes);
  if (!states) return damaged(path, states.error().message());
  if (text_in(json.value("state", Json()), "sha256") != sha256(*states))
    return damaged(states_path, "its digest does not fit");
  Checkpoint checkpoint;
  checkpoint.path = path;
  checkpoint.number = number_in<std::uint64_t>(json, "number");
  checkpoint.pipeline = text_in(json, "pipeline");
  for (const Json& each : json.value("identity", Json::array()))
    checkpoint.identity.emplace_back(text_in(each, "name"), text_in(each, "value"));
  checkpoint.records_read = number_in<std::uint64_t>(json, "records_read");
  const Json source = json.value("source", Json());
  checkpoint.source = {.done = number_in<std::uint64_t>(source, "done"),
                       .total = number_in<std::uint64_t>(source, "total"),
                       .unit = text_in(source, "unit") == "records" ? "records" : "bytes"};
  for (const Json& file : json.value("files", Json::array())) {
    if (file.is_string()) checkpoint.files.push_back(file.get<std::string>());
  }
  std::string_view left = *states;
  for (const Json& step : json.value("steps", Json::array())) {
    if (!read_step(step, left, checkpoint.steps.emplace_back()))
      return damaged(path, "its sizes do not fit those of the states");
  }
  return checkpoint;
}

std::vector<std::string> list_checkpoints(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(".json") && !name.starts_with('.')) found.push_back(folder + "/" + name);
  }
  // Longer numbers are larger ones.
  std::sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a > b;
  });
  return found;
}

void remove_checkpoint(const std::string& folder, std::uint64_t number) noexcept {
  ::unlink((folder + "/" + name_of(number, ".json")).c_str());
  ::unlink((folder + "/" + name_of(number, ".state")).c_str());
}

void remove_checkpoints(const std::string& folder) noexcept {
  std::vector<std::string> files;
  for (const std::string& path : list_checkpoints(folder)) {
    if (const Result<Checkpoint> checkpoint = read_checkpoint(path); checkpoint)
      files.insert(files.end(), checkpoint->files.begin(), checkpoint->files.end());
  }
  // Files without a checkpoint are found again as temporaries of a run that is lost; not the other way.
  if (!remove_tree(folder)) return;
  for (const std::string& file : files) ::unlink(file.c_str());
}

}  // namespace penstock
