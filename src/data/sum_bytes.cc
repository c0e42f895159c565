// SPDX-License-Identifier: MIT
#include "data/sum_bytes.h"

#include <fmt/format.h>

namespace penstock {

void append_u64(std::string& out, std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

bool take_u64(std::string_view& bytes, std::uint64_t& value) {
  if (bytes.size() < 8) return false;
  value = 0;
  for (std::size_t k = 8; k-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[k]);
  bytes.remove_prefix(8);
  return true;
}

void append_scaled_integer(std::string& out, const ScaledInteger& value) {
  out.push_back(value.negative ? 1 : 0);
  out.push_back(static_cast<char>(value.first));
  out.push_back(static_cast<char>(value.magnitude.size()));
  for (const std::uint32_t limb : value.magnitude) {
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(limb >> shift));
  }
}

Result<ScaledInteger> take_scaled_integer(std::string_view& bytes, int limit) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  if (bytes.size() < 3 || byte(0) > 1 || byte(1) + byte(2) >= limit) return sum_bytes_error("a long number");
  const std::size_t count = byte(2);
  if (bytes.size() < 3 + 4 * count) return sum_bytes_error("a long number");
  ScaledInteger value;
  value.negative = byte(0) == 1;
  value.first = byte(1);
  for (std::size_t at = 3; at < 3 + 4 * count; at += 4) {
    value.magnitude.push_back(std::uint32_t{byte(at)} | std::uint32_t{byte(at + 1)} << 8 |
                              std::uint32_t{byte(at + 2)} << 16 | std::uint32_t{byte(at + 3)} << 24);
  }
  const bool canonical =
      count == 0 ? value == ScaledInteger{} : value.magnitude.front() != 0 && value.magnitude.back() != 0;
  if (!canonical) return sum_bytes_error("a long number");
  bytes.remove_prefix(3 + 4 * count);
  return value;
}

Error sum_bytes_error(std::string_view what) {
  return Error(ErrorCode::kDataLoss, fmt::format("partial result is corrupt: expected {}", what))
      .hint("make sure that both sides run the same version of penstock");
}

}  // namespace penstock
