// SPDX-License-Identifier: MIT
// What operators on a column of images share: the column, its pixels, and the options of resizing.
#pragma once

#include <penstock/operator.h>

#include <string>
#include <vector>

#include "image/resize.h"

namespace penstock {

/// Returns the index of the column of images; kInvalidArgument, with `place`, when there is none of that name and type.
Result<std::size_t> find_images(std::string_view op, const StreamType& input, const std::string& column,
                                const std::string& place);

/// Returns the pixels of an image; an error, which is the reason to reject it, when it has none, or neither 1, 3 nor 4
/// channels.
Result<image::Pixels> pixels_of(const ImageView& image);

/// Calls `take` with each row and returns those for which it succeeds; rejects the others because of `column`. Ends
/// early when the run is cancelled.
template <class Take>
Result<std::vector<std::uint32_t>> rows_taken(const RecordBatch& rows, OperatorContext& context,
                                              const std::string& column, Take take) {
  std::vector<std::uint32_t> taken;
  for (std::uint32_t row = 0; row < rows.num_rows() && !context.stop->cancelled(); ++row) {
    const Status status = take(row);
    if (status) {
      taken.push_back(row);
      continue;
    }
    PENSTOCK_TRY(context.errors->reject({.record = row,
                                         .reason = status.error().message(),
                                         .raw = context.errors->raw_unused() ? std::string() : rows.row_to_json(row),
                                         .column = column}));
  }
  return taken;
}

/// The options width, height, filter and mode, and what they say.
std::vector<OptionInfo> resize_option_infos();
Result<image::ResizeOptions> resize_options(const Options& options);

}  // namespace penstock
