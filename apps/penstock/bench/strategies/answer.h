// SPDX-License-Identifier: MIT
// What came out of a job: a digest of all values in their order, and when the first record came.
#pragma once

#include <bit>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace penstock::app::bench {

/// Gathered by the sinks of a pipeline, or by the naive program beside it; equal digests mean equal answers. A job with
/// several outputs has a part for each, so that every part is used by one thread. Thread-compatible, also part by part.
class Answer {
 public:
  using Clock = std::chrono::steady_clock;

  class alignas(64) Part {
   public:
    void add(std::uint64_t value) noexcept {
      digest_ = (digest_ ^ value) * 0x9E3779B97F4A7C15;
      digest_ ^= digest_ >> 29;
    }
    void add(std::int64_t value) noexcept { add(static_cast<std::uint64_t>(value)); }
    void add(double value) noexcept { add(std::bit_cast<std::uint64_t>(value)); }
    void add(std::string_view text) noexcept {
      for (const char c : text) add(std::uint64_t{static_cast<unsigned char>(c)});
      add(std::uint64_t{text.size()});
    }
    /// Called behind the values of each record.
    void end_record() noexcept {
      if (records_++ == 0) first_ = Clock::now();
    }

   private:
    friend class Answer;
    std::uint64_t digest_ = 0;
    std::uint64_t records_ = 0;
    Clock::time_point first_ = Clock::time_point::max();
  };

  Answer() : parts_(2) {}
  /// Valid as long as the answer. 0: what comes first, 1: what is made of it.
  Part& part(std::size_t index) noexcept { return parts_[index]; }

  /// 16 hexadecimal digits.
  std::string digest() const;
  std::uint64_t records() const noexcept;
  /// From `begin` to the first record of any part; negative: none came.
  double first_seconds(Clock::time_point begin) const noexcept;

 private:
  std::deque<Part> parts_;
};

}  // namespace penstock::app::bench
