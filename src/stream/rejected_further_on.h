// SPDX-License-Identifier: MIT
// The rejections that are not in the equation of a report.
#pragma once

#include <penstock/run.h>

#include <cstdint>

namespace penstock {

/// How many records were rejected by steps that `Report::records_rejected` leaves out: those in branches, and those
/// behind a step that changes the number of records.
inline std::uint64_t rejected_further_on(const Report& report) {
  std::uint64_t all = 0;
  for (const StepReport& step : report.steps) all += step.records_rejected;
  return all > report.records_rejected ? all - report.records_rejected : 0;
}

}  // namespace penstock
