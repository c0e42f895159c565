// SPDX-License-Identifier: MIT
// What monitoring a run has seen, for people and for programs.
#pragma once

#include <penstock/run.h>

#include <nlohmann/json.hpp>
#include <string>

namespace penstock {

/// As `monitor` in docs/schemas/metrics.schema.json says: a list per number, with an element for each sample.
nlohmann::ordered_json monitor_to_json(const Report& report);
/// A line on what was used, and one for each of the first alerts.
std::string monitor_to_text(const MonitorLog& log);

}  // namespace penstock
