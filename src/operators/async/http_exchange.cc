// SPDX-License-Identifier: MIT
#ifdef PENSTOCK_HTTP
#include <fmt/format.h>

#include "operators/async/async_loop.h"
#include "operators/async/http_client.h"
#endif
#include <penstock/async_io.h>

namespace penstock {

#ifdef PENSTOCK_HTTP
namespace {

ErrorCode error_code_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return ErrorCode::kTimeout;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_TOO_MANY_REDIRECTS: return ErrorCode::kInvalidArgument;
    case CURLE_OUT_OF_MEMORY: return ErrorCode::kResourceExhausted;
    case CURLE_PEER_FAILED_VERIFICATION: return ErrorCode::kPermissionDenied;
    default: return ErrorCode::kUnavailable;
  }
}

}  // namespace

HttpExchange::~HttpExchange() {
  if (client_ != nullptr) client_->forget(*this);
  if (easy_ != nullptr) curl().easy_cleanup(easy_);
  if (headers_ != nullptr) curl().slist_free_all(headers_);
}

bool HttpExchange::await_suspend(std::coroutine_handle<> waiting) {
  Status begun = set_up();
  if (begun) {
    auto& client = detail::AsyncLoop::current().part<HttpClient>(detail::LoopPart::kHttp);
    begun = client.begin(*this);
  }
  if (begun) {
    waiting_ = waiting;
  } else {
    result_ = std::move(begun).error();
  }
  return begun.has_value();
}

void HttpExchange::add_header(const std::string& line) {
  if (curl_slist* const more = curl().slist_append(headers_, line.c_str())) headers_ = more;
}

Status HttpExchange::set_up() {
  PENSTOCK_TRY(load_curl());
  for (const HttpHeader& header : request_.headers) {
    if ((header.name + header.value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("the header {} has a line break", header.name));
    }
    add_header(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  easy_ = curl().easy_init();
  if (easy_ == nullptr) return Error(ErrorCode::kResourceExhausted, "libcurl has no memory left");
  curl().easy_setopt(easy_, CURLOPT_PRIVATE, this);
  curl().easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_text_);
  curl().easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl().easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);  // does not wait for a name server that does not answer
  curl().easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl().easy_setopt(easy_, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl().easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
  curl().easy_setopt(easy_, CURLOPT_USERAGENT, "penstock");
  curl().easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "");
  curl().easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, request_.max_redirects > 0 ? 1L : 0L);
  curl().easy_setopt(easy_, CURLOPT_MAXREDIRS, static_cast<long>(request_.max_redirects));
  curl().easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &HttpExchange::take_body);
  curl().easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  if (!request_.body.empty() || request_.method == "POST") {
    curl().easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl().easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.c_str());
  }
  if (request_.method == "HEAD") curl().easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  // A POST becomes a GET where a redirect says so; curl would repeat a method that is set by name.
  if (request_.method != "POST" && (request_.method != "GET" || !request_.body.empty())) {
    curl().easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
  curl().easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
  return {};
}

std::size_t HttpExchange::take_body(char* data, std::size_t size, std::size_t count, void* exchange) {
  auto& self = *static_cast<HttpExchange*>(exchange);
  const std::size_t bytes = size * count;
  self.too_large_ = self.response_.body.size() + bytes > self.request_.max_body_bytes;
  if (self.too_large_) return CURL_WRITEFUNC_ERROR;
  self.response_.body.append(data, bytes);
  return bytes;
}

void HttpExchange::end(CURLcode code) {
  if (code == CURLE_OK) {
    long status = 0;
    const char* text = nullptr;
    curl().easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    if (curl().easy_getinfo(easy_, CURLINFO_CONTENT_TYPE, &text) == CURLE_OK && text != nullptr)
      response_.content_type = text;
    if (curl().easy_getinfo(easy_, CURLINFO_EFFECTIVE_URL, &text) == CURLE_OK && text != nullptr) response_.url = text;
    result_ = std::move(response_);
  } else if (too_large_) {
    result_ = Error(ErrorCode::kResourceExhausted,
                    fmt::format("the response of {} has more than {} bytes", request_.url, request_.max_body_bytes))
                  .retryable(false);
  } else {
    const char* const what = error_text_[0] == '\0' ? curl().easy_strerror(code) : error_text_;
    result_ = Error(error_code_of(code), fmt::format("{}: {}", request_.url, what));
  }
  client_->forget(*this);
  std::exchange(waiting_, nullptr).resume();
}

Task<Result<HttpResponse>> fetch(HttpRequest request) {
  HttpExchange exchange(std::move(request));
  co_return co_await exchange;
}
#else
Task<Result<HttpResponse>> fetch(HttpRequest) {
  co_return Error(ErrorCode::kUnsupported, "this build speaks no HTTP")
      .hint("install libasio-dev and libcurl4-openssl-dev, and build again");
}
#endif

}  // namespace penstock
