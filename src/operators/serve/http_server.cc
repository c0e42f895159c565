// SPDX-License-Identifier: MIT
#ifdef PENSTOCK_SERVE
#include "operators/serve/http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "base/utf8.h"
#include "operators/serve/microhttpd_library.h"

namespace penstock {

// One request, from its first line until its answer was sent.
struct Served {
  ServedRequest request;
  MHD_Connection* connection = nullptr;
  enum class Phase : std::uint8_t { kReceiving, kWaiting, kAnswered } phase = Phase::kReceiving;
  bool too_large = false;
  std::chrono::steady_clock::time_point deadline = {};
  ServedAnswer answer = {};
};

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kLastWords{2};  // for answers on their way when the server ends
constexpr unsigned kSilentSeconds = 30;        // a client that neither sends nor takes anything for so long is cut off

ServedAnswer refusal(int status, const char* why) { return {.status = status, .body = fmt::format("{}\n", why)}; }

MHD_Result send_answer(MHD_Connection* connection, const ServedAnswer& answer) {
  MHD_Response* const response = microhttpd().create_response_from_buffer(
      answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  microhttpd().add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type.c_str());
  if (answer.status == MHD_HTTP_SERVICE_UNAVAILABLE) microhttpd().add_response_header(response, "Retry-After", "1");
  const MHD_Result sent = microhttpd().queue_response(connection, static_cast<unsigned>(answer.status), response);
  microhttpd().destroy_response(response);
  return sent;
}

MHD_Result append_argument(void* to, MHD_ValueKind, const char* name, const char* value) {
  auto& query = *static_cast<std::string*>(to);
  if (!query.empty()) query += '&';
  query += name;
  if (value != nullptr) query += fmt::format("={}", value);
  return MHD_YES;
}

}  // namespace

struct HttpServer::State {
  static MHD_Result access(void* self, MHD_Connection* connection, const char* url, const char* method, const char*,
                           const char* upload, std::size_t* upload_size, void** served);
  static void completed(void* self, MHD_Connection*, void** served, MHD_RequestTerminationCode);
  MHD_Result begin(MHD_Connection* connection, const char* url, const char* method, void** served);
  MHD_Result end_of_request(Served& served);
  void expire();
  bool answer_locked(std::uint64_t id, ServedAnswer answer);

  HttpServerOptions options;
  MHD_Daemon* daemon = nullptr;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::map<std::uint64_t, Served*> waiting;
  std::deque<std::uint64_t> not_taken;
  std::size_t open = 0;  // requests whose answer was not sent
  std::uint64_t next_id = 0;
  bool closing = false;
};

MHD_Result HttpServer::State::access(void* self, MHD_Connection* connection, const char* url, const char* method,
                                     const char*, const char* upload, std::size_t* upload_size, void** served) {
  auto& state = *static_cast<State*>(self);
  if (*served == nullptr) return state.begin(connection, url, method, served);
  Served& at = *static_cast<Served*>(*served);
  if (*upload_size > 0) {
    at.too_large = at.too_large || at.request.body.size() + *upload_size > state.options.max_body_bytes;
    if (!at.too_large) at.request.body.append(upload, *upload_size);
    *upload_size = 0;
    return MHD_YES;
  }
  if (at.phase == Served::Phase::kReceiving) return state.end_of_request(at);
  const std::lock_guard lock(state.mutex);
  return at.phase == Served::Phase::kAnswered ? send_answer(connection, at.answer) : MHD_YES;
}

MHD_Result HttpServer::State::begin(MHD_Connection* connection, const char* url, const char* method, void** served) {
  auto at = std::make_unique<Served>();
  at->connection = connection;
  at->request.method = method;
  at->request.path = url;
  microhttpd().get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &append_argument, &at->request.query);
  const char* const type =
      microhttpd().lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
  if (type != nullptr) at->request.content_type = type;
  *served = at.release();
  const std::lock_guard lock(mutex);
  ++open;
  return MHD_YES;
}

MHD_Result HttpServer::State::end_of_request(Served& served) {
  const ServedRequest& request = served.request;
  if (served.too_large) return send_answer(served.connection, refusal(413, "the body is too large"));
  if (!is_utf8(request.path) || !is_utf8(request.query) || !is_utf8(request.body) || !is_utf8(request.content_type)) {
    return send_answer(served.connection, refusal(400, "the request is not UTF-8"));
  }
  const std::lock_guard lock(mutex);
  if (closing || waiting.size() >= options.most_waiting) {
    return send_answer(served.connection, refusal(503, closing ? "the server ends" : "too many requests wait"));
  }
  served.phase = Served::Phase::kWaiting;
  served.request.id = next_id++;
  served.deadline = Clock::now() + options.answer_timeout;
  microhttpd().suspend_connection(served.connection);
  waiting.emplace(served.request.id, &served);
  not_taken.push_back(served.request.id);
  changed.notify_all();
  return MHD_YES;
}

