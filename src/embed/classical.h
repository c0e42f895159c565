// SPDX-License-Identifier: MIT
// The embedder that needs no model: colours, and where they lie, such that copies of a picture that were turned,
// resized, cropped a little or compressed again have nearly the same vector.
#pragma once

#include <penstock/embedder.h>

#include <array>
#include <memory>

#include "embed/area_grid.h"

namespace penstock::embed {

/// What a store of such vectors is described with; the number changes when the vectors do.
inline constexpr const char* kClassicalName = "penstock classical 1";

/// Of u8 RGB [height, width, 3]; docs/guide/images.md says how a vector is made. Its length is one. Bits are the same
/// on every processor. A square picture that is turned by 90, 180 or 270 degrees gives the same bits.
class ClassicalEmbedder final : public Embedder {
 public:
  static constexpr std::uint32_t kLayoutValues = 274;
  static constexpr std::uint32_t kColourValues = 130;
  static constexpr std::uint32_t kDimension = kLayoutValues + kColourValues;

  /// Requires sides from 1 to 65,535.
  ClassicalEmbedder(std::uint32_t height, std::uint32_t width);
  ~ClassicalEmbedder() override;

  /// No errors.
  Status embed(std::span<const std::byte> tensors, std::span<float> vectors) override;

 private:
  struct Scratch;
  void embed_one(const std::uint8_t* pixels, std::span<float, kDimension> vector);

  const std::size_t picture_bytes_;
  AreaGrid grid_;
  const std::unique_ptr<Scratch> scratch_;
};

}  // namespace penstock::embed
