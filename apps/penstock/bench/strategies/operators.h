// SPDX-License-Identifier: MIT
// Operators that only the benchmark needs: a step that waits, and a sink that takes the digest of what comes.
#pragma once

#include <penstock/pipeline.h>

#include <chrono>
#include <memory>

#include "apps/penstock/bench/strategies/answer.h"

namespace penstock::app::bench {

/// A step that takes so long for each batch, without using the processor, and passes it on. Stateless.
std::shared_ptr<const OperatorFactory> pause(std::chrono::milliseconds time);
/// A sink for record batches: adds every row to `part`, which must outlive the run, and passes the batch on.
std::shared_ptr<const OperatorFactory> answer_sink(Answer::Part& part);

}  // namespace penstock::app::bench
