// SPDX-License-Identifier: MIT
#ifdef PENSTOCK_HTTP
#include "operators/async/http_client.h"

#include <sys/epoll.h>

#include <array>

#include "base/check.h"
#include "operators/async/async_loop.h"

namespace penstock {
namespace {

CURLM* new_multi() {
  CURLM* const multi = curl().multi_init();
  PENSTOCK_CHECK(multi != nullptr, "libcurl has no memory left");
  return multi;
}

int new_epoll() {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) throw std::bad_alloc();  // no descriptors left: an error of the call that needed it
  return epoll;
}

}  // namespace

HttpClient::HttpClient() : multi_(new_multi()), epoll_(current_io_context(), new_epoll()) {
  curl().multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &HttpClient::watch_socket);
  curl().multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl().multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &HttpClient::set_alarm);
  curl().multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  alarm_.client = this;
  alarm_.fire = [](detail::Timer& timer) { static_cast<Alarm&>(timer).client->work_on(CURL_SOCKET_TIMEOUT, 0); };
  watch_epoll();
}

HttpClient::~HttpClient() {
  curl().multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, nullptr);
  detail::stop_timer(alarm_);
  curl().multi_cleanup(multi_);
}

int HttpClient::watch_socket(CURL*, curl_socket_t socket, int what, void* client, void* known) {
  auto& self = *static_cast<HttpClient*>(client);
  const int epoll = self.epoll_.native_handle();
  if (what == CURL_POLL_REMOVE) {
    (void)::epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event{};
  event.data.fd = socket;
  if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
  if (known == nullptr) curl().multi_assign(self.multi_, socket, client);  // from now on it is known
  return ::epoll_ctl(epoll, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event) == 0 ? 0 : -1;
}

int HttpClient::set_alarm(CURLM*, long wait_ms, void* client) {
  auto& self = *static_cast<HttpClient*>(client);
  detail::stop_timer(self.alarm_);
  if (wait_ms >= 0) detail::start_timer(self.alarm_, std::chrono::milliseconds(wait_ms));
  return 0;
}

void HttpClient::watch_epoll() {
  epoll_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const asio::error_code& error) {
    if (error) return;
    work_on_sockets();
    watch_epoll();
  });
}

void HttpClient::work_on_sockets() {
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const std::uint32_t what = events[static_cast<std::size_t>(i)].events;
    int as_curl_says = 0;
    if ((what & EPOLLIN) != 0) as_curl_says |= CURL_CSELECT_IN;
    if ((what & EPOLLOUT) != 0) as_curl_says |= CURL_CSELECT_OUT;
    if ((what & (EPOLLERR | EPOLLHUP)) != 0) as_curl_says |= CURL_CSELECT_ERR;
    int running = 0;
    curl().multi_socket_action(multi_, events[static_cast<std::size_t>(i)].data.fd, as_curl_says, &running);
  }
  resume_those_done();
}

void HttpClient::work_on(curl_socket_t socket, int events) {
  int running = 0;
  curl().multi_socket_action(multi_, socket, events, &running);
  resume_those_done();
}

// A coroutine that goes on may begin another request, or end some: each message is asked for anew.
void HttpClient::resume_those_done() {
  int left = 0;
  while (CURLMsg* const message = curl().multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    HttpExchange* exchange = nullptr;
    curl().easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
    exchange->end(message->data.result);
  }
}

Status HttpClient::begin(HttpExchange& exchange) {
  const CURLMcode code = curl().multi_add_handle(multi_, exchange.easy_);
  if (code != CURLM_OK) return Error(ErrorCode::kInternal, curl().multi_strerror(code));
  exchange.client_ = this;
  return {};
}

void HttpClient::forget(HttpExchange& exchange) noexcept {
  curl().multi_remove_handle(multi_, exchange.easy_);
  exchange.client_ = nullptr;
}

}  // namespace penstock
#endif
