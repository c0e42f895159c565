// SPDX-License-Identifier: MIT
// Sleeping on a word of shared memory. std::atomic::wait uses a futex private to the process and never wakes another
// one.
#pragma once

#include <atomic>
#include <cstdint>

namespace penstock {

/// Sleeps while `word` holds `expected`, at most `timeout_ns`; may return early for no reason. Works between processes.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t timeout_ns) noexcept;

/// Wakes all that sleep on `word`. Cost: about 0.2 us even when nobody does.
void futex_wake_all(std::atomic<std::uint32_t>& word) noexcept;

}  // namespace penstock
