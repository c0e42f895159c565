// SPDX-License-Identifier: MIT
// How much tests do: the short form of every day or the long one, and less under sanitizers.
#pragma once

#include <cstdlib>

namespace penstock::testing {

/// Whether the long form is asked for: PENSTOCK_LONG_TESTS=1.
inline bool is_thorough() { return std::getenv("PENSTOCK_LONG_TESTS") != nullptr; }

/// Whether a sanitizer looks at every access: what counts to thousands then takes many times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace penstock::testing
