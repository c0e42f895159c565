// SPDX-License-Identifier: MIT
// Addresses, as messages and records may show them.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

/// `address` without what stands before the host, a user's name, password or token, and without what stands behind a
/// question mark. A path stays as it is.
std::string address_without_secrets(std::string_view address);

}  // namespace penstock
