// SPDX-License-Identifier: MIT
// Bytes as text.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

/// Appends Base64 of `bytes`, padded (RFC 4648, section 4).
void append_base64(std::string& out, std::string_view bytes);

}  // namespace penstock
