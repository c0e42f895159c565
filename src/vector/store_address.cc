// SPDX-License-Identifier: MIT
#include "vector/store_address.h"

namespace penstock {

std::string address_without_secrets(std::string_view address) {
  const std::size_t scheme = address.find("://");
  if (scheme == std::string_view::npos) return std::string(address);
  const std::size_t host = scheme + 3;
  std::string_view shown = address.substr(host);
  // The last '@': one in a password need not have been written as %40, nor a question mark as %3F.
  const std::size_t at = shown.rfind('@');
  if (at != std::string_view::npos) shown.remove_prefix(at + 1);
  shown = shown.substr(0, shown.find('?'));
  return std::string(address.substr(0, host)) + std::string(shown);
}

}  // namespace penstock
