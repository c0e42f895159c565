// SPDX-License-Identifier: MIT
// Unary calls of gRPC: over HTTP/2 one message goes, and one comes back.
#pragma once

#include <penstock/result.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

namespace penstock {

/// The way to one server, without TLS. Thread-safe. Cost: every call makes a connection.
class GrpcChannel {
 public:
  /// A request begins with so many bytes for the head of its frame, which `call` puts there.
  static constexpr std::size_t kHeadBytes = 5;
  /// Longer answers are refused.
  static constexpr std::size_t kMaxAnswerBytes = std::size_t{256} << 20;

  /// `authorization` is sent as the header of that name, unless it is empty.
  GrpcChannel(std::string host_and_port, std::string authorization)
      : host_and_port_(std::move(host_and_port)), authorization_(std::move(authorization)) {}

  /// Calls `method`, as "package.Service/Method", and returns the message that comes back. Errors: kUnavailable when
  /// nobody answers or the answer ends early; kTimeout; what the server's status stands for; kUnsupported when this
  /// build or libcurl speaks no HTTP/2.
  Result<std::string> call(const std::string& method, std::string& request, std::chrono::milliseconds timeout) const;

 private:
  const std::string host_and_port_;
  const std::string authorization_;
};

/// The message in the body of an answer. Errors: kUnavailable when it is not whole, kDataLoss when it cannot be one.
Result<std::string> grpc_message_in(std::string body);
/// What a status other than 0 stands for.
Error grpc_error(int status, const std::string& message);

}  // namespace penstock
