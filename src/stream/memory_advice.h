// SPDX-License-Identifier: MIT
// Whether `auto` may take more memory, from what was read. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "platform/memory_use.h"

namespace penstock {

struct MemoryAdvice {
  bool is_short = false;   ///< No more workers, smaller batches.
  bool by_others = false;  ///< Perhaps: not of the run's own limit.
  std::string why;         ///< "95 % of 512.0 MiB are in use"; empty where it is not short.
};

/// `in_flight`: bytes of the run's `limit` (MemoryBudget::kUnlimited: none).
MemoryAdvice advise_on_memory(const MemoryUse& use, std::size_t in_flight, std::size_t limit);

}  // namespace penstock
