// SPDX-License-Identifier: MIT
// The ends of the transport "zeromq".
#pragma once

#include <penstock/transport.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "transport/zeromq/link.h"

namespace penstock::zeromq {

/// What a reader asked for, from checked options.
LinkOptions link_options(const TransportOptions& options, Topic topic);
/// Most bytes of a block. Errors: kResourceExhausted when `bytes` are more.
Status expect_room_for(std::size_t bytes, const TransportOptions& options);

std::unique_ptr<DictionaryBackend> make_dictionary();
Result<std::unique_ptr<StreamWriter>> open_stream_writer(const TransportOptions& options);
Result<std::unique_ptr<StreamReader>> open_stream_reader(const TransportOptions& options);

/// Counts a wait down in slices, so that a stop is seen in well under 100 ms.
class Deadline {
 public:
  explicit Deadline(const WaitLimit& limit) : limit_(limit) {}

  /// How long to sleep next; kTimeout ("WHAT within 5 ms") or kCancelled when the wait is over.
  Result<std::chrono::microseconds> next(const char* what) const;

 private:
  using Clock = std::chrono::steady_clock;

  const WaitLimit& limit_;
  const Clock::time_point begin_ = Clock::now();
};

}  // namespace penstock::zeromq
