// SPDX-License-Identifier: MIT
// Everything, for small programs. Larger ones include what they use.
#pragma once

#include <penstock/exception.h>
#include <penstock/io.h>
#include <penstock/stream.h>

#include <cstdio>

namespace penstock {

/// Prints the error to standard error and returns 1, for `return ps::fail(report.error());` in main.
inline int fail(const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.to_text().c_str());
  return 1;
}

/// `256_MiB` and the like, as numbers of bytes.
inline namespace literals {
constexpr std::uint64_t operator""_KiB(unsigned long long number) noexcept { return number << 10; }
constexpr std::uint64_t operator""_MiB(unsigned long long number) noexcept { return number << 20; }
constexpr std::uint64_t operator""_GiB(unsigned long long number) noexcept { return number << 30; }
}  // namespace literals

}  // namespace penstock
