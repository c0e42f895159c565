// SPDX-License-Identifier: MIT
// The timeline of a report in the Chrome trace event format.
#pragma once

#include <penstock/run.h>

#include <string>

namespace penstock {

/// Appends the events of `report` to `text`, separated by commas, as those of process `process`, `offset_micros` later.
void append_trace_events(std::string& text, const Report& report, std::size_t process, double offset_micros);
/// Puts the array and the object around events.
std::string trace_of_events(const std::string& events);

}  // namespace penstock
