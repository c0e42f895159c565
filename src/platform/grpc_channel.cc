// SPDX-License-Identifier: MIT
#include "platform/grpc_channel.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "platform/http_post.h"

#ifdef PENSTOCK_HTTP
#include <fmt/format.h>

#include "platform/curl_library.h"
#endif

namespace penstock {

Result<std::string> grpc_message_in(std::string body) {
  constexpr std::size_t kHead = GrpcChannel::kHeadBytes;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(body[i]); };
  const auto torn = [&] {
    return Error(ErrorCode::kUnavailable, "the answer ends after " + std::to_string(body.size()) + " bytes");
  };
  if (body.size() < kHead) return torn();
  if (byte(0) != 0) return Error(ErrorCode::kDataLoss, "the answer is compressed, which was not asked for");
  std::size_t length = 0;
  for (std::size_t i = 1; i < kHead; ++i) length = length << 8U | byte(i);
  if (body.size() < kHead + length) return torn();
  if (body.size() > kHead + length) return Error(ErrorCode::kDataLoss, "the answer has more than one message");
  body.erase(0, kHead);
  return body;
}

// https://grpc.github.io/grpc/core/md_doc_statuscodes.html
Error grpc_error(int status, const std::string& message) {
  const std::string text = message.empty() ? "the server's status is " + std::to_string(status) : message;
  switch (status) {
    case 1: return Error(ErrorCode::kUnavailable, text);  // cancelled, and not by us
    case 3: return Error(ErrorCode::kInvalidArgument, text);
    case 4: return Error(ErrorCode::kTimeout, text);
    case 5: return Error(ErrorCode::kNotFound, text);
    case 7:
    case 16: return Error(ErrorCode::kPermissionDenied, text);
    case 8: return Error(ErrorCode::kResourceExhausted, text);
    case 12: return Error(ErrorCode::kUnsupported, text);
    case 14: return Error(ErrorCode::kUnavailable, text);
    case 15: return Error(ErrorCode::kDataLoss, text);
    default: return Error(ErrorCode::kUnavailable, text).retryable(false);
  }
}

#ifdef PENSTOCK_HTTP
namespace {

struct Answer {
  std::string body;
  std::string message;
  int status = -1;
  bool is_grpc = false;
  bool too_long = false;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* into) {
  Answer& answer = *static_cast<Answer*>(into);
  const std::size_t bytes = size * count;
  answer.too_long = answer.body.size() + bytes > GrpcChannel::kMaxAnswerBytes + GrpcChannel::kHeadBytes;
  if (answer.too_long) return 0;
  answer.body.append(data, bytes);
  return bytes;
}

int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

std::string without_percents(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    plain += escaped ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
    if (escaped) i += 2;
  }
  return plain;
}

// Trailers come here as well.
std::size_t take_header(char* data, std::size_t size, std::size_t count, void* into) {
  Answer& answer = *static_cast<Answer*>(into);
  std::string_view line(data, size * count);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  const std::size_t colon = line.find(": ");
  if (colon == std::string_view::npos) return size * count;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = line.substr(colon + 2);
  if (name == "content-type") answer.is_grpc = value.starts_with("application/grpc");
  if (name == "grpc-message") answer.message = without_percents(value);
  if (name == "grpc-status") {
    const bool is_number = !value.empty() && value.size() <= 3 &&
                           std::ranges::all_of(value, [](char digit) { return digit >= '0' && digit <= '9'; });
    answer.status = is_number ? std::stoi(std::string(value)) : 2;
  }
  return size * count;
}

void set_frame_head(std::string& request) {
  const std::size_t length = request.size() - GrpcChannel::kHeadBytes;
  request[0] = 0;  // not compressed
  for (unsigned i = 0; i < 4; ++i) request[4 - i] = static_cast<char>(length >> (8 * i) & 0xFFU);
}

