// SPDX-License-Identifier: MIT
// What makes vectors of tensors: a model, or a calculation.
#pragma once

#include <penstock/record.h>
#include <penstock/result.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace penstock {

/// Makes one vector of each tensor. Thread-compatible: one thread at a time, one object per thread.
class Embedder {
 public:
  virtual ~Embedder() = default;
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;

  /// Of one tensor: its element, and its shape without the first dimension, which counts the tensors of a call.
  const TensorType& input() const noexcept { return input_; }
  /// How many values a vector has.
  std::uint32_t dimension() const noexcept { return dimension_; }

  /// Embeds N tensors. `tensors`: input().element [N, input().shape...], dense, in C order; `vectors`: f32
  /// [N, dimension()]. A vector depends on its tensor alone, not on those beside it. Errors: what the model says; then
  /// the values of `vectors` are unspecified.
  virtual Status embed(std::span<const std::byte> tensors, std::span<float> vectors) = 0;

 protected:
  Embedder(TensorType input, std::uint32_t dimension) : input_(std::move(input)), dimension_(dimension) {}

 private:
  TensorType input_;
  std::uint32_t dimension_;
};

}  // namespace penstock
