// SPDX-License-Identifier: MIT
// The plain loops, and those of Highway where the build has it: hwy/foreach_target.h includes this file once more for
// each target. Compiled outside unity builds for that.
#include "image/pixel_kernels.h"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(PENSTOCK_HIGHWAY)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "image/pixel_kernels.cc"  // NOLINT
#include <hwy/foreach_target.h>                      // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penstock::image {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR  // vectors of one value cannot hold two that lie beside one another

const PixelKernels* target_kernels() { return &plain_pixel_kernels(); }

#else

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_HAVE_SCALABLE
using Wide16 = hn::FixedTag<std::int16_t, 8>;  // vectors without blocks of 128 bits would come out in another order
#else
using Wide16 = hn::ScalableTag<std::int16_t>;
#endif
using Wide32 = hn::RepartitionToWide<Wide16>;
using WideBytes = hn::Rebind<std::uint8_t, Wide16>;
using Block16 = hn::FixedTag<std::int16_t, 8>;
using Block32 = hn::FixedTag<std::int32_t, 4>;
using BlockBytes = hn::FixedTag<std::uint8_t, 16>;

// Two neighbouring weights in one number, as MulPair wants them beside two neighbouring values.
HWY_ATTR inline std::int32_t pair_at(const std::int16_t* weights) {
  std::int32_t pair;
  std::memcpy(&pair, weights, sizeof pair);
  return pair;
}

/// Sums of products of neighbours, a[2 i] · b[2 i] + a[2 i + 1] · b[2 i + 1], over many calls.
template <class D32, class V16>
struct PairSums {
  using V32 = hn::Vec<D32>;
  V32 first;
  V32 second;
  HWY_ATTR PairSums() : first(hn::Zero(D32())), second(hn::Zero(D32())) {}
  HWY_ATTR void add(V16 a, V16 b) { first = hn::ReorderWidenMulAccumulate(D32(), a, b, first, second); }
  HWY_ATTR V32 sums() const { return hn::RearrangeToOddPlusEven(first, second); }
};

// Both halves as one vector of half as wide numbers, limited. The halves come from InterleaveLower and InterleaveUpper,
// which work per block, as does the narrowing.
template <class DNarrow, class V32>
HWY_ATTR hn::Vec<DNarrow> narrowed(DNarrow d, V32 lower, V32 upper) {
#if HWY_HAVE_SCALABLE
  const hn::Half<DNarrow> half;
  return hn::Combine(d, hn::DemoteTo(half, upper), hn::DemoteTo(half, lower));
#else
  return hn::ReorderDemote2To(d, lower, upper);
#endif
}

HWY_ATTR inline hn::Vec<Wide16> blended(const std::uint8_t* const* rows, const std::int16_t* weights, std::size_t taps,
                                        int precision, std::size_t x) {
  const Wide16 d16;
  const Wide32 d32;
  const WideBytes bytes;
  PairSums<Wide32, hn::Vec<Wide16>> lower;
  PairSums<Wide32, hn::Vec<Wide16>> upper;
  for (std::size_t k = 0; k < taps; k += 2) {
    const auto weight = hn::BitCast(d16, hn::Set(d32, pair_at(weights + k)));
    const auto one = hn::PromoteTo(d16, hn::LoadU(bytes, rows[k] + x));
    const auto other = hn::PromoteTo(d16, hn::LoadU(bytes, rows[k + 1] + x));
    lower.add(hn::InterleaveLower(d16, one, other), weight);
    upper.add(hn::InterleaveUpper(d16, one, other), weight);
  }
  const int shift = precision - kMiddleBits;
  const auto half = hn::Set(d32, shift > 0 ? 1 << (shift - 1) : 0);
  return narrowed(d16, hn::ShiftRightSame(hn::Add(lower.sums(), half), shift),
                  hn::ShiftRightSame(hn::Add(upper.sums(), half), shift));
}

HWY_ATTR void blend_rows(const std::uint8_t* const* rows, const std::int16_t* weights, std::size_t taps, int precision,
                         std::size_t count, std::int16_t* out) {
  const Wide16 d16;
  const std::size_t lanes = hn::Lanes(d16);
  std::size_t x = 0;
  for (; x + lanes <= count; x += lanes) hn::StoreU(blended(rows, weights, taps, precision, x), d16, out + x);
  if (x == count) return;
  if (count >= lanes) {
    x = count - lanes;  // some a second time
    hn::StoreU(blended(rows, weights, taps, precision, x), d16, out + x);
    return;
  }
  plain_pixel_kernels().blend_rows(rows, weights, taps, precision, count, out);
}

