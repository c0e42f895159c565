// SPDX-License-Identifier: MIT
#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace penstock::image {
namespace {

// 255 · 2^20 with what filters overshoot, and 2^15 times numbers of 16 bits, stay within 32 bits.
constexpr int kRowPrecision = 20;
constexpr int kColumnPrecision = 15;

double length(Interval part) { return part.end - part.begin; }

std::uint32_t scaled(double side, double scale, std::uint32_t most) {
  return static_cast<std::uint32_t>(std::clamp(std::round(side * scale), 1.0, static_cast<double>(most)));
}

Size fitted(const Cover& in, Size target) {
  const double scale = std::min(target.height / length(in.rows), target.width / length(in.columns));
  return {scaled(length(in.rows), scale, target.height), scaled(length(in.columns), scale, target.width)};
}

// The middle of an interval, `part` long.
Interval middle_of(Interval all, double part) {
  const double kept = std::min(part, length(all));
  const double begin = all.begin + (length(all) - kept) / 2;
  return {begin, std::min(begin + kept, all.end)};
}

PixelKernels::BlendColumns blend_columns_of(const PixelKernels& kernels, std::uint32_t channels) {
  if (channels == 1) return kernels.blend_columns_1;
  return channels == 3 ? kernels.blend_columns_3 : kernels.blend_columns_4;
}

void fill(std::uint8_t* row, std::size_t pixels, std::uint32_t channels, const std::array<std::uint8_t, 4>& colour) {
  for (std::size_t i = 0; i < pixels * channels; ++i) row[i] = colour[i % channels];
}

}  // namespace

Placement placement(const Cover& in, Size target, Mode mode) {
  Placement placed;
  placed.taken = in;
  placed.canvas = placed.region = target;
  if (mode == Mode::kFill) {
    placed.taken.rows = middle_of(in.rows, length(in.columns) * target.height / target.width);
    placed.taken.columns = middle_of(in.columns, length(in.rows) * target.width / target.height);
  } else if (mode != Mode::kStretch) {
    placed.region = fitted(in, target);
    if (mode == Mode::kFit) placed.canvas = placed.region;
    placed.top = (placed.canvas.height - placed.region.height) / 2;
    placed.left = (placed.canvas.width - placed.region.width) / 2;
  }
  return placed;
}

Resizer::Resizer(const ResizeOptions& options, const PixelKernels& kernels) : options_(options), kernels_(&kernels) {}

void Resizer::prepare(const Pixels& in) {
  if (prepared_for_ != in.size || prepared_cover_ != in.cover) {
    placement_ = placement(in.cover, options_.target, options_.mode);
    row_weights_ = filter_weights(options_.filter, in.size.height, placement_.taken.rows, placement_.region.height,
                                  kRowPrecision, in.cover.reduced_by);
    column_weights_ = filter_weights(options_.filter, in.size.width, placement_.taken.columns, placement_.region.width,
                                     kColumnPrecision, in.cover.reduced_by);
    first_column_ = column_weights_.first.front();
    columns_ =
        std::min<std::size_t>(in.size.width, column_weights_.first.back() + column_weights_.taps) - first_column_;
    for (std::uint32_t& first : column_weights_.first) first -= static_cast<std::uint32_t>(first_column_);
    rows_.resize(row_weights_.taps);
    prepared_for_ = in.size;
    prepared_cover_ = in.cover;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    middles_[i].resize((columns_ + column_weights_.taps) * in.channels + kMiddlePadding);
    out_rows_[i].resize(std::size_t{placement_.canvas.width} * in.channels + kRowPadding);
  }
}

void Resizer::blend_middle(const Pixels& in, std::uint32_t row, std::int16_t* middle) {
  const std::size_t stride = std::size_t{in.size.width} * in.channels;
  for (std::size_t k = 0; k < rows_.size(); ++k) {  // a weight of 0 may stand beyond the last row
    const std::size_t from = std::min<std::size_t>(row_weights_.first[row] + k, in.size.height - 1);
    rows_[k] = in.data + from * stride + first_column_ * in.channels;
  }
  kernels_->blend_rows(rows_.data(), row_weights_.of(row), row_weights_.taps, row_weights_.precision,
                       columns_ * in.channels, middle);
}

// One row or two, from `row` on, into the first of out_rows_.
void Resizer::blend_rows(const Pixels& in, std::uint32_t row, std::size_t count) {
  const std::int16_t* const middles[2] = {middles_[0].data(), middles_[1].data()};
  std::uint8_t* outs[2];
  for (std::size_t i = 0; i < 2; ++i) outs[i] = out_rows_[i].data() + std::size_t{placement_.left} * in.channels;
  for (std::size_t i = 0; i < count; ++i) blend_middle(in, row + static_cast<std::uint32_t>(i), middles_[i].data());
  const FilterWeights& weights = column_weights_;
  if (count == 2 && in.channels == 3) {
    kernels_->blend_columns_3_of_2(middles, weights.first.data(), weights.values.data(), weights.taps,
                                   weights.precision, placement_.region.width, outs);
    return;
  }
  const PixelKernels::BlendColumns blend = blend_columns_of(*kernels_, in.channels);
  for (std::size_t i = 0; i < count; ++i) {
    blend(middles[i], weights.first.data(), weights.values.data(), weights.taps, weights.precision,
          placement_.region.width, outs[i]);
  }
}

void Resizer::resize(const Pixels& in, const RowSink& sink) {
  prepare(in);
  const Placement& placed = placement_;
  const std::uint32_t right = placed.left + placed.region.width;
  for (auto& row : out_rows_) fill(row.data(), placed.canvas.width, in.channels, options_.background);
  for (std::uint32_t row = 0; row < placed.top; ++row) sink(row, out_rows_[0].data());
  for (std::uint32_t row = 0; row < placed.region.height; row += 2) {
    const std::uint32_t count = std::min(placed.region.height - row, 2U);
    blend_rows(in, row, count);
    for (std::uint32_t i = 0; i < count; ++i) {
      std::uint8_t* const pixels = out_rows_[i].data();
      // The loops write a little more than the picture.
      fill(pixels + std::size_t{right} * in.channels, placed.canvas.width - right, in.channels, options_.background);
      sink(placed.top + row + i, pixels);
    }
  }
  fill(out_rows_[0].data(), placed.canvas.width, in.channels, options_.background);
  for (std::uint32_t row = placed.top + placed.region.height; row < placed.canvas.height; ++row)
    sink(row, out_rows_[0].data());
}

void Resizer::resize(const Pixels& in, std::uint8_t* out) {
  const std::size_t row_bytes = std::size_t{size_of(in).width} * in.channels;
  resize(in,
         [&](std::uint32_t row, const std::uint8_t* pixels) { std::memcpy(out + row * row_bytes, pixels, row_bytes); });
}

}  // namespace penstock::image
