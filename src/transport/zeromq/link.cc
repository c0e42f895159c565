// SPDX-License-Identifier: MIT
#ifdef PENSTOCK_ZEROMQ
#include "transport/zeromq/link.h"

#include <fmt/format.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/check.h"
#include "transport/arena.h"

namespace penstock::zeromq {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kIpc = "ipc://";
constexpr std::string_view kTcp = "tcp://";
constexpr const char* kMonitorAddress = "inproc://monitor";
constexpr int kEnds = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                      ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

std::int64_t micros_since(Clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count();
}

Error invalid(const std::string& address, std::string_view why) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("no address of zeromq: \"{}\": {}", address, why))
      .hint("ipc:///folder/name on one machine, tcp://host:port between machines");
}

}  // namespace

// ---- Addresses -----------------------------------------------------------------------------------------------------

bool is_ipc(const std::string& address) noexcept { return address.starts_with(kIpc); }
std::string path_of(const std::string& address) { return address.substr(kIpc.size()); }

Status check_address(const std::string& address, bool writes) {
  if (is_ipc(address)) {
    const std::string path = path_of(address);
    constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
    if (path.empty() || path.back() == '/') return invalid(address, "it names no file");
    // An abstract name has no permissions, and "*" is a name that nobody else could know.
    if (path.front() == '@' || path.front() == '*') return invalid(address, "it must be a path");
    if (path.size() > kLongest) return invalid(address, fmt::format("a socket's path has at most {} bytes", kLongest));
    return {};
  }
  if (!address.starts_with(kTcp)) return invalid(address, "it begins neither with ipc:// nor with tcp://");
  const std::size_t colon = address.rfind(':');
  const std::string port = address.substr(colon + 1);
  if (colon < kTcp.size() || port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string::npos || std::stoi(port) < 1 || std::stoi(port) > 65'535) {
    return invalid(address, "it needs a port from 1 to 65535");
  }
  const std::string host = address.substr(kTcp.size(), colon - kTcp.size());
  if (host.empty() || (host == "*" && !writes)) return invalid(address, "it needs a host");
  return {};
}

// ---- Messages ------------------------------------------------------------------------------------------------------

void skip_rest(void* socket, zmq_msg_t* last) {
  bool more = zmq().msg_more(last) != 0;
  while (more) {
    Message ignored;
    if (zmq().msg_recv(ignored.get(), socket, ZMQ_DONTWAIT) < 0) return;
    more = zmq().msg_more(ignored.get()) != 0;
  }
}

// ZeroMQ delivers the frames of a message together, so only the first can be missing.
Taken take(void* socket, Incoming& message) {
  Message first;
  if (zmq().msg_recv(first.get(), socket, ZMQ_DONTWAIT) < 0) return Taken::kNothing;
  const bool fits = first.bytes().size() == sizeof message.head;
  if (fits) std::memcpy(&message.head, first.bytes().data(), sizeof message.head);
  if (!fits || message.head.magic != Head::kMagic) {
    skip_rest(socket, first.get());
    return Taken::kForeign;
  }
  zmq().msg_close(message.payload.get());
  zmq().msg_init(message.payload.get());
  if (zmq().msg_more(first.get()) == 0) return Taken::kMessage;
  if (zmq().msg_recv(message.payload.get(), socket, ZMQ_DONTWAIT) < 0) return Taken::kForeign;
  skip_rest(socket, message.payload.get());
  return Taken::kMessage;
}

// ---- Endpoint ------------------------------------------------------------------------------------------------------

Endpoint::Endpoint(int type) : generation_(fork_generation()), context_(zmq().ctx_new()) {
  socket_ = zmq().socket(context_, type);
  PENSTOCK_CHECK(socket_ != nullptr, "zeromq: no socket could be made: too many open files");
  zmq().socket_monitor(socket_, kMonitorAddress, ZMQ_EVENT_ALL);
  monitor_ = zmq().socket(context_, ZMQ_PAIR);
  zmq().connect(monitor_, kMonitorAddress);
}

Endpoint::~Endpoint() {
  if (!is_own_process()) return;  // the threads that would close it are the parent's
  zmq().socket_monitor(socket_, nullptr, 0);
  zmq().close(monitor_);
  zmq().close(socket_);
  while (zmq().ctx_term(context_) != 0 && errno == EINTR) {
  }
}

bool Endpoint::is_own_process() const noexcept { return fork_generation() == generation_; }

void Endpoint::set(int option, std::int64_t value) noexcept {
  const int narrow = static_cast<int>(value);
  const bool wide = option == ZMQ_MAXMSGSIZE;
  const int code = wide ? zmq().setsockopt(socket_, option, &value, sizeof value)
                        : zmq().setsockopt(socket_, option, &narrow, sizeof narrow);
  PENSTOCK_CHECK(code == 0, "zeromq: an option was refused");
}

bool Endpoint::saw(int events) noexcept {
  bool seen = false;
  while (true) {
    Message event;
    if (zmq().msg_recv(event.get(), monitor_, ZMQ_DONTWAIT) < 0) return seen;
    std::uint16_t number = 0;
    if (event.bytes().size() >= sizeof number) std::memcpy(&number, event.bytes().data(), sizeof number);
    skip_rest(monitor_, event.get());
    seen = seen || (number & events) != 0;
  }
}

