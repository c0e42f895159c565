// SPDX-License-Identifier: MIT
// Makes pictures larger and smaller without aliasing: first rows are blended, then columns, in whole numbers.
#pragma once

#include <penstock/result.h>

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "image/filter_weights.h"
#include "image/orientation.h"
#include "image/pixel_kernels.h"

namespace penstock::image {

/// What happens to the ratio of the sides.
enum class Mode : std::uint8_t {
  kStretch,    ///< It becomes that of the target.
  kFit,        ///< It is kept; the picture lies within the target and is as large as it can be.
  kFill,       ///< It is kept; the picture covers the target, and what stands over on two sides is cut off evenly.
  kLetterbox,  ///< As kFit, in the middle of a target that is filled with the background.
};

struct ResizeOptions {
  Size target = {224, 224};  ///< At least 1 each.
  Filter filter = Filter::kBilinear;
  Mode mode = Mode::kStretch;
  std::array<std::uint8_t, 4> background = {0, 0, 0, 255};  ///< Of kLetterbox; grey pictures take the first.
};

/// u8 [H, W, C] in C order; C is 1, 3 or 4. A view: the pixels must outlive it.
struct Pixels {
  const std::uint8_t* data = nullptr;
  Size size;
  std::uint32_t channels = 3;
  Cover cover = whole(size);  ///< What of it is the picture: see Decoded::cover.
};

/// Where the parts of a picture go.
struct Placement {
  Cover taken;            ///< Of the input.
  Size canvas;            ///< The size of what comes out.
  Size region;            ///< That of the picture on it.
  std::uint32_t top = 0;  ///< Where the picture lies on it.
  std::uint32_t left = 0;
};
Placement placement(const Cover& in, Size target, Mode mode);

/// Resizes picture after picture with one set of options. Used by one worker: it keeps buffers of a few rows, and the
/// weights for the size of the last picture.
///
/// Cost: each input row is blended into 2 · radius output rows; memory is a few rows, whatever the picture's height.
/// The result has the same bits with every kind of vector instructions.
class Resizer {
 public:
  explicit Resizer(const ResizeOptions& options, const PixelKernels& kernels = pixel_kernels());

  /// The size of what a picture becomes.
  Size size_of(const Pixels& in) const { return placement(in.cover, options_.target, options_.mode).canvas; }

  /// Gives the rows of the result from the top, u8 [W, C] each, valid during the call. Requires sides of at least 1.
  using RowSink = std::function<void(std::uint32_t row, const std::uint8_t* pixels)>;
  void resize(const Pixels& in, const RowSink& sink);

  /// Writes the result, u8 [H, W, C] of size_of(in), to `out`.
  void resize(const Pixels& in, std::uint8_t* out);

 private:
  void prepare(const Pixels& in);
  void blend_rows(const Pixels& in, std::uint32_t row, std::size_t count);
  void blend_middle(const Pixels& in, std::uint32_t row, std::int16_t* middle);

  ResizeOptions options_;
  const PixelKernels* kernels_;
  Size prepared_for_;
  Cover prepared_cover_;
  Placement placement_;
  FilterWeights row_weights_;
  FilterWeights column_weights_;  // `first` counted from first_column_
  std::size_t first_column_ = 0;
  std::size_t columns_ = 0;
  std::vector<const std::uint8_t*> rows_;
  std::vector<std::int16_t> middles_[2];  // two rows at a time
  std::vector<std::uint8_t> out_rows_[2];
};

}  // namespace penstock::image
