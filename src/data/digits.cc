// SPDX-License-Identifier: MIT
#include "data/digits.h"

namespace penstock::digits {
namespace {

constexpr auto kPowersOfTen = [] {
  std::array<std::uint64_t, 20> powers{};
  std::uint64_t power = 1;
  for (auto& slot : powers) {
    slot = power;
    power *= 10;
  }
  return powers;
}();

}  // namespace

int count_digits(std::uint64_t number) noexcept {
  const int bits = 64 - std::countl_zero(number | 1);
  const int guess = bits * 1233 >> 12;  // log10(2) = 0.30103; one too many or right
  return guess + (number >= kPowersOfTen[guess] ? 1 : 0) + (number == 0 ? 1 : 0);
}

char* write_number(char* out, std::uint64_t number) noexcept {
  if (number < 10) {
    *out = static_cast<char>('0' + number);
    return out + 1;
  }
  char* const end = out + count_digits(number);
  char* at = end;
  while (number >= 100'000'000) {
    at -= 8;
    write_eight(at, static_cast<std::uint32_t>(number % 100'000'000));
    number /= 100'000'000;
  }
  auto rest = static_cast<std::uint32_t>(number);
  while (rest >= 100) {
    at -= 2;
    write_pair(at, rest % 100);
    rest /= 100;
  }
  if (at - out == 2) {
    write_pair(out, rest);
  } else if (at - out == 1) {
    *out = static_cast<char>('0' + rest);
  }
  return end;
}

}  // namespace penstock::digits
