// SPDX-License-Identifier: MIT
#include "workflow/kept_output.h"

#include <nlohmann/json.hpp>

#include "platform/file.h"
#include "store/json_fields.h"

namespace penstock {

std::optional<KeptOutput> read_kept_output(const RunFolder& run, const std::string& stage, const std::string& key) {
  const Result<std::string> text = read_file(run.path() + "/" + stage + "/output.json");
  if (!text) return {};
  const auto json = nlohmann::ordered_json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("_meta") || text_in(json["_meta"], "input_hash") != key) return {};
  const auto list = json.find("artifacts");
  const auto data = json.find("data");
  if (list == json.end() || !list->is_array() || data == json.end() || text_in(*data, "outcome") != "done") return {};
  KeptOutput output;
  output.data = data->dump();
  for (const auto& each : *list) {
    Artifact artifact;
    artifact.name = text_in(each, "name");
    artifact.type = text_in(each, "type");
    artifact.sha256 = text_in(each, "sha256");
    const auto size = each.is_object() ? each.find("size") : each.end();
    if (artifact.name.empty() || size == each.end() || !size->is_number_unsigned()) return {};
    artifact.size_bytes = size->get<std::uint64_t>();
    output.artifacts.push_back(std::move(artifact));
  }
  return output;
}

}  // namespace penstock
