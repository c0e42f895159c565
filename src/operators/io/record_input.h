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

/// kInvalidArgument when the operator `op`, which writes text, gets columns that have none: images, and tensors unless
/// it writes lists.
inline Status expect_columns_of_text(std::string_view op, const Schema& schema, bool writes_lists = false) {
  for (const Field& field : schema.fields()) {
    const bool fits = field.type != Type::kImage && (field.type != Type::kTensor || writes_lists);
    if (fits) continue;
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} cannot write column \"{}\": it is {}, which has no text", op, field.name,
                             field.type == Type::kImage ? "an image" : "a tensor " + field.tensor.to_text()))
        .hint("leave it out by the operator select");
  }
  return {};
}

}  // namespace penstock
