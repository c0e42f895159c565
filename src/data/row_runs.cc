// SPDX-License-Identifier: MIT
#include "data/row_runs.h"

#include <penstock/batch.h>

#include <algorithm>
#include <bit>

namespace penstock {
namespace {

constexpr std::size_t kShortestMean = 4;  // shorter runs cost more than single rows

constexpr std::size_t bitmap_bytes(std::size_t bits) { return (bits + 7) / 8; }

Buffer allocate_sized(BufferPool& pool, std::size_t bytes) {
  Buffer buffer = pool.allocate(bytes);
  buffer.set_size(bytes);
  return buffer;
}

// Where the run that starts at `begin` ends. Eight rows at a time, without a branch for each, which the compiler turns
// into vectors.
std::size_t end_of_run(std::span<const std::uint32_t> rows, std::size_t begin) {
  const std::uint32_t shift = rows[begin] - static_cast<std::uint32_t>(begin);
  const auto fits = [&](std::size_t i) { return rows[i] == static_cast<std::uint32_t>(i) + shift; };
  std::size_t end = begin + 1;
  for (; end + 8 <= rows.size(); end += 8) {
    bool all = true;
    for (std::size_t i = end; i < end + 8; ++i) all = all & fits(i);
    if (!all) break;
  }
  while (end < rows.size() && fits(end)) ++end;
  return end;
}

// Appends bits, up to 64 at once.
class BitWriter {
 public:
  explicit BitWriter(std::uint8_t* to) noexcept : to_(to) {}
  /// The bits above the lowest `count` are zero.
  void append(std::uint64_t bits, unsigned count) noexcept {
    ones_ += static_cast<std::size_t>(std::popcount(bits));
    word_ |= bits << filled_;
    filled_ += count;
    if (filled_ < 64) return;
    std::memcpy(to_, &word_, 8);
    to_ += 8;
    filled_ -= 64;
    word_ = filled_ == 0 ? 0 : bits >> (count - filled_);
  }
  /// Returns how many of all bits are ones.
  std::size_t finish() noexcept {
    if (filled_ > 0) std::memcpy(to_, &word_, bitmap_bytes(filled_));
    return ones_;
  }

