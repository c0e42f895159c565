// SPDX-License-Identifier: MIT
// What operators on vectors share: columns of vectors and ids, and calls of stores that may have to be made again.
#pragma once

#include <penstock/operator.h>
#include <penstock/vector_store.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "stream/backoff.h"

namespace penstock {

/// A column of tensors of f32 of any shape, each a vector in C order.
struct VectorColumn {
  std::size_t index = 0;
  std::uint32_t dimension = 0;

  /// Of a row that is not null.
  std::span<const float> of(const RecordBatch& rows, std::size_t row) const noexcept {
    return rows.column(index).elements<float>().subspan(row * dimension, dimension);
  }
};

/// An option's value and where it was written.
struct GivenText {
  std::string text;
  std::string place;
};
GivenText given_text(const Options& options, std::string_view name);

/// Errors: kInvalidArgument, with the place, when there is no such column, or it holds no vectors.
Result<VectorColumn> find_vectors(std::string_view op, const StreamType& input, const GivenText& column);
/// The index of a column of texts or integers.
Result<std::size_t> find_ids(std::string_view op, const StreamType& input, const GivenText& column);
/// The text of an id that is not null.
std::string id_in(const Column& column, std::size_t row);

/// How calls of a store are made.
struct StoreCallOptions {
  std::string store;
  std::string place;
  std::uint32_t retries = 0;
  std::chrono::milliseconds timeout{0};
};
/// The options store, retries and call_timeout, and what they say.
std::vector<OptionInfo> store_call_option_infos();
Result<StoreCallOptions> store_call_options(const Options& options);

/// Makes calls of a store again while it is not there, after a pause that doubles each time. Used by one worker.
class StoreCalls {
 public:
  explicit StoreCalls(std::uint32_t retries) noexcept : retries_(retries) {}

  /// What `call` returns in the end; the last error when the run is cancelled meanwhile. `errors` counts attempts.
  template <class Call>
  auto make(const StopSignal& stop, RowErrors* errors, Call call) {
    constexpr std::int64_t kFirstPauseMicros = 100'000;
    constexpr std::int64_t kMostPauseMicros = 10'000'000;
    for (std::uint32_t attempt = 1;; ++attempt) {
      auto result = call();
      if (result || attempt > retries_ || !may_help(result.error())) return result;
      ErrorPolicy pause;
      pause.backoff_micros = std::min(backoff_before(attempt + 1, kFirstPauseMicros), kMostPauseMicros);
      if (!wait_before_attempt(2, pause, stop)) return result;
      if (errors != nullptr) errors->count_retry();
      ++made_again_;
    }
  }
  std::uint64_t made_again() const noexcept { return made_again_; }

 private:
  static bool may_help(const Error& error) noexcept {
    const bool away = error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kTimeout;
    return away && error.retryable();
  }

  std::uint32_t retries_;
  std::uint64_t made_again_ = 0;
};

}  // namespace penstock