CurlList headers(const std::string& authorization, std::chrono::milliseconds timeout) {
  // "Expect" is left out, since libcurl would wait for a "100 Continue".
  std::vector<std::string> lines = {
      "Content-Type: application/grpc", "TE: trailers",
      "Expect:", "Accept:", fmt::format("grpc-timeout: {}m", std::min<std::int64_t>(timeout.count(), 99999999))};
  if (!authorization.empty()) lines.push_back("authorization: " + authorization);
  CurlList list;
  for (const std::string& line : lines) {
    curl_slist* const longer = curl().slist_append(list.get(), line.c_str());
    if (longer == nullptr) return {};
    (void)list.release();
    list.reset(longer);
  }
  return list;
}

Error no_memory() { return Error(ErrorCode::kResourceExhausted, "libcurl has no memory left"); }

Error failure(CURLcode code, const char* error_text, const Answer& answer, std::chrono::milliseconds timeout) {
  if (answer.too_long) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("the answer has more than {} bytes", GrpcChannel::kMaxAnswerBytes));
  }
  if (code == CURLE_OPERATION_TIMEDOUT)
    return Error(ErrorCode::kTimeout, fmt::format("no answer within {} s", static_cast<double>(timeout.count()) / 1e3));
  const bool wrong = code == CURLE_URL_MALFORMAT;
  return Error(wrong ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable,
               error_text[0] == '\0' ? curl().easy_strerror(code) : error_text);
}

Result<CurlHandle> new_handle() {
  PENSTOCK_TRY(load_curl());
  CurlHandle handle(curl().easy_init());
  if (handle == nullptr) return no_memory();
  CURL* const easy = handle.get();
  if (curl().easy_setopt(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE}) != CURLE_OK)
    return Error(ErrorCode::kUnsupported, "the libcurl of this machine speaks no HTTP/2");
  curl().easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl().easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // does not wait for a name server that does not answer
  curl().easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
  curl().easy_setopt(easy, CURLOPT_PROXY, "");  // a proxy of HTTP/1 would not let it through
  curl().easy_setopt(easy, CURLOPT_USERAGENT, "penstock");
  curl().easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
  curl().easy_setopt(easy, CURLOPT_HEADERFUNCTION, &take_header);
  return handle;
}

}  // namespace

// A connection for each call: libcurl 7.88, that of Debian 12, fails when it uses one of HTTP/2 again that began
// without an upgrade ("Error in the HTTP2 framing layer").
Result<std::string> GrpcChannel::call(const std::string& method, std::string& request,
                                      std::chrono::milliseconds timeout) const {
  PENSTOCK_ASSIGN(const CurlHandle handle, new_handle());
  set_frame_head(request);
  CURL* const easy = handle.get();
  const std::string url = "http://" + host_and_port_ + "/" + method;
  const CurlList list = headers(authorization_, timeout);
  if (list == nullptr) return no_memory();
  char error_text[CURL_ERROR_SIZE] = {};
  Answer answer;
  curl().easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text);
  curl().easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl().easy_setopt(easy, CURLOPT_HTTPHEADER, list.get());
  curl().easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.size()));
  curl().easy_setopt(easy, CURLOPT_POSTFIELDS, request.data());
  curl().easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl().easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
  curl().easy_setopt(easy, CURLOPT_HEADERDATA, &answer);
  const CURLcode code = curl().easy_perform(easy);
  long http_status = 0;
  curl().easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http_status);
  // A status says more than how the connection ended.
  if (answer.status > 0) return grpc_error(answer.status, answer.message);
  if (code != CURLE_OK) return failure(code, error_text, answer, timeout);
  if (!answer.is_grpc || http_status != 200)
    return Error(ErrorCode::kInvalidArgument, fmt::format("no gRPC server answers there: HTTP status {}", http_status));
  if (answer.status < 0) return Error(ErrorCode::kUnavailable, "the answer ends without a status");
  return grpc_message_in(std::move(answer.body));
}
#else
Result<std::string> GrpcChannel::call(const std::string&, std::string&, std::chrono::milliseconds) const {
  PENSTOCK_TRY(http_is_there());
  return std::string();
}
#endif

}  // namespace penstock