 private:
  std::uint8_t* to_;
  std::uint64_t word_ = 0;
  unsigned filled_ = 0;
  std::size_t ones_ = 0;
};

void append_run(BitWriter& writer, const std::uint8_t* from, RowRun run) {
  constexpr std::uint32_t kMost = 56;  // with the up to 7 bits before them in one word
  for (std::uint32_t done = 0; done < run.size; done += kMost) {
    const std::uint32_t begin = run.begin + done;
    const std::uint32_t count = std::min(kMost, run.size - done);
    std::uint64_t word = 0;
    std::memcpy(&word, from + begin / 8, bitmap_bytes(begin % 8 + count));
    writer.append(word >> begin % 8 & ((std::uint64_t{1} << count) - 1), count);
  }
}

struct Bitmap {
  Buffer bits;
  std::size_t zeros = 0;
};

Bitmap take_bits(const std::uint8_t* from, const RowRuns& runs, BufferPool& pool) {
  Bitmap bitmap{allocate_sized(pool, bitmap_bytes(runs.size()))};
  BitWriter writer(bitmap.bits.mutable_data());
  for (const RowRun run : runs.runs()) append_run(writer, from, run);
  if (runs.scattered()) {
    for (const std::uint32_t row : runs.rows()) writer.append(get_bit(from, row) ? 1 : 0, 1);
  }
  bitmap.zeros = runs.size() - writer.finish();
  return bitmap;
}

// int64, timestamp and float64 alike: eight bytes per value.
Buffer take_words(const Column& column, const RowRuns& runs, BufferPool& pool) {
  Buffer values = allocate_sized(pool, runs.size() * 8);
  const std::int64_t* const from = column.int64s().data();
  auto* to = reinterpret_cast<std::int64_t*>(values.mutable_data());
  for (const RowRun run : runs.runs()) to = std::copy_n(from + run.begin, run.size, to);
  if (runs.scattered()) {
    for (const std::uint32_t row : runs.rows()) *to++ = from[row];
  }
  return values;
}

Buffer take_tensors(const Column& column, const RowRuns& runs, BufferPool& pool) {
  const std::size_t row_bytes = column.tensor_row().bytes;
  Buffer values = allocate_sized(pool, runs.size() * row_bytes);
  const auto* const from = column.elements<std::uint8_t>().data();
  std::uint8_t* to = values.mutable_data();
  for (const RowRun run : runs.runs()) to = std::copy_n(from + run.begin * row_bytes, run.size * row_bytes, to);
  if (runs.scattered()) {
    for (const std::uint32_t row : runs.rows()) to = std::copy_n(from + row * row_bytes, row_bytes, to);
  }
  return values;
}

struct Texts {
  Buffer offsets;
  Buffer bytes;
};

Texts take_texts(const Column& column, const RowRuns& runs, BufferPool& pool) {
  const std::int32_t* const from = column.offsets();
  const std::size_t count = runs.scattered() ? runs.size() : runs.runs().size();
  const auto run_at = [&](std::size_t i) { return runs.scattered() ? RowRun{runs.rows()[i], 1} : runs.runs()[i]; };
  std::size_t total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const RowRun run = run_at(i);
    total += static_cast<std::size_t>(from[run.begin + run.size] - from[run.begin]);
  }
  Texts texts{allocate_sized(pool, (runs.size() + 1) * sizeof(std::int32_t)), allocate_sized(pool, total)};
  auto* to = reinterpret_cast<std::int32_t*>(texts.offsets.mutable_data());
  char* bytes = reinterpret_cast<char*>(texts.bytes.mutable_data());
  std::int32_t at = 0;
  *to++ = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const RowRun run = run_at(i);
    const std::int32_t* const ends = from + run.begin + 1;
    const std::int32_t first = from[run.begin];
    for (std::uint32_t j = 0; j < run.size; ++j) to[j] = ends[j] - first + at;
    to += run.size;
    const std::int32_t size = from[run.begin + run.size] - first;
    if (size > 0) std::memcpy(bytes + at, column.bytes() + first, static_cast<std::size_t>(size));
    at += size;
  }
  return texts;
}

}  // namespace

RowRuns::RowRuns(std::span<const std::uint32_t> rows) : rows_(rows) {
  const std::size_t most = rows.size() / kShortestMean + 1;
  for (std::size_t begin = 0; begin < rows.size();) {
    const std::size_t end = end_of_run(rows, begin);
    runs_.push_back({rows[begin], static_cast<std::uint32_t>(end - begin)});
    begin = end;
    if (runs_.size() > most) {
      runs_.clear();
      scattered_ = true;
      return;
    }
  }
}

bool RowRuns::all_of(std::size_t num_rows) const noexcept {
  if (rows_.size() != num_rows || scattered_) return false;
  return num_rows == 0 || (runs_.size() == 1 && runs_[0].begin == 0);
}

Column take_rows(const Column& column, const RowRuns& runs, BufferPool& pool) {
  Bitmap valid;
  if (column.validity() != nullptr) valid = take_bits(column.validity(), runs, pool);
  const Type type = column.type();
  switch (type) {
    case Type::kUtf8:
    case Type::kImage: {
      Texts texts = take_texts(column, runs, pool);
      return {type, runs.size(), valid.zeros, std::move(valid.bits), std::move(texts.offsets), std::move(texts.bytes)};
    }
    case Type::kBool:
      return {type, runs.size(), valid.zeros, std::move(valid.bits), take_bits(column.bits(), runs, pool).bits};
    case Type::kTensor:
      return {type,     runs.size(),        valid.zeros, std::move(valid.bits), take_tensors(column, runs, pool),
              Buffer(), column.tensor_row()};
    default: return {type, runs.size(), valid.zeros, std::move(valid.bits), take_words(column, runs, pool)};
  }
}

}  // namespace penstock
