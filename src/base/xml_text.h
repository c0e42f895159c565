// SPDX-License-Identifier: MIT
// Any text as text of XML and HTML pages.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

/// Returns `text` with &, <, > and " escaped, and with spaces for control characters other than '\n' and '\t'. Fit for
/// the content of elements and for attributes in double quotes.
std::string xml_text(std::string_view text);

}  // namespace penstock
