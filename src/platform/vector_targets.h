// SPDX-License-Identifier: MIT
// Which vector instructions the processor has, as Highway numbers them.
#pragma once

#include <cstdint>
#include <optional>

namespace penstock {

/// Bits of Highway's targets; nothing where its library is not installed. The library measures a timer as soon as it is
/// loaded, which takes five times as long as starting this program; so it is loaded when the first loop asks.
/// Thread-safe.
std::optional<std::int64_t> supported_vector_targets();

}  // namespace penstock
