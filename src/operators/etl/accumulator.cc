// SPDX-License-Identifier: MIT
#include "operators/etl/accumulator.h"

#include <string>
#include <vector>

#include "base/check.h"
#include "data/exact_moments.h"
#include "data/exact_quantiles.h"
#include "data/exact_sum.h"
#include "data/quantile_sketch.h"
#include "operators/etl/key_word.h"

namespace penstock {

Accumulator::~Accumulator() = default;

namespace {

// The values of a column without nulls as doubles; integers are converted into `scratch`.
std::span<const double> as_doubles(const Column& values, std::vector<double>& scratch) {
  if (values.type() == Type::kFloat64) return values.float64s();
  scratch.assign(values.int64s().begin(), values.int64s().end());
  return scratch;
}

// Sums and sketches, which know how to be bytes.
template <class Values>
void save_as_bytes(StateWriter& to, const std::vector<Values>& groups) {
  std::string bytes;
  for (const Values& values : groups) values.append_bytes(bytes);
  to.text(bytes);
}

template <class Values>
Status restore_from_bytes(StateReader& from, std::vector<Values>& groups) {
  std::string_view bytes = from.text();
  for (Values& values : groups) {
    PENSTOCK_ASSIGN(values, Values::take_bytes(bytes));
  }
  return {};
}

class Counts final : public Accumulator {
 public:
  void resize(std::size_t groups) override { counts_.resize(groups); }
  void add(const Column&, std::span<const std::uint32_t> groups) override {
    for (const std::uint32_t group : groups) ++counts_[group];
  }
  void merge(Accumulator& other, std::span<const std::uint32_t> groups) override {
    const std::vector<std::uint64_t>& counts = static_cast<Counts&>(other).counts_;
    for (std::size_t i = 0; i < counts.size(); ++i) counts_[groups[i]] += counts[i];
  }
  void save(StateWriter& to) const override {
    for (const std::uint64_t count : counts_) to.integer(count);
  }
  Status restore(StateReader& from) override {
    for (std::uint64_t& count : counts_) count = from.integer();
    return {};
  }
  std::size_t heap_bytes() const override { return counts_.capacity() * sizeof(std::uint64_t); }
  Status append(const AggregateCall&, std::span<const std::uint32_t> groups, ColumnBuilder& to) override {
    for (const std::uint32_t group : groups) to.append_int64(static_cast<std::int64_t>(counts_[group]));
    return {};
  }
  std::uint64_t operator[](std::uint32_t group) const noexcept { return counts_[group]; }

 private:
  std::vector<std::uint64_t> counts_;
};

class IntegerSums final : public Accumulator {
 public:
  void resize(std::size_t groups) override {
    sums_.resize(groups);
    counts_.resize(groups);
  }
  void add(const Column& values, std::span<const std::uint32_t> groups) override {
    const std::int64_t* const integers = values.int64s().data();
    for (std::size_t i = 0; i < groups.size(); ++i) sums_[groups[i]].add(integers[i]);
    counts_.add(values, groups);
  }
  void merge(Accumulator& other, std::span<const std::uint32_t> groups) override {
    auto& sums = static_cast<IntegerSums&>(other);
    for (std::size_t i = 0; i < sums.sums_.size(); ++i) sums_[groups[i]].merge(sums.sums_[i]);
    counts_.merge(sums.counts_, groups);
  }
  void save(StateWriter& to) const override {
    save_as_bytes(to, sums_);
    counts_.save(to);
  }
  Status restore(StateReader& from) override {
    PENSTOCK_TRY(restore_from_bytes(from, sums_));
    return counts_.restore(from);
  }
  std::size_t heap_bytes() const override { return sums_.capacity() * sizeof(ExactIntegerSum) + counts_.heap_bytes(); }
  Status append(const AggregateCall& call, std::span<const std::uint32_t> groups, ColumnBuilder& to) override {
    for (const std::uint32_t group : groups) {
      if (counts_[group] == 0) {
        to.append_null();
      } else if (call.function == AggregateFunction::kMean) {
        to.append_float64(sums_[group].to_double() / static_cast<double>(counts_[group]));
      } else {
        PENSTOCK_ASSIGN(const std::int64_t sum, sums_[group].to_int64());
        to.append_int64(sum);
      }
    }
    return {};
  }

