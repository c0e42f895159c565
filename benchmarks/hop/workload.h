// SPDX-License-Identifier: MIT
// The work of this question: source, f, g, sink, each of a few instructions. The sink's hash depends on the order of
// records, so a contender that loses, doubles or reorders a record gives another result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "timing.h"

namespace penstock::benchmark::hop {

inline constexpr std::size_t kBatch = 1024;
inline constexpr const char* kNumbersOneByOne = "uint64, one record at a time";
inline constexpr const char* kNumbersInBatches = "uint64, batches of 1,024";
inline constexpr const char* kOrdersOneByOne = "struct with strings, one record at a time";
inline constexpr const char* kOrdersInBatches = "struct with strings, batches of 1,024";

/// 64-bit numbers.
struct Numbers {
  using Record = std::uint64_t;
  static constexpr const char* kOneByOne = kNumbersOneByOne;
  static constexpr const char* kInBatches = kNumbersInBatches;

  static void make(std::uint64_t i, Record& record) { record = i; }
  static void f(Record& record) { record = record * 0x9E3779B97F4A7C15u + 1; }
  static void g(Record& record) { record ^= record >> 29; }
  static void sink(std::uint64_t& hash, const Record& record) { hash = hash * 0x100000001B3u + record; }
};

/// An order as programs hold it; `note` is too long for the string's own bytes, so a fresh one allocates.
struct Order {
  std::uint64_t id = 0;
  double amount = 0;
  std::string country;
  std::string note;
};

/// Structs with strings. `make` writes into a record that may be reused.
struct Orders {
  using Record = Order;
  static constexpr const char* kOneByOne = kOrdersOneByOne;
  static constexpr const char* kInBatches = kOrdersInBatches;

  static void make(std::uint64_t i, Record& record) {
    record.id = i;
    record.amount = static_cast<double>(i % 10'000) * 0.01;
    record.country.resize(2);
    record.country[0] = "bcdefghi"[i % 8];
    record.country[1] = 'e';
    record.note.assign("please ring twice and leave at the door", 39);
  }
  static void f(Record& record) {
    for (char& c : record.country) c = static_cast<char>(c - 'a' + 'A');
  }
  static void g(Record& record) { record.amount *= 1.25; }
  static void sink(std::uint64_t& hash, const Record& record) {
    hash = hash * 0x100000001B3u + record.id + static_cast<std::uint64_t>(record.amount) +
           static_cast<unsigned char>(record.country[0]) + record.note.size();
  }
};

}  // namespace penstock::benchmark::hop
