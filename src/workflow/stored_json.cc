// SPDX-License-Identifier: MIT
#include "workflow/stored_json.h"

#include <fmt/format.h>

namespace penstock {

Result<nlohmann::ordered_json> read_json_object(const RunStore& store, const std::string& run_id, const char* name) {
  PENSTOCK_ASSIGN(const std::string text, store.read_text(run_id, name));
  auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (json.is_object()) return json;
  return Error(ErrorCode::kDataLoss, fmt::format("no JSON object: {} of run {}", name, run_id));
}

}  // namespace penstock