 private:
  std::vector<ExactIntegerSum> sums_;
  Counts counts_;
};

class FloatSums final : public Accumulator {
 public:
  void resize(std::size_t groups) override {
    sums_.resize(groups);
    counts_.resize(groups);
  }
  void add(const Column& values, std::span<const std::uint32_t> groups) override {
    ExactSum::add_scattered(sums_.data(), groups.data(), values.float64s().data(), groups.size());
    counts_.add(values, groups);
  }
  void merge(Accumulator& other, std::span<const std::uint32_t> groups) override {
    auto& sums = static_cast<FloatSums&>(other);
    for (std::size_t i = 0; i < sums.sums_.size(); ++i) sums_[groups[i]].merge(sums.sums_[i]);
    counts_.merge(sums.counts_, groups);
  }
  void save(StateWriter& to) const override {
    save_as_bytes(to, sums_);
    counts_.save(to);
  }
  Status restore(StateReader& from) override {
    PENSTOCK_TRY(restore_from_bytes(from, sums_));
    return counts_.restore(from);
  }
  std::size_t heap_bytes() const override {
    std::size_t bytes = sums_.capacity() * sizeof(ExactSum) + counts_.heap_bytes();
    for (const ExactSum& sum : sums_) bytes += sum.heap_bytes();
    return bytes;
  }
  Status append(const AggregateCall& call, std::span<const std::uint32_t> groups, ColumnBuilder& to) override {
    const bool mean = call.function == AggregateFunction::kMean;
    for (const std::uint32_t group : groups) {
      if (counts_[group] == 0) {
        to.append_null();
      } else {
        to.append_float64(sums_[group].to_double() / (mean ? static_cast<double>(counts_[group]) : 1.0));
      }
    }
    return {};
  }

 private:
  std::vector<ExactSum> sums_;
  Counts counts_;
};

class Moments final : public Accumulator {
 public:
  void resize(std::size_t groups) override { moments_.resize(groups); }
  void add(const Column& values, std::span<const std::uint32_t> groups) override {
    const std::span<const double> doubles = as_doubles(values, scratch_);
    for (std::size_t i = 0; i < groups.size(); ++i) moments_[groups[i]].add(doubles[i]);
  }
  void merge(Accumulator& other, std::span<const std::uint32_t> groups) override {
    const std::vector<ExactMoments>& moments = static_cast<Moments&>(other).moments_;
    for (std::size_t i = 0; i < moments.size(); ++i) moments_[groups[i]].merge(moments[i]);
  }
  void save(StateWriter& to) const override { save_as_bytes(to, moments_); }
  Status restore(StateReader& from) override { return restore_from_bytes(from, moments_); }
  std::size_t heap_bytes() const override {
    std::size_t bytes = moments_.capacity() * sizeof(ExactMoments) + scratch_.capacity() * sizeof(double);
    for (const ExactMoments& moments : moments_) bytes += moments.heap_bytes();
    return bytes;
  }
  Status append(const AggregateCall&, std::span<const std::uint32_t> groups, ColumnBuilder& to) override {
    for (const std::uint32_t group : groups) {
      if (moments_[group].count() < 2) {
        to.append_null();
      } else {
        to.append_float64(moments_[group].deviation());
      }
    }
    return {};
  }

 private:
  std::vector<ExactMoments> moments_;
  std::vector<double> scratch_;
};

// The smallest or largest value of eight bytes, as the word that has its order.
template <bool kLargest>
class WordExtremes final : public Accumulator {
 public:
  void resize(std::size_t groups) override { groups_.resize(groups); }
  void add(const Column& values, std::span<const std::uint32_t> groups) override {
    for_each_key_word(values, [&](std::size_t row, std::uint64_t word) { groups_[groups[row]].take(word); });
  }
  void merge(Accumulator& other, std::span<const std::uint32_t> groups) override {
    const std::vector<Group>& theirs = static_cast<WordExtremes&>(other).groups_;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      if (theirs[i].has_value) groups_[groups[i]].take(theirs[i].word);
    }
  }
  void save(StateWriter& to) const override {
    for (const Group& group : groups_) {
      to.integer(group.has_value ? 1 : 0);
      to.integer(group.word);
    }
  }
  Status restore(StateReader& from) override {
    for (Group& group : groups_) {
      group.has_value = from.integer() != 0;
      group.word = from.integer();
    }
    return {};
  }
  std::size_t heap_bytes() const override { return groups_.capacity() * sizeof(Group); }
  Status append(const AggregateCall&, std::span<const std::uint32_t> groups, ColumnBuilder& to) override {
    for (const std::uint32_t group : groups) {
      if (groups_[group].has_value) {
        append_key_word(to, groups_[group].word);
      } else {
        to.append_null();
      }
    }
    return {};
  }

 private:
  struct Group {
    std::uint64_t word = 0;
    bool has_value = false;

    void take(std::uint64_t candidate) noexcept {
      if (!has_value || (kLargest ? candidate > word : candidate < word)) *this = {candidate, true};
    }
  };
  std::vector<Group> groups_;
};

template <bool kLargest>
class TextExtremes final : public Accumulator {
 public:
  void resize(std::size_t groups) override { groups_.resize(groups); }
  void add(const Column& values, std::span<const std::uint32_t> groups) override {
    for (std::size_t row = 0; row < groups.size(); ++row) groups_[groups[row]].take(values.text(row));
  }
  void merge(Accumulator& other, std::span<const std::uint32_t> groups) override {
    const std::vector<Group>& theirs = static_cast<TextExtremes&>(other).groups_;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      if (theirs[i].has_value) groups_[groups[i]].take(theirs[i].text);
    }
  }
  void save(StateWriter& to) const override {
    for (const Group& group : groups_) {
      to.integer(group.has_value ? 1 : 0);
      to.text(group.text);
    }
  }
  Status restore(StateReader& from) override {
    for (Group& group : groups_) {
      group.has_value = from.integer() != 0;
      group.text = from.text();
    }
    return {};
  }
  std::size_t heap_bytes() const override {
    std::size_t bytes = groups_.capacity() * sizeof(Group);
    for (const Group& group : groups_) bytes += group.text.capacity();
    return bytes;
  }
  Status append(const AggregateCall&, std::span<const std::uint32_t> groups, ColumnBuilder& to) override {
    for (const std::uint32_t group : groups) {
      if (groups_[group].has_value) {
        to.append_text(groups_[group].text);
      } else {
        to.append_null();
      }
    }
    return {};
  }