// Eight values of a middle row as pairs: a channel of one pixel beside that of the next.
template <std::size_t kChannels>
HWY_ATTR inline hn::Vec<Block16> pairs_at(const std::int16_t* at) {
  const Block16 d16;
  const BlockBytes bytes;
  constexpr std::uint8_t kNext = 2 * kChannels;  // bytes from a value to the one of the next pixel
  alignas(16) static constexpr std::uint8_t kOrder3[16] = {0, 1, kNext,     kNext + 1, 2, 3, kNext + 2, kNext + 3,
                                                           4, 5, kNext + 4, kNext + 5, 4, 5, kNext + 4, kNext + 5};
  alignas(16) static constexpr std::uint8_t kOrder4[16] = {0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15};
  const auto order = hn::Load(bytes, kChannels == 3 ? kOrder3 : kOrder4);
  return hn::BitCast(d16, hn::TableLookupBytes(hn::BitCast(bytes, hn::LoadU(d16, at)), order));
}

template <std::size_t kChannels>
HWY_ATTR inline hn::Vec<Block32> blended_pixel(const std::int16_t* middle, const std::int16_t* weights,
                                               std::size_t taps, int shift) {
  const Block16 d16;
  const Block32 d32;
  PairSums<Block32, hn::Vec<Block16>> sums;
  for (std::size_t k = 0; k < taps; k += 2)
    sums.add(pairs_at<kChannels>(middle + k * kChannels), hn::BitCast(d16, hn::Set(d32, pair_at(weights + k))));
  return hn::ShiftRightSame(hn::Add(sums.sums(), hn::Set(d32, 1 << (shift - 1))), shift);
}

template <std::size_t kChannels>
HWY_ATTR void blend_columns(const std::int16_t* middle, const std::uint32_t* first, const std::int16_t* weights,
                            std::size_t taps, int precision, std::size_t count, std::uint8_t* out) {
  const Block16 d16;
  const BlockBytes bytes;
  const hn::Half<BlockBytes> half;
  alignas(16) static constexpr std::uint8_t kWithout4th[16] = {0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 15, 15, 15};
  const int shift = precision + kMiddleBits;
  const auto pixel = [&](std::size_t i) HWY_ATTR {
    const std::size_t at = std::min(i, count - 1);
    return blended_pixel<kChannels>(middle + std::size_t{first[at]} * kChannels, weights + at * taps, taps, shift);
  };
  for (std::size_t i = 0; i < count; i += 4) {
    const auto two = narrowed(d16, pixel(i), pixel(i + 1));
    const auto two_more = narrowed(d16, pixel(i + 2), pixel(i + 3));
    auto four = hn::Combine(bytes, hn::DemoteTo(half, two_more), hn::DemoteTo(half, two));
    if (kChannels == 3) four = hn::TableLookupBytes(four, hn::Load(bytes, kWithout4th));
    hn::StoreU(four, bytes, out + i * kChannels);
  }
}

#if HWY_MAX_BYTES >= 32 && !HWY_HAVE_SCALABLE
using Twin16 = hn::FixedTag<std::int16_t, 16>;  // a block of each row
using Twin32 = hn::FixedTag<std::int32_t, 8>;
using TwinBytes = hn::FixedTag<std::uint8_t, 32>;

HWY_ATTR inline hn::Vec<Twin32> blended_twins(const std::int16_t* one, const std::int16_t* other,
                                              const std::int16_t* weights, std::size_t taps, int shift) {
  const Twin16 d16;
  const Twin32 d32;
  const TwinBytes bytes;
  const Block16 block;
  alignas(16) static constexpr std::uint8_t kOrder[16] = {0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, 4, 5, 10, 11};
  const auto order = hn::LoadDup128(bytes, kOrder);
  PairSums<Twin32, hn::Vec<Twin16>> sums;
  for (std::size_t k = 0; k < taps; k += 2) {
    const auto both = hn::Combine(d16, hn::LoadU(block, other + 3 * k), hn::LoadU(block, one + 3 * k));
    const auto pairs = hn::BitCast(d16, hn::TableLookupBytes(hn::BitCast(bytes, both), order));
    sums.add(pairs, hn::BitCast(d16, hn::Set(d32, pair_at(weights + k))));
  }
  return hn::ShiftRightSame(hn::Add(sums.sums(), hn::Set(d32, 1 << (shift - 1))), shift);
}

