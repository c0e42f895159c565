// SPDX-License-Identifier: MIT
// From what the workers counted to the report.
#pragma once

#include "stream/runner.h"

namespace penstock {

/// Checks that no record got lost unseen: what a step received is what its input emitted, and what it promised about
/// its records holds. A violation is a bug in an operator and named so.
Status check_accounts(const std::vector<std::unique_ptr<StepAtWork>>& steps);

/// The parts of the report that come from the steps. When a worker was left behind (`all_ended` false), what only the
/// operators know is left out.
Report report_steps(const Plan& plan, const std::vector<std::unique_ptr<StepAtWork>>& steps,
                    const std::vector<std::vector<Runner*>>& runners_of, bool all_ended);

}  // namespace penstock
