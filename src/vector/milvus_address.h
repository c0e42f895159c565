// SPDX-License-Identifier: MIT
// Where a collection of Milvus is.
#pragma once

#include <penstock/result.h>

#include <chrono>
#include <string>
#include <string_view>

namespace penstock::milvus {

/// `milvus://[TOKEN@]HOST[:PORT]/COLLECTION[?timeout=30s]`, taken apart.
struct Address {
  std::string host_and_port;
  std::string collection;
  std::string token;  ///< "USER:PASSWORD" or a key; empty: none.
  std::chrono::milliseconds timeout{0};

  /// Without the token: for messages.
  std::string shown() const { return "milvus://" + host_and_port + "/" + collection; }
};

/// Whether `where` means a Milvus.
bool is_address(std::string_view where) noexcept;
/// Takes an address apart, which may say another `timeout`; a token that is not in it is that of the environment,
/// MILVUS_TOKEN. Errors: kInvalidArgument, with what is wrong with it and without the token; kUnsupported for
/// milvus+http.
Result<Address> parse_address(std::string_view where, std::chrono::milliseconds timeout = std::chrono::seconds(30));
/// The token as the header "authorization" carries it; empty when there is none.
std::string authorization_of(const Address& address);

}  // namespace penstock::milvus