HWY_ATTR void blend_columns_3_of_2(const std::int16_t* const* middles, const std::uint32_t* first,
                                   const std::int16_t* weights, std::size_t taps, int precision, std::size_t count,
                                   std::uint8_t* const* outs) {
  const Twin16 d16;
  const BlockBytes bytes;
  const hn::Repartition<std::uint64_t, BlockBytes> d64;
  alignas(16) static constexpr std::uint8_t kWithout4th[16] = {0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 15, 15, 15};
  const auto order = hn::Load(bytes, kWithout4th);
  const int shift = precision + kMiddleBits;
  const auto pixel = [&](std::size_t i) HWY_ATTR {
    const std::size_t at = std::min(i, count - 1);
    const std::size_t from = std::size_t{3} * first[at];
    return blended_twins(middles[0] + from, middles[1] + from, weights + at * taps, taps, shift);
  };
  for (std::size_t i = 0; i < count; i += 4) {
    const auto two = hn::BitCast(d64, hn::DemoteTo(bytes, narrowed(d16, pixel(i), pixel(i + 1))));
    const auto two_more = hn::BitCast(d64, hn::DemoteTo(bytes, narrowed(d16, pixel(i + 2), pixel(i + 3))));
    const auto one = hn::BitCast(bytes, hn::InterleaveLower(d64, two, two_more));
    const auto other = hn::BitCast(bytes, hn::InterleaveUpper(d64, two, two_more));
    hn::StoreU(hn::TableLookupBytes(one, order), bytes, outs[0] + 3 * i);
    hn::StoreU(hn::TableLookupBytes(other, order), bytes, outs[1] + 3 * i);
  }
}
#else
HWY_ATTR void blend_columns_3_of_2(const std::int16_t* const* middles, const std::uint32_t* first,
                                   const std::int16_t* weights, std::size_t taps, int precision, std::size_t count,
                                   std::uint8_t* const* outs) {
  for (std::size_t row = 0; row < 2; ++row)
    blend_columns<3>(middles[row], first, weights, taps, precision, count, outs[row]);
}
#endif

HWY_ATTR void planes_of_3(const std::uint8_t* row, std::size_t count, const float* scale, const float* shift,
                          float* const* planes) {
  const hn::FixedTag<std::uint8_t, 16> bytes;
  const hn::FixedTag<float, 4> floats;
  const hn::Rebind<std::int32_t, decltype(floats)> d32;
  std::size_t x = 0;
  for (; x + 16 <= count; x += 16) {
    hn::Vec<decltype(bytes)> channel[3];
    hn::LoadInterleaved3(bytes, row + 3 * x, channel[0], channel[1], channel[2]);
    for (std::size_t c = 0; c < 3; ++c) {
      alignas(16) std::uint8_t values[16];
      hn::Store(channel[c], bytes, values);
      for (std::size_t i = 0; i < 16; i += 4) {
        const auto whole = hn::PromoteTo(d32, hn::LoadU(hn::Rebind<std::uint8_t, decltype(d32)>(), values + i));
        const auto scaled = hn::Mul(hn::ConvertTo(floats, whole), hn::Set(floats, scale[c]));
        hn::StoreU(hn::Add(scaled, hn::Set(floats, shift[c])), floats, planes[c] + x + i);
      }
    }
  }
  if (x < count) {
    float* const rest[3] = {planes[0] + x, planes[1] + x, planes[2] + x};
    plain_pixel_kernels().planes_of_3(row + 3 * x, count - x, scale, shift, rest);
  }
}