void HttpServer::State::completed(void* self, MHD_Connection*, void** served, MHD_RequestTerminationCode) {
  if (*served == nullptr) return;
  auto& state = *static_cast<State*>(self);
  const std::unique_ptr<Served> at(static_cast<Served*>(*served));
  *served = nullptr;
  const std::lock_guard lock(state.mutex);
  if (at->phase == Served::Phase::kWaiting) state.waiting.erase(at->request.id);
  --state.open;
  state.changed.notify_all();
}

bool HttpServer::State::answer_locked(std::uint64_t id, ServedAnswer answer) {
  const auto found = waiting.find(id);
  if (found == waiting.end()) return false;
  Served& served = *found->second;
  waiting.erase(found);
  served.answer = std::move(answer);
  served.phase = Served::Phase::kAnswered;
  microhttpd().resume_connection(served.connection);
  return true;
}

// They came in order, so the first is the oldest.
void HttpServer::State::expire() {
  const Clock::time_point now = Clock::now();
  while (options.answer_timeout.count() > 0 && !waiting.empty() && waiting.begin()->second->deadline <= now)
    answer_locked(waiting.begin()->first, refusal(504, "there was no answer in time"));
}

namespace {

// The servers of this process, by what they were told to listen to.
struct Servers {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<HttpServer>> all;
};
Servers& servers() {
  static auto* const all = new Servers;
  return *all;
}

Result<sockaddr_in> address_of(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const std::string host = listen.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : listen.substr(colon + 1);
  const bool digits = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || std::stoi(port) > 65535 || ::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return Error(ErrorCode::kInvalidArgument, "not an IPv4 address with a port: " + listen)
        .hint("127.0.0.1:8080 serves this machine only, 0.0.0.0:8080 everybody");
  }
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  return address;
}

}  // namespace

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::shared_ptr<HttpServer>> HttpServer::start(HttpServerOptions options) {
  PENSTOCK_ASSIGN(const sockaddr_in address, address_of(options.listen));
  const std::lock_guard lock(servers().mutex);
  if (!servers().all[options.listen].expired()) {
    return Error(ErrorCode::kAlreadyExists, "this program serves there already: " + options.listen);
  }
  PENSTOCK_TRY(load_microhttpd());
  auto state = std::make_unique<State>();
  state->options = std::move(options);
  const std::string& listen = state->options.listen;
  state->daemon = microhttpd().start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &State::access, state.get(),
      MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED, &State::completed, state.get(),
      MHD_OPTION_CONNECTION_TIMEOUT, kSilentSeconds, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_END);
  if (state->daemon == nullptr) {
    return Error(ErrorCode::kUnavailable, "cannot listen at " + listen)
        .hint("is another program listening there, or is the port below 1024?");
  }
  std::shared_ptr<HttpServer> server(new HttpServer(std::move(state)));
  servers().all[server->state_->options.listen] = server;
  return server;
}

Result<std::shared_ptr<HttpServer>> HttpServer::find(const std::string& listen) {
  const std::lock_guard lock(servers().mutex);
  std::shared_ptr<HttpServer> found;
  for (const auto& [name, known] : servers().all) {
    std::shared_ptr<HttpServer> server = known.lock();
    if (!server || (!listen.empty() && name != listen)) continue;
    if (found) return Error(ErrorCode::kInvalidArgument, "there are several servers; say which one is meant");
    found = std::move(server);
  }
  if (found) return found;
  return Error(ErrorCode::kNotFound, "no http.serve is at work" + (listen.empty() ? "" : " at " + listen))
      .hint("a response needs a request: begin the pipeline with http.serve");
}

HttpServer::~HttpServer() {
  {
    std::unique_lock lock(state_->mutex);
    state_->closing = true;
    while (!state_->waiting.empty())
      state_->answer_locked(state_->waiting.begin()->first, refusal(503, "the server ends"));
    state_->changed.wait_for(lock, kLastWords, [this] { return state_->open == 0; });
  }
  microhttpd().stop_daemon(state_->daemon);
}

std::uint16_t HttpServer::port() const noexcept {
  const MHD_DaemonInfo* const info = microhttpd().get_daemon_info(state_->daemon, MHD_DAEMON_INFO_BIND_PORT);
  return info == nullptr ? 0 : info->port;
}

void HttpServer::take(std::vector<ServedRequest>& to, std::size_t most, std::chrono::milliseconds wait) {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.changed.wait_for(lock, wait, [&] { return !state.not_taken.empty(); });
  state.expire();
  for (; most > 0 && !state.not_taken.empty(); state.not_taken.pop_front()) {
    const auto found = state.waiting.find(state.not_taken.front());
    if (found == state.waiting.end()) continue;  // its time is up
    to.push_back(std::move(found->second->request));
    found->second->request.id = to.back().id;
    --most;
  }
}

std::size_t HttpServer::unanswered() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waiting.size() - std::min(state_->waiting.size(), state_->not_taken.size());
}

bool HttpServer::answer(std::uint64_t id, ServedAnswer answer) {
  const std::lock_guard lock(state_->mutex);
  return state_->answer_locked(id, std::move(answer));
}

void HttpServer::stop_taking() {
  const std::lock_guard lock(state_->mutex);
  state_->closing = true;
}

}  // namespace penstock
#endif
