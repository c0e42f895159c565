// SPDX-License-Identifier: MIT
// What a loop keeps for the coroutines of its operator: connections, threads that read files.
#pragma once

#include <cstdint>

namespace penstock::detail {

/// Made when it is first used; destroyed before the loop's reactor, when no coroutine is left.
class LoopPart {
 public:
  virtual ~LoopPart();
  enum Kind : std::uint8_t { kFiles, kHttp, kKinds };
};

}  // namespace penstock::detail
