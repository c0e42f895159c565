// SPDX-License-Identifier: MIT
// What `aggregate` keeps of each group: one accumulator per argument and kind of state, which several results may
// share.
#pragma once

#include <penstock/operator.h>

#include <cstdint>
#include <memory>
#include <span>

#include "expression/expression.h"

namespace penstock {

/// The state of all groups for one argument, by group number. Used by one worker.
///
/// Every kind gives the same bits for the same values of a group in whatever order and batches they came.
class Accumulator {
 public:
  virtual ~Accumulator();
  /// Makes room for so many groups; new ones are empty.
  virtual void resize(std::size_t groups) = 0;
  /// Adds row i to groups[i], all below the last `resize`. `values` has no nulls; without argument it has no meaning.
  virtual void add(const Column& values, std::span<const std::uint32_t> groups) = 0;
  /// Adds what `other` holds of its group i to groups[i], all below the last `resize`; `other` was made for the same
  /// kind and type. The same bits as if its values had been added here.
  virtual void merge(Accumulator& other, std::span<const std::uint32_t> groups) = 0;
  virtual void save(StateWriter& to) const = 0;
  /// Takes what one of the same kind and type saved, for as many groups as the last `resize` said; all are empty here.
  virtual Status restore(StateReader& from) = 0;
  /// Bytes of the heap. Cost: linear in the groups.
  virtual std::size_t heap_bytes() const = 0;
  /// Appends the result that `call` asks for, for each of `groups`; null for groups without a value, where counts are
  /// 0. kInvalidArgument when a sum of integers does not fit.
  virtual Status append(const AggregateCall& call, std::span<const std::uint32_t> groups, ColumnBuilder& to) = 0;
};

/// Which accumulator serves a call; calls of one argument with equal kinds share theirs.
enum class AccumulatorKind : std::uint8_t {
  kCount,
  kIntegerSum,
  kFloatSum,
  kMoments,
  kMin,
  kMax,
  kSketch,
  kValues,
};
AccumulatorKind accumulator_kind(const AggregateCall& call) noexcept;

/// Makes the accumulator for arguments of the type (of no meaning for kCount).
std::unique_ptr<Accumulator> make_accumulator(AccumulatorKind kind, Type argument);

}  // namespace penstock
