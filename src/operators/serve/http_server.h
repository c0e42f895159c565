// SPDX-License-Identifier: MIT
// A small HTTP server whose requests are answered by somebody else, later.
#pragma once

#ifdef PENSTOCK_SERVE
#include <penstock/result.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock {

struct ServedRequest {
  std::uint64_t id = 0;  ///< From 0, in the order in which they came.
  std::string method = {};
  std::string path = {};   ///< As sent, percent-decoded, without the query.
  std::string query = {};  ///< "a=1&b=2", percent-decoded.
  std::string content_type = {};
  std::string body = {};
};

struct ServedAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
};

struct HttpServerOptions {
  std::string listen = "127.0.0.1:8080";       ///< ADDRESS:PORT, an IPv4 address; port 0: any that is free.
  std::size_t most_waiting = 1000;             ///< Requests without an answer; more are answered 503.
  std::size_t max_body_bytes = 1U << 20;       ///< Larger ones are answered 413.
  std::chrono::microseconds answer_timeout{};  ///< Then the answer is 504.
};

/// Thread-safe. libmicrohttpd's own thread speaks with the clients. Bodies that are not UTF-8 are answered 400.
class HttpServer {
 public:
  /// kAlreadyExists when this process serves there already; kUnavailable when it cannot listen.
  static Result<std::shared_ptr<HttpServer>> start(HttpServerOptions options);
  /// The one that listens there; with an empty text the only one. kNotFound.
  static Result<std::shared_ptr<HttpServer>> find(const std::string& listen);
  /// Answers 503 to those who still wait.
  ~HttpServer();

  std::uint16_t port() const noexcept;
  /// Appends at most `most` requests; waits at most so long for the first. Answers those whose time is up.
  void take(std::vector<ServedRequest>& to, std::size_t most, std::chrono::milliseconds wait);
  /// Requests that were taken and have no answer yet.
  std::size_t unanswered() const;
  /// False when nobody waits for it any more.
  bool answer(std::uint64_t id, ServedAnswer answer);
  /// From now on new requests are answered 503.
  void stop_taking();

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

}  // namespace penstock
#endif
