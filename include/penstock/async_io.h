// SPDX-License-Identifier: MIT
// What coroutines of async operators can wait for beside a time: files, HTTP, programs. Sockets: see asio.h.
#pragma once

#include <penstock/task.h>

#include <cstdint>
#include <string>
#include <vector>

namespace penstock {

/// Awaited: the bytes of a regular file, read by other threads. Errors: those of opening and reading it;
/// kInvalidArgument when it is no regular file, kResourceExhausted when it has more than `max_bytes`; kUnsupported in
/// builds without asio.
Task<Result<std::string>> read_file(std::string path, std::size_t max_bytes = std::size_t{64} << 20);

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  HttpRequest() = default;
  explicit HttpRequest(std::string to) : url(std::move(to)) {}

  std::string url = {};  ///< http:// or https://.
  std::string method = "GET";
  std::vector<HttpHeader> headers = {};
  std::string body = {};
  std::size_t max_body_bytes = std::size_t{16} << 20;  ///< Of the response, after decompression.
  std::uint32_t max_redirects = 5;                     ///< 0: a redirect is a response like others.
};

struct HttpResponse {
  int status = 0;  ///< 200 …; of the last response, after redirects.
  std::string body = {};
  std::string content_type = {};
  std::string url = {};  ///< Where it came from, after redirects.
};

/// Awaited: the response to a request, whatever its status. Connections are kept for later requests of the operator.
/// Errors: kUnavailable, kTimeout when there was no whole response; kInvalidArgument for what is no URL of HTTP;
/// kResourceExhausted when the body is too large; kUnsupported in builds without libcurl.
Task<Result<HttpResponse>> fetch(HttpRequest request);

struct ProgramRequest {
  ProgramRequest() = default;
  explicit ProgramRequest(std::vector<std::string> words) : command(std::move(words)) {}

  std::vector<std::string> command = {};  ///< The program and its arguments; no shell is in between.
  std::string input = {};                 ///< What it reads from its standard input.
  std::size_t max_output_bytes = std::size_t{16} << 20;
};

struct ProgramEnd {
  int exit_code = 0;  ///< Meaningless when `signal` is not 0.
  int signal = 0;     ///< That killed it, or 0.
  std::string output = {};
};

/// Awaited: runs a program to its end and gives what it wrote to its standard output. It is killed, with all that it
/// started, when the coroutine is destroyed. Errors: kNotFound …: it cannot be started; kResourceExhausted: it writes
/// too much; kUnsupported in builds without asio. Cost: about 0.5 ms of the thread for the start.
Task<Result<ProgramEnd>> run_program(ProgramRequest request);

}  // namespace penstock