 private:
  struct Group {
    std::string text;
    bool has_value = false;

    void take(std::string_view candidate) {
      if (has_value && !(kLargest ? candidate > text : candidate < text)) return;
      text = candidate;
      has_value = true;
    }
  };
  std::vector<Group> groups_;
};

// Quantiles of any kind: QuantileSketch or ExactQuantiles.
template <class Quantiles>
class QuantileAccumulator final : public Accumulator {
 public:
  void resize(std::size_t groups) override { groups_.resize(groups); }
  void add(const Column& values, std::span<const std::uint32_t> groups) override {
    const std::span<const double> doubles = as_doubles(values, scratch_);
    if constexpr (requires { &Quantiles::add_scattered; }) {
      Quantiles::add_scattered(groups_.data(), groups.data(), doubles.data(), groups.size());
    } else {
      for (std::size_t i = 0; i < groups.size(); ++i) groups_[groups[i]].add(doubles[i]);
    }
  }
  void merge(Accumulator& other, std::span<const std::uint32_t> groups) override {
    const std::vector<Quantiles>& theirs = static_cast<QuantileAccumulator&>(other).groups_;
    for (std::size_t i = 0; i < theirs.size(); ++i) merge(groups_[groups[i]], theirs[i]);
  }
  void save(StateWriter& to) const override { save_as_bytes(to, groups_); }
  Status restore(StateReader& from) override { return restore_from_bytes(from, groups_); }
  std::size_t heap_bytes() const override {
    std::size_t bytes = groups_.capacity() * sizeof(Quantiles) + scratch_.capacity() * sizeof(double);
    for (const Quantiles& quantiles : groups_) bytes += quantiles.heap_bytes();
    return bytes;
  }
  Status append(const AggregateCall& call, std::span<const std::uint32_t> groups, ColumnBuilder& to) override {
    for (const std::uint32_t group : groups) {
      if (groups_[group].count() == 0) {
        to.append_null();
      } else {
        to.append_float64(groups_[group].quantile(call.quantile));
      }
    }
    return {};
  }

 private:
  static void merge(ExactQuantiles& to, const ExactQuantiles& from) { to.merge(from); }
  static void merge(QuantileSketch& to, const QuantileSketch& from) {
    const Status merged = to.merge(from);
    PENSTOCK_CHECK(merged.has_value(), "all sketches of a run have one accuracy");
  }

  std::vector<Quantiles> groups_;
  std::vector<double> scratch_;
};

template <bool kLargest>
std::unique_ptr<Accumulator> make_extremes(Type argument) {
  if (argument == Type::kUtf8) return std::make_unique<TextExtremes<kLargest>>();
  return std::make_unique<WordExtremes<kLargest>>();
}

}  // namespace

AccumulatorKind accumulator_kind(const AggregateCall& call) noexcept {
  switch (call.function) {
    case AggregateFunction::kCount: break;
    case AggregateFunction::kSum:
    case AggregateFunction::kMean:
      return call.argument->type() == Type::kFloat64 ? AccumulatorKind::kFloatSum : AccumulatorKind::kIntegerSum;
    case AggregateFunction::kStd: return AccumulatorKind::kMoments;
    case AggregateFunction::kMin: return AccumulatorKind::kMin;
    case AggregateFunction::kMax: return AccumulatorKind::kMax;
    case AggregateFunction::kQuantile: return AccumulatorKind::kSketch;
    case AggregateFunction::kExactQuantile: return AccumulatorKind::kValues;
  }
  return AccumulatorKind::kCount;
}

std::unique_ptr<Accumulator> make_accumulator(AccumulatorKind kind, Type argument) {
  switch (kind) {
    case AccumulatorKind::kCount: break;
    case AccumulatorKind::kIntegerSum: return std::make_unique<IntegerSums>();
    case AccumulatorKind::kFloatSum: return std::make_unique<FloatSums>();
    case AccumulatorKind::kMoments: return std::make_unique<Moments>();
    case AccumulatorKind::kMin: return make_extremes<false>(argument);
    case AccumulatorKind::kMax: return make_extremes<true>(argument);
    case AccumulatorKind::kSketch: return std::make_unique<QuantileAccumulator<QuantileSketch>>();
    case AccumulatorKind::kValues: return std::make_unique<QuantileAccumulator<ExactQuantiles>>();
  }
  return std::make_unique<Counts>();
}

}  // namespace penstock
