// SPDX-License-Identifier: MIT
// The store of an exact sum: signed limbs 32 bits apart, a few inline around the first value, all of them on the heap
// when values of very different size come.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

#include "data/natural.h"

namespace penstock {

/// A long signed number in redundant form: limb k counts 2^(32 k) units and may hold anything an int64 can, so that
/// adding needs no carry (Kulisch's long accumulator; the overlapping limbs are those of Neal, "Fast exact summation
/// using small and large superaccumulators", 2015). `kInline` limbs are inside the object, placed around the first
/// value; the whole range of `kAll` limbs is allocated when a value falls outside or the top inline limb fills up.
///
/// Carries are moved after `kMostPending` additions. Thread-compatible. The value does not depend on the form.
template <int kInline, int kAll>
class LimbWindow {
 public:
  static constexpr int kLimbs = kAll;
  /// So many additions, each below 2^53 per limb, fit on top of a carried limb.
  static constexpr int kMostPending = 512;

  LimbWindow() = default;
  LimbWindow(const LimbWindow& other) { *this = other; }
  LimbWindow(LimbWindow&& other) noexcept { *this = std::move(other); }
  LimbWindow& operator=(const LimbWindow& other) {
    if (this == &other) return *this;
    limbs_ = other.limbs_;
    all_ = other.all_ ? std::make_unique<All>(*other.all_) : nullptr;
    base_ = other.base_;
    pending_ = other.pending_;
    return *this;
  }
  LimbWindow& operator=(LimbWindow&& other) noexcept {
    if (this == &other) return *this;
    limbs_ = std::exchange(other.limbs_, {});
    all_ = std::move(other.all_);
    base_ = std::exchange(other.base_, kNowhere);
    pending_ = std::exchange(other.pending_, std::uint16_t{0});
    return *this;
  }
  ~LimbWindow() = default;

  /// Returns limbs `index` to `index` + kCount - 1, ready for one number below 2^53 to be added to or subtracted from
  /// each. Requires 0 <= index and index + kCount < kAll.
  template <int kCount>
  std::int64_t* open(int index) {
    const unsigned at = static_cast<unsigned>(index - base_);
    if (at > static_cast<unsigned>(kInline - kCount) || pending_ >= kMostPending) [[unlikely]] {
      return open_slowly<kCount>(index);
    }
    ++pending_;
    return &limbs_[at];
  }

  /// Adds the other number.
  void add(const LimbWindow& other) {
    if (!all_ && !other.all_ && base_ == other.base_) {
      add_aligned(other);
    } else if (!all_ && base_ == kNowhere) {
      *this = other;
    } else {
      add(other.value());
    }
  }

  /// Adds a number in canonical form. Requires it to end below limb `kAll` - 1.
  void add(const ScaledInteger& value) {
    const int size = static_cast<int>(value.magnitude.size());
    if (size == 0) return;
    if (!all_ && base_ == kNowhere) place(value.first, size);
    for (int k = 0; k < size; ++k) {
      const std::int64_t limb = value.magnitude[k];
      *open<1>(value.first + k) += value.negative ? -limb : limb;
    }
  }

  /// Returns the value in canonical form.
  ScaledInteger value() const {
    if (all_) return canonical(*all_, 0);
    return base_ == kNowhere ? ScaledInteger{} : canonical(limbs_, base_);
  }

  /// Bytes on the heap.
  std::size_t heap_bytes() const noexcept { return all_ ? sizeof(All) : 0; }

 private:
  using Limbs = std::array<std::int64_t, kInline>;
  using All = std::array<std::int64_t, kAll>;
  static constexpr std::int64_t kLow = 0xFFFF'FFFF;
  static constexpr std::int64_t kTopLimit = std::int64_t{1} << 61;
  static constexpr std::int16_t kNowhere = 1 << 14;  // no index is within kInline of it

  template <int kCount>
  [[gnu::noinline]] std::int64_t* open_slowly(int index) {
    if (pending_ >= kMostPending) carry_all();
    if (base_ == kNowhere && !all_) place(index, kCount);
    ++pending_;
    const unsigned at = static_cast<unsigned>(index - base_);
    if (!all_ && at <= static_cast<unsigned>(kInline - kCount)) return &limbs_[at];
    grow();
    return &(*all_)[index];
  }

  void carry_all() {
    if (all_) {
      carry(*all_);
    } else {
      carry(limbs_);
      if (std::abs(limbs_.back()) >= kTopLimit) grow();
      if (all_) carry(*all_);
    }
    pending_ = 0;
  }

  /// Puts the inline limbs so that `count` limbs from `index` on are in their middle.
  void place(int index, int count) {
    base_ = static_cast<std::int16_t>(std::clamp(index - (kInline - count) / 2, 0, kAll - kInline - 1));
  }

  /// Adds limb by limb what is placed alike.
  void add_aligned(const LimbWindow& other) {
    Limbs more = other.limbs_;
    carry(more);
    carry_all();
    if (all_) return add(other.value());  // the top limb was full
    for (std::size_t k = 0; k < kInline; ++k) limbs_[k] += more[k];
    pending_ = kMostPending;  // the next addition carries first
  }

  void grow() {
    if (all_) return;
    all_ = std::make_unique<All>();
    std::copy(limbs_.begin(), limbs_.end(), all_->begin() + base_);
    limbs_ = {};
    base_ = kNowhere;
  }

  /// Leaves every limb but the last in [0, 2^32).
  template <std::size_t kSize>
  static void carry(std::array<std::int64_t, kSize>& limbs) noexcept {
    for (std::size_t k = 0; k + 1 < kSize; ++k) {
      limbs[k + 1] += limbs[k] >> 32;
      limbs[k] &= kLow;
    }
  }

  template <std::size_t kSize>
  static ScaledInteger canonical(std::array<std::int64_t, kSize> limbs, int base) {
    carry(limbs);
    ScaledInteger value;
    value.negative = limbs.back() < 0;
    if (value.negative) {
      for (std::int64_t& limb : limbs) limb = -limb;
      carry(limbs);
    }
    std::size_t first = 0;
    while (first + 1 < kSize && limbs[first] == 0) ++first;
    for (std::size_t k = first; k < kSize; ++k) value.magnitude.push_back(static_cast<std::uint32_t>(limbs[k]));
    value.magnitude.push_back(static_cast<std::uint32_t>(limbs.back() >> 32));
    natural::trim(value.magnitude);
    if (!value.magnitude.empty()) {
      const auto zeros =
          std::find_if(value.magnitude.begin(), value.magnitude.end(), [](auto limb) { return limb != 0; });
      first += static_cast<std::size_t>(zeros - value.magnitude.begin());  // only when the top limb's low half is zero
      value.magnitude.erase(value.magnitude.begin(), zeros);
      value.first = base + static_cast<int>(first);
    }
    return value;
  }

  Limbs limbs_{};
  std::unique_ptr<All> all_;
  std::int16_t base_ = kNowhere;
  std::uint16_t pending_ = 0;
};

}  // namespace penstock