void set_heartbeats(Endpoint& endpoint, const std::string& address, std::int64_t peer_timeout_micros) {
  if (is_ipc(address)) return;  // the kernel tells at once
  constexpr std::int64_t kDay = 86'400'000;
  const std::int64_t millis = std::clamp<std::int64_t>(peer_timeout_micros / 1000, 100, kDay);
  endpoint.set(ZMQ_HEARTBEAT_IVL, millis / 4);
  endpoint.set(ZMQ_HEARTBEAT_TIMEOUT, millis);
}

// ---- Link ----------------------------------------------------------------------------------------------------------

Link::Link(const LinkOptions& options) : endpoint_(ZMQ_DEALER) {
  constexpr int kAnHour = 3'600'000;
  // A limit of messages that drops or blocks inside ZeroMQ is not wanted: what may be on the way is limited by kNext
  // and kCredit.
  endpoint_.set(ZMQ_RCVHWM, 0);
  endpoint_.set(ZMQ_SNDHWM, 0);
  endpoint_.set(ZMQ_LINGER, 0);
  endpoint_.set(ZMQ_MAXMSGSIZE, static_cast<std::int64_t>(options.max_bytes));
  // Not -1, which throws away what was received before the connection was lost.
  endpoint_.set(ZMQ_RECONNECT_IVL, kAnHour);
  set_heartbeats(endpoint_, options.address, options.peer_timeout_micros);
}

Result<std::unique_ptr<Link>> Link::connect(const LinkOptions& options) {
  PENSTOCK_TRY(check_address(options.address, false));
  if (is_ipc(options.address) && ::access(path_of(options.address).c_str(), F_OK) != 0 && errno == ENOENT) {
    return Error(ErrorCode::kNotFound, fmt::format("nobody writes to {}", options.address))
        .hint("start its writer first");
  }
  auto link = std::unique_ptr<Link>(new Link(options));
  PENSTOCK_TRY(link->shake_hands(options));
  return link;
}

Status Link::shake_hands(const LinkOptions& options) {
  if (zmq().connect(endpoint_.socket(), options.address.c_str()) != 0) {
    return invalid(options.address, zmq().strerror(errno));
  }
  send(Kind::kHello, static_cast<std::uint64_t>(options.topic));
  const Clock::time_point begin = Clock::now();
  Incoming message;
  for (std::int64_t waited = 0; waited < options.connect_timeout_micros; waited = micros_since(begin)) {
    wait(-1, options.connect_timeout_micros - waited);
    const Got got = receive(message);
    if (got == Got::kLost) {
      return Error(ErrorCode::kNotFound, fmt::format("nobody writes to {}", options.address))
          .hint("start its writer first");
    }
    if (got == Got::kNothing) continue;
    if (message.head.kind == Kind::kRefused) {
      const auto text = message.payload.bytes();
      const auto code = static_cast<ErrorCode>(
          std::min<std::uint64_t>(message.head.number, static_cast<std::uint64_t>(ErrorCode::kInternal)));
      return Error(code, std::string(reinterpret_cast<const char*>(text.data()), text.size())).at(options.address);
    }
    if (message.head.kind != Kind::kWelcome) continue;
    welcome_ = message.head;
    connected_ = true;
    return {};
  }
  return Error(ErrorCode::kUnavailable, fmt::format("who listens at {} does not answer as Penstock does, for {} ms",
                                                    options.address, options.connect_timeout_micros / 1000))
      .hint("is it another program's address?");
}

Link::~Link() {
  if (!connected_ || lost_ || !endpoint_.is_own_process()) return;
  constexpr std::int64_t kSecond = 1'000'000;
  send(Kind::kBye, 0);
  const Clock::time_point begin = Clock::now();
  Incoming message;
  for (std::int64_t waited = 0; waited < kSecond; waited = micros_since(begin)) {
    const Got got = receive(message);
    if (got == Got::kLost || (got == Got::kMessage && message.head.kind == Kind::kGone)) return;
    if (got == Got::kNothing) wait(-1, kSecond - waited);
  }
}

void Link::send(Kind kind, std::uint64_t number) noexcept {
  Head head;
  head.kind = kind;
  head.number = number;
  head.pid = ::getpid();
  (void)zmq().send(endpoint_.socket(), &head, sizeof head, ZMQ_DONTWAIT);
}

// All that came before the end is in the socket's queue when the monitor tells of the end, so one more look finds it.
Link::Got Link::receive(Incoming& message) {
  while (true) {
    const Taken taken = take(endpoint_.socket(), message);
    if (taken == Taken::kMessage) return Got::kMessage;
    if (taken == Taken::kForeign) continue;
    if (lost_) return Got::kLost;
    if (!endpoint_.saw(kEnds)) return Got::kNothing;
    lost_ = true;
  }
}

void Link::wait(int descriptor, std::int64_t micros) noexcept {
  zmq_pollitem_t items[] = {{endpoint_.socket(), 0, ZMQ_POLLIN, 0},
                            {endpoint_.monitor(), 0, ZMQ_POLLIN, 0},
                            {nullptr, descriptor, ZMQ_POLLIN, 0}};
  constexpr std::int64_t kMicrosPerMilli = 1000;
  const std::int64_t millis = micros <= 0 ? 0 : (micros + kMicrosPerMilli - 1) / kMicrosPerMilli;
  (void)zmq().poll(items, descriptor < 0 ? 2 : 3, static_cast<long>(millis));
}

}  // namespace penstock::zeromq
#endif
