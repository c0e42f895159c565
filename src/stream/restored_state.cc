// SPDX-License-Identifier: MIT
#include "stream/restored_state.h"

#include "stream/run_state.h"
#include "stream/user_call.h"

namespace penstock {

Status RestoredState::give_to(Operator& op, RunState& run) {
  Status status;
  for (Part& part : parts_) {
    StateReader reader(part.state);
    Operator& taker = part.helper != nullptr ? *part.helper : op;
    status = guarded([&] { return taker.restore(reader); });
    if (status) status = reader.end();
    if (status && part.helper != nullptr) status = guarded([&] { return op.merge(*part.helper); });
    if (!status) break;
  }
  parts_.clear();
  if (!status) run.restore_failed.store(true, std::memory_order_relaxed);
  return status;
}

}  // namespace penstock