const PixelKernels* target_kernels() {
  static const PixelKernels kKernels = {hwy::TargetName(HWY_TARGET),
                                        blend_rows,
                                        plain_pixel_kernels().blend_columns_1,
                                        blend_columns<3>,
                                        blend_columns<4>,
                                        blend_columns_3_of_2,
                                        planes_of_3};
  return &kKernels;
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace penstock::image
HWY_AFTER_NAMESPACE();
#endif

#if !defined(PENSTOCK_HIGHWAY) || HWY_ONCE
#include "platform/vector_targets.h"

namespace penstock::image {
namespace plain {
namespace {

void blend_rows(const std::uint8_t* const* rows, const std::int16_t* weights, std::size_t taps, int precision,
                std::size_t count, std::int16_t* out) {
  constexpr std::size_t kBlock = 256;  // sums that stay in the first cache
  const int shift = precision - kMiddleBits;
  const std::int32_t half = shift > 0 ? 1 << (shift - 1) : 0;
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t length = std::min(kBlock, count - begin);
    std::array<std::int32_t, kBlock> sums;
    std::fill_n(sums.begin(), length, half);
    for (std::size_t k = 0; k < taps; ++k) {
      const std::uint8_t* const row = rows[k] + begin;
      const std::int32_t weight = weights[k];
      for (std::size_t i = 0; i < length; ++i) sums[i] += row[i] * weight;
    }
    for (std::size_t i = 0; i < length; ++i)
      out[begin + i] = static_cast<std::int16_t>(std::clamp(sums[i] >> shift, -32768, 32767));
  }
}

template <std::size_t kChannels>
void blend_columns(const std::int16_t* middle, const std::uint32_t* first, const std::int16_t* weights,
                   std::size_t taps, int precision, std::size_t count, std::uint8_t* out) {
  const int shift = precision + kMiddleBits;
  for (std::size_t i = 0; i < count; ++i) {
    std::array<std::int32_t, kChannels> sums;
    sums.fill(1 << (shift - 1));
    const std::int16_t* at = middle + std::size_t{first[i]} * kChannels;
    for (std::size_t k = 0; k < taps; ++k, at += kChannels) {
      const std::int32_t weight = weights[i * taps + k];
      for (std::size_t c = 0; c < kChannels; ++c) sums[c] += at[c] * weight;
    }
    for (std::size_t c = 0; c < kChannels; ++c)
      out[i * kChannels + c] = static_cast<std::uint8_t>(std::clamp(sums[c] >> shift, 0, 255));
  }
}

void blend_columns_3_of_2(const std::int16_t* const* middles, const std::uint32_t* first, const std::int16_t* weights,
                          std::size_t taps, int precision, std::size_t count, std::uint8_t* const* outs) {
  for (std::size_t row = 0; row < 2; ++row)
    blend_columns<3>(middles[row], first, weights, taps, precision, count, outs[row]);
}

void planes_of_3(const std::uint8_t* row, std::size_t count, const float* scale, const float* shift,
                 float* const* planes) {
  for (std::size_t x = 0; x < count; ++x) {
    for (std::size_t c = 0; c < 3; ++c) planes[c][x] = static_cast<float>(row[3 * x + c]) * scale[c] + shift[c];
  }
}

}  // namespace
}  // namespace plain

const PixelKernels& plain_pixel_kernels() {
  static const PixelKernels kKernels = {"plain",
                                        plain::blend_rows,
                                        plain::blend_columns<1>,
                                        plain::blend_columns<3>,
                                        plain::blend_columns<4>,
                                        plain::blend_columns_3_of_2,
                                        plain::planes_of_3};
  return kKernels;
}

#if defined(PENSTOCK_HIGHWAY)
namespace {

// The best of what this file was compiled for among `targets`; as HWY_DYNAMIC_DISPATCH does it.
const PixelKernels* pixel_kernels_for(std::int64_t targets) {
#if (HWY_TARGETS & (HWY_TARGETS - 1)) == 0
  (void)targets;
  return HWY_STATIC_DISPATCH(target_kernels)();
#else
  static constexpr const PixelKernels* (*kByTarget[HWY_MAX_DYNAMIC_TARGETS + 2])() = {
      nullptr, HWY_CHOOSE_TARGET_LIST(target_kernels), HWY_CHOOSE_FALLBACK(target_kernels)};
  hwy::ChosenTarget chosen;
  chosen.Update(targets);
  return kByTarget[chosen.GetIndex()]();
#endif
}

std::int64_t targets_here() { return supported_vector_targets().value_or(HWY_ENABLED_BASELINE); }

}  // namespace

const PixelKernels& pixel_kernels() {
  static const PixelKernels& kBest = *pixel_kernels_for(targets_here());
  return kBest;
}

std::vector<const PixelKernels*> vector_pixel_kernels() {
  std::vector<const PixelKernels*> all;
  for (std::int64_t left = targets_here() & HWY_TARGETS; left != 0; left &= left - 1)
    all.push_back(pixel_kernels_for(left & -left));
  return all;
}
#else
const PixelKernels& pixel_kernels() { return plain_pixel_kernels(); }
std::vector<const PixelKernels*> vector_pixel_kernels() { return {}; }
#endif

}  // namespace penstock::image
#endif
