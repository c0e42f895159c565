// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/arguments.h"

#include <fmt/format.h>

#include <charconv>

namespace penstock::app {
namespace {

template <class T>
bool read_all(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<std::uint64_t> whole_number(std::string_view flag, std::string_view text, std::uint64_t least,
                                   std::uint64_t most) {
  std::uint64_t value = 0;
  if (read_all(text, value) && value >= least && value <= most) return value;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{} takes whole numbers from {} to {}, but \"{}\" was given", flag, least, most, text));
}

Result<double> decimal_number(std::string_view flag, std::string_view text, double least, double most) {
  double value = 0;
  if (read_all(text, value) && value >= least && value <= most) return value;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{} takes numbers from {} to {}, but \"{}\" was given", flag, least, most, text));
}

std::vector<std::string> comma_separated(std::string_view list) {
  std::vector<std::string> all;
  while (true) {
    const std::size_t comma = list.find(',');
    all.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return all;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace penstock::app
