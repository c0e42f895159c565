// SPDX-License-Identifier: MIT
// Connections by TCP.
#pragma once

#include <penstock/result.h>

#include <string>
#include <string_view>

#include "platform/descriptor.h"

namespace penstock {

/// Says whether `path` is meant as an address, "tcp://HOST:PORT", and no file.
bool is_tcp_address(std::string_view path) noexcept;

/// Connects to "tcp://HOST:PORT"; HOST is a name, an IPv4 address, or an IPv6 address in brackets. kInvalidArgument for
/// what is no such address, kUnavailable when nobody answers there.
Result<Descriptor> connect_tcp(const std::string& address);

}  // namespace penstock
