// SPDX-License-Identifier: MIT
// What operators of this folder ask of their input.
#pragma once

#include <fmt/format.h>
#include <penstock/operator.h>

namespace penstock {

/// kInvalidArgument unless the operator `op` gets record batches.
inline Status expect_record_batches(std::string_view op, const StreamType& input) {
  if (input.is_record_batch()) return {};
  return Error(ErrorCode::kInvalidArgument, fmt::format("{} takes record batches, not {}", op, input.record_name));
}

}  // namespace penstock
