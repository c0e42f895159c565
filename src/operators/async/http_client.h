// SPDX-License-Identifier: MIT
// HTTP by libcurl, in the loop of an operator.
#pragma once

#ifdef PENSTOCK_HTTP
#include <penstock/asio.h>
#include <penstock/async_io.h>

#include <memory>
#include <vector>

#include "operators/async/loop_part.h"
#include "platform/curl_library.h"
#include "platform/descriptor.h"

namespace penstock {

/// One request under way. Its coroutine owns it; it takes itself out of the client when it is destroyed.
class HttpExchange {
 public:
  explicit HttpExchange(HttpRequest request) : request_(std::move(request)) {}
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;
  ~HttpExchange();

  bool await_ready() const noexcept { return false; }
  /// False: it could not begin, and has a result.
  bool await_suspend(std::coroutine_handle<> waiting);
  Result<HttpResponse> await_resume() { return std::move(result_); }

 private:
  friend class HttpClient;
  Status set_up();
  void add_header(const std::string& line);
  void end(CURLcode code);
  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* exchange);

  HttpRequest request_;
  HttpResponse response_;
  Result<HttpResponse> result_ = HttpResponse();
  class HttpClient* client_ = nullptr;  // null: not in one
  CURL* easy_ = nullptr;
  curl_slist* headers_ = nullptr;
  bool too_large_ = false;
  std::coroutine_handle<> waiting_;
  char error_text_[CURL_ERROR_SIZE] = {};
};

/// The requests of one operator and its connections. libcurl says which sockets to watch; they are watched by an epoll
/// of its own, which asio watches: so no socket of libcurl belongs to two owners.
class HttpClient final : public detail::LoopPart {
 public:
  HttpClient();
  ~HttpClient() override;

  Status begin(HttpExchange& exchange);
  void forget(HttpExchange& exchange) noexcept;

 private:
  struct Alarm : detail::Timer {
    HttpClient* client = nullptr;
  };
  static int watch_socket(CURL* easy, curl_socket_t socket, int what, void* client, void* known);
  static int set_alarm(CURLM* multi, long wait_ms, void* client);
  void watch_epoll();
  void work_on_sockets();
  void work_on(curl_socket_t socket, int events);
  void resume_those_done();

  CURLM* const multi_;
  asio::posix::stream_descriptor epoll_;  // closes it
  Alarm alarm_;
};

}  // namespace penstock
#endif
