// SPDX-License-Identifier: MIT
#include "platform/tcp.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace penstock {
namespace {

constexpr std::string_view kScheme = "tcp://";

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

Error not_an_address(const std::string& address) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("not an address to connect to: {}", address))
      .hint("tcp://HOST:PORT, for instance tcp://127.0.0.1:9000 or tcp://[::1]:9000");
}

// Host and port, both not empty.
Result<std::pair<std::string, std::string>> parts_of(const std::string& address) {
  const std::string rest = address.substr(kScheme.size());
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string::npos) return not_an_address(address);
  std::string host = rest.substr(0, colon);
  std::string port = rest.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos)
    return not_an_address(address);
  return std::pair(std::move(host), std::move(port));
}

}  // namespace

bool is_tcp_address(std::string_view path) noexcept { return path.starts_with(kScheme); }

Result<Descriptor> connect_tcp(const std::string& address) {
  PENSTOCK_ASSIGN(const auto parts, parts_of(address));
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int found = ::getaddrinfo(parts.first.c_str(), parts.second.c_str(), &wanted, &list);
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(list);
  if (found != 0) {
    return Error(ErrorCode::kUnavailable, fmt::format("cannot find {}: {}", address, ::gai_strerror(found)));
  }
  int fault = 0;
  for (const addrinfo* each = addresses.get(); each != nullptr; each = each->ai_next) {
    Descriptor socket(::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol));
    if (socket.is_open() &&
        uninterrupted([&] { return ::connect(socket.get(), each->ai_addr, each->ai_addrlen); }) == 0)
      return socket;
    fault = errno;
  }
  return Error(ErrorCode::kUnavailable, fmt::format("cannot connect to {}: {}", address, std::strerror(fault)))
      .hint("somebody must listen there before the pipeline begins");
}

}  // namespace penstock
