// SPDX-License-Identifier: MIT
// The pause before something is tried again.
#pragma once

#include <penstock/operator.h>

namespace penstock {

/// How long to wait before attempt `attempt` (2 is the first that waits): `first_micros`, doubled each time, at most
/// one hour.
std::int64_t backoff_before(std::uint32_t attempt, std::int64_t first_micros) noexcept;

/// Waits as `policy` says. Returns false, soon, when the run is cancelled meanwhile.
bool wait_before_attempt(std::uint32_t attempt, const ErrorPolicy& policy, const StopSignal& stop);

}  // namespace penstock
