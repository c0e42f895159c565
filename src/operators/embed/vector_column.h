// SPDX-License-Identifier: MIT
// What operators that embed share: the column of tensors that they read, and that of vectors which they add.
#pragma once

#include <penstock/operator.h>

#include <span>
#include <string>
#include <vector>

namespace penstock {

/// The options `column` and `as`, and where the first was written.
struct VectorColumnOptions {
  std::string column;
  std::string as;
  std::string place;
};
VectorColumnOptions vector_column_options(const Options& options);
/// `own` behind the options `column` and `as`.
std::vector<OptionInfo> with_vector_column(std::vector<OptionInfo> own);

/// Returns the index of the column of tensors; kInvalidArgument, with the place, when there is none of that name and
/// type.
Result<std::size_t> find_tensors(std::string_view op, const StreamType& input, const VectorColumnOptions& options);

/// Returns the schema of `input` with the column of vectors of so many values behind.
Result<SchemaPtr> with_vectors(const StreamType& input, const VectorColumnOptions& options, std::uint32_t dimension);

/// kDataLoss when a value of the vector is no finite number.
Status check_finite(std::span<const float> vector);

}  // namespace penstock
