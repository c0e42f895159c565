// SPDX-License-Identifier: MIT
#include "platform/http_post.h"

#ifdef PENSTOCK_HTTP
#include <fmt/format.h>

#include <memory>

#include "platform/curl_library.h"
#endif

namespace penstock {

#ifdef PENSTOCK_HTTP
namespace {

std::size_t drop_body(char*, std::size_t size, std::size_t count, void*) { return size * count; }

int look_for_stop(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(stop)->load() ? 1 : 0;
}

}  // namespace

Status http_is_there() { return load_curl(); }

Status post_json(const std::string& url, const std::string& json, std::chrono::milliseconds timeout,
                 const std::atomic<bool>& stop) {
  PENSTOCK_TRY(load_curl());
  const CurlHandle handle(curl().easy_init());
  const CurlList headers(curl().slist_append(nullptr, "Content-Type: application/json"));
  if (handle == nullptr || headers == nullptr)
    return Error(ErrorCode::kResourceExhausted, "libcurl has no memory left");
  CURL* const easy = handle.get();
  char error_text[CURL_ERROR_SIZE] = {};
  curl().easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text);
  curl().easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl().easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // does not wait for a name server that does not answer
  curl().easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl().easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl().easy_setopt(easy, CURLOPT_USERAGENT, "penstock");
  curl().easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl().easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(json.size()));
  curl().easy_setopt(easy, CURLOPT_POSTFIELDS, json.c_str());
  curl().easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl().easy_setopt(easy, CURLOPT_WRITEFUNCTION, &drop_body);
  curl().easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl().easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &look_for_stop);
  curl().easy_setopt(easy, CURLOPT_XFERINFODATA, const_cast<std::atomic<bool>*>(&stop));
  const CURLcode code = curl().easy_perform(easy);
  if (code == CURLE_ABORTED_BY_CALLBACK) return Error(ErrorCode::kCancelled, url + ": the run was cancelled");
  if (code != CURLE_OK) {
    const bool wrong = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
    return Error(wrong ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable,
                 fmt::format("{}: {}", url, error_text[0] == '\0' ? curl().easy_strerror(code) : error_text));
  }
  long status = 0;
  curl().easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 200 && status < 300) return {};
  return Error(ErrorCode::kUnavailable, fmt::format("{}: the answer was {}", url, status));
}
#else
Status http_is_there() {
  return Error(ErrorCode::kUnsupported, "this build speaks no HTTP")
      .hint("install libasio-dev and libcurl4-openssl-dev, and build again");
}

Status post_json(const std::string&, const std::string&, std::chrono::milliseconds, const std::atomic<bool>&) {
  return http_is_there();
}
#endif

}  // namespace penstock
