// SPDX-License-Identifier: MIT
// The group-by of the hand-written program: a few categories, each with a count, an exact sum, extremes and a
// histogram.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exact_sum.h"

namespace penstock::benchmark::csv_job {

/// What one category's totals come to. Amounts must be finite and not negative.
class Group {
 public:
  explicit Group(std::string_view name) : name_(name), histogram_(kBuckets) {}

  const std::string& name() const noexcept { return name_; }

  void add(double amount) noexcept {
    ++count_;
    sum_.add(amount);
    least_ = std::min(least_, amount);
    most_ = std::max(most_, amount);
    ++histogram_[bucket_of(amount)];
  }

  void merge(const Group& other) noexcept {
    count_ += other.count_;
    sum_.merge(other.sum_);
    least_ = std::min(least_, other.least_);
    most_ = std::max(most_, other.most_);
    for (std::size_t i = 0; i < kBuckets; ++i) histogram_[i] += other.histogram_[i];
  }

  /// One JSON object without a line feed; the keys are those of README.md.
  std::string to_json() {
    const double sum = sum_.rounded();
    std::string out = "{\"category\":\"" + name_ + "\",\"orders\":" + std::to_string(count_);
    const auto put = [&](const char* key, double value) {
      char text[32];
      out.append(",\"").append(key).append("\":").append(text, std::to_chars(text, text + sizeof text, value).ptr);
    };
    put("total", sum);
    put("mean", sum / static_cast<double>(count_));
    put("min", least_);
    put("max", most_);
    put("p95", quantile(0.95));
    return out + "}";
  }

 private:
  // 128 buckets per power of two from 2^-8 to 2^32, the last for all above: at most 0.4 % off from the bucket's middle.
  static constexpr std::size_t kBuckets = 40 * 128;
  static constexpr std::uint64_t kFirst = std::uint64_t{1023 - 8} << 7;

  static std::size_t bucket_of(double amount) noexcept {
    const std::uint64_t step = std::bit_cast<std::uint64_t>(amount) >> 45;
    return step < kFirst ? 0 : std::min<std::size_t>(step - kFirst, kBuckets - 1);
  }
  double quantile(double p) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(p * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    std::size_t i = 0;
    while (i + 1 < kBuckets && (seen += histogram_[i]) < wanted) ++i;
    const auto edge = [](std::size_t bucket) { return std::bit_cast<double>((kFirst + bucket) << 45); };
    return std::clamp((edge(i) + edge(i + 1)) / 2, least_, most_);
  }

  std::string name_;
  std::uint64_t count_ = 0;
  ExactSum sum_;
  double least_ = std::numeric_limits<double>::infinity();
  double most_ = 0;
  std::vector<std::uint32_t> histogram_;
};

/// All groups of one worker. Used by one worker.
class Totals {
 public:
  Group& of(std::string_view category) {
    for (std::size_t slot = hash(category) % kSlots;; slot = (slot + 1) % kSlots) {
      if (slots_[slot] == nullptr) return create(slot, category);
      if (slots_[slot]->name() == category) return *slots_[slot];
    }
  }
  void merge(const Totals& other) {
    for (const auto& group : other.groups_) of(group->name()).merge(*group);
  }
  /// Sorted by the bytes of the names.
  std::vector<Group*> sorted() const {
    std::vector<Group*> all;
    for (const auto& group : groups_) all.push_back(group.get());
    std::sort(all.begin(), all.end(), [](const Group* a, const Group* b) { return a->name() < b->name(); });
    return all;
  }

 private:
  static constexpr std::size_t kSlots = 4096;  // the job has 16 categories

  static std::size_t hash(std::string_view text) noexcept {
    std::uint64_t first = 0;
    std::memcpy(&first, text.data(), std::min<std::size_t>(text.size(), 8));
    return ((first ^ text.size()) * 0x9E3779B97F4A7C15u) >> 52;
  }
  Group& create(std::size_t slot, std::string_view category) {
    groups_.push_back(std::make_unique<Group>(category));
    if (groups_.size() == kSlots) std::abort();
    return *(slots_[slot] = groups_.back().get());
  }

  std::vector<std::unique_ptr<Group>> groups_;
  Group* slots_[kSlots] = {};
};

}  // namespace penstock::benchmark::csv_job
