// SPDX-License-Identifier: MIT
#include "operators/etl/numeric_steps.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "data/column_layout.h"

namespace penstock {
namespace {

static_assert(std::endian::native == std::endian::little, "words of bits are bitmaps");

// The bits of rows [first, first + 64), as far as there are any.
std::uint64_t word_of_bits(const std::uint8_t* bits, std::size_t first, std::size_t rows) {
  std::uint64_t word = 0;
  std::memcpy(&word, bits + first / 8, std::min<std::size_t>(8, bitmap_bytes(rows - first)));
  return rows - first >= 64 ? word : word & ((std::uint64_t{1} << (rows - first)) - 1);
}

std::size_t count_nulls(const std::uint8_t* validity, std::size_t rows) {
  std::size_t valid = 0;
  for (std::size_t row = 0; row < rows; row += 64) {
    valid += static_cast<std::size_t>(std::popcount(word_of_bits(validity, row, rows)));
  }
  return rows - valid;
}

// Values under nulls are zero in a column.
void clear_nulls(double* values, std::size_t count, const std::uint8_t* validity, std::size_t first) {
  for (std::size_t row = 0; row < count; row += 64) {
    const std::size_t rows = std::min<std::size_t>(64, count - row);
    const std::uint64_t all = rows == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << rows) - 1;
    std::uint64_t nulls = ~word_of_bits(validity, first + row, first + row + rows) & all;
    for (; nulls != 0; nulls &= nulls - 1) values[row + static_cast<std::size_t>(std::countr_zero(nulls))] = 0;
  }
}

// The integers that are at least `bound`, from this one on; nothing: none is.
struct IntegerRange {
  std::int64_t least = 1;
  std::int64_t most = 0;
};
IntegerRange integers_between(double least, double most) {
  constexpr double kTooLarge = 0x1p63;
  const double low = std::ceil(least);
  const double high = std::floor(most);
  if (low >= kTooLarge || high < -kTooLarge || low > high) return {};
  return {low < -kTooLarge ? std::numeric_limits<std::int64_t>::min() : static_cast<std::int64_t>(low),
          high >= kTooLarge ? std::numeric_limits<std::int64_t>::max() : static_cast<std::int64_t>(high)};
}

}  // namespace

struct NumericSteps::Chunk {
  std::size_t first;  // row of the batch
  std::size_t count;
  const std::uint8_t* validity;  // of the batch; null: no row is null
  double* out;
  double* other;  // room for the values of another column
};

NumericSteps::NumericSteps(std::span<const NumericStep> steps, const LaneKernels& kernels) : kernels_(&kernels) {
  for (const NumericStep& step : steps) {
    steps_.push_back({step, nullptr});
    if (step.kind == NumericStep::Kind::kMoving) {
      steps_.back().window = std::make_unique<MovingWindow>(step.moving, step.window, kChunkRows, kernels);
    }
  }
}

Column NumericSteps::apply(const RecordBatch& rows, std::size_t column, BufferPool& pool) {
  const std::size_t count = rows.num_rows();
  Buffer validity = validity_of(rows, column, pool);
  Buffer values = pool.allocate(count * sizeof(double));
  values.set_size(count * sizeof(double));
  auto* const out = reinterpret_cast<double*>(values.mutable_data());
  std::array<double, kChunkRows> other;
  for (std::size_t first = 0; first < count; first += kChunkRows) {
    const Chunk chunk{first, std::min(kChunkRows, count - first), validity.data(), out + first, other.data()};
    apply_steps(rows, rows.column(column), chunk);
    if (validity) clear_nulls(chunk.out, chunk.count, validity.data(), first);
  }
  const std::size_t nulls = validity ? count_nulls(validity.data(), count) : 0;
  return {Type::kFloat64, count, nulls, std::move(validity), std::move(values)};
}

// Empty when no row is null.
Buffer NumericSteps::validity_of(const RecordBatch& rows, std::size_t column, BufferPool& pool) const {
  Buffer validity;
  const std::size_t bytes = bitmap_bytes(rows.num_rows());
  const auto restrict_to = [&](const Column& used) {
    if (used.validity() == nullptr) return;
    if (!validity) {
      validity = pool.allocate(bytes);
      validity.set_size(bytes);
      std::memcpy(validity.mutable_data(), used.validity(), bytes);
      return;
    }
    std::uint8_t* const bits = validity.mutable_data();
    for (std::size_t i = 0; i < bytes; ++i) bits[i] = static_cast<std::uint8_t>(bits[i] & used.validity()[i]);
  };
  restrict_to(rows.column(column));
  for (const Step& step : steps_) {
    if (step.what.kind == NumericStep::Kind::kCombine) restrict_to(rows.column(step.what.other));
  }
  return validity;
}

const double* NumericSteps::floats_of(const Column& column, const Chunk& chunk, double* converted) const {
  if (column.type() == Type::kFloat64) return column.float64s().data() + chunk.first;
  kernels_->from_int64(column.int64s().data() + chunk.first, converted, chunk.count);
  return converted;
}

// The first step reads the column, the following ones what the one before them left in the chunk of the result.
void NumericSteps::apply_steps(const RecordBatch& rows, const Column& column, const Chunk& chunk) {
  const double* from = floats_of(column, chunk, chunk.out);
  for (Step& step : steps_) {
    switch (step.what.kind) {
      case NumericStep::Kind::kMap:
        (kernels_->*step.what.map)(from, chunk.out, chunk.count, step.what.a, step.what.b);
        break;
      case NumericStep::Kind::kCombine: {
        const double* const other = floats_of(rows.column(step.what.other), chunk, chunk.other);
        (kernels_->*step.what.combine)(from, other, chunk.out, chunk.count);
        break;
      }
      case NumericStep::Kind::kMoving:
        if (from != chunk.out) std::memcpy(chunk.out, from, chunk.count * sizeof(double));
        step.window->apply(chunk.out, chunk.count, chunk.validity, chunk.first);
        break;
    }
    from = chunk.out;
  }
}

void NumericSteps::save(StateWriter& to) const {
  for (const Step& step : steps_) {
    if (step.window != nullptr) step.window->save(to);
  }
}

void NumericSteps::restore(StateReader& from) {
  for (const Step& step : steps_) {
    if (step.window != nullptr) step.window->restore(from);
  }
}

std::size_t NumericSteps::size_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const Step& step : steps_) bytes += step.window == nullptr ? 0 : step.window->size_bytes();
  return bytes;
}

void rows_between(const Column& column, double least, double most, std::vector<std::uint64_t>& words) {
  words.resize((column.size() + 63) / 64);
  if (column.type() == Type::kFloat64) {
    lane_kernels().between(column.float64s().data(), words.data(), column.size(), least, most);
  } else {
    const IntegerRange range = integers_between(least, most);
    lane_kernels().between_int64(column.int64s().data(), words.data(), column.size(), range.least, range.most);
  }
  if (column.validity() == nullptr) return;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] &= word_of_bits(column.validity(), i * 64, column.size());
}

}  // namespace penstock
