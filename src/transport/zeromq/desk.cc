// SPDX-License-Identifier: MIT
#ifdef PENSTOCK_ZEROMQ
#include "transport/zeromq/desk.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "platform/file.h"

namespace penstock::zeromq {
namespace {

constexpr auto kBetweenLooks = std::chrono::milliseconds(5);
constexpr int kLooks = 14;  // three soon, then at twice the distance each: in all about ten seconds

// FNV-1a: a name that every build makes alike.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

// The board's name follows from the socket's folder itself, so that every way to write its path leads to the same.
Result<std::string> board_name(const std::string& address) {
  if (!is_ipc(address)) {
    std::string name = "zeromq-" + address.substr(0, 60);
    const auto is_allowed = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-';
    };
    std::replace_if(name.begin(), name.end(), [&](char c) { return !is_allowed(c); }, '-');
    return fmt::format("{}-{:x}", name, hash_of(address));
  }
  const std::string path = path_of(address);
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  struct stat info;
  if (::stat(folder.c_str(), &info) != 0) return file_error(errno, "open", folder);
  return fmt::format("zeromq-{:x}-{:x}-{:x}", info.st_dev, info.st_ino, hash_of(path.substr(slash + 1)));
}

// ZeroMQ takes an ipc path whatever is there: a living program's socket, a file. Only what a dead one left may go.
Status expect_free(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) return errno == ENOENT ? Status() : file_error(errno, "look at", path);
  if (!S_ISSOCK(info.st_mode)) {
    return Error(ErrorCode::kAlreadyExists, fmt::format("{} is there and no socket", path)).hint("choose another path");
  }
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), std::min(path.size(), sizeof name.sun_path - 1));
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool answers = ::connect(probe, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 || errno == EAGAIN;
  ::close(probe);
  if (!answers) return {};
  return Error(ErrorCode::kAlreadyExists, fmt::format("another program listens at {}", path))
      .hint("choose another path");
}

Error bind_error(int code, const std::string& address) {
  const char* const text = zmq().strerror(code);
  switch (code) {
    case EACCES:
    case EPERM: return Error(ErrorCode::kPermissionDenied, fmt::format("cannot listen at {}: {}", address, text));
    case ENODEV:
    case EADDRNOTAVAIL:
      return Error(ErrorCode::kInvalidArgument, fmt::format("cannot listen at {}: {}", address, text))
          .hint("the writer's address is one of this machine, or tcp://*:port");
    default: return Error(ErrorCode::kInvalidArgument, fmt::format("cannot listen at {}: {}", address, text));
  }
}

// The desk's thread must not be the one that a signal for the program interrupts.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

Desk::Desk(const TransportOptions& options, Topic topic, Service& service)
    : topic_(topic), max_readers_(options.max_readers), service_(service), endpoint_(ZMQ_ROUTER) {
  constexpr int kLinger = 10'000;
  constexpr int kLongestRequest = 4096;
  endpoint_.set(ZMQ_SNDHWM, 0);  // kNext and kCredit limit what is on the way
  endpoint_.set(ZMQ_ROUTER_MANDATORY, 1);
  endpoint_.set(ZMQ_LINGER, kLinger);
  endpoint_.set(ZMQ_MAXMSGSIZE, kLongestRequest);
  set_heartbeats(endpoint_, options.address, options.more.integer("peer_timeout"));
}

Result<std::unique_ptr<Desk>> Desk::open(const TransportOptions& options, Topic topic, Service& service) {
  PENSTOCK_TRY(check_address(options.address, true));
  auto desk = std::unique_ptr<Desk>(new Desk(options, topic, service));
  Arena::Place place;
  PENSTOCK_ASSIGN(place.name, board_name(options.address));
  place.mode = options.mode;
  Result<std::unique_ptr<NoticeWriter>> board = NoticeWriter::open(place, options.max_readers);
  if (!board && board.error().code() == ErrorCode::kAlreadyExists) {
    return Error(ErrorCode::kAlreadyExists, fmt::format("the address {} is taken", options.address))
        .caused_by(std::move(board).error());
  }
  if (!board) return Error(std::move(board).error());
  desk->board_ = std::move(*board);
  PENSTOCK_TRY(desk->bind(options));
  desk->wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return desk;
}

void Desk::start() {
  const SignalsBlocked blocked;
  thread_ = std::jthread([this] { serve(); });
}

Status Desk::bind(const TransportOptions& options) {
  const std::string& address = options.address;
  if (is_ipc(address)) PENSTOCK_TRY(expect_free(path_of(address)));
  if (zmq().bind(endpoint_.socket(), address.c_str()) != 0) {
    const int code = errno;
    return code == EADDRINUSE ? taken(options, topic_) : bind_error(code, address);
  }
  if (!is_ipc(address)) return {};
  path_ = path_of(address);
  if (::chmod(path_.c_str(), options.mode) == 0) return {};
  return file_error(errno, "set the permissions of", path_);
}

// Another spelling of the address, or another machine's number of processes, has another board; asking tells.
Error Desk::taken(const TransportOptions& options, Topic topic) const {
  LinkOptions asking = {options.address, topic, 4096, 500'000, options.more.integer("peer_timeout")};
  if (const std::size_t any = asking.address.find("*"); any != std::string::npos) {
    asking.address.replace(any, 1, "127.0.0.1");
  }
  const Result<std::unique_ptr<Link>> link = Link::connect(asking);
  const std::string who = link ? fmt::format("process {}", (*link)->welcome().pid) : "another program";
  return Error(ErrorCode::kAlreadyExists, fmt::format("{} listens at {}", who, options.address))
      .hint("choose another port");
}

Desk::~Desk() {
  if (!endpoint_.is_own_process()) {
    if (thread_.joinable()) thread_.detach();  // the thread is the parent's
    ::close(wake_);
    return;
  }
  closing_.store(true, std::memory_order_release);
  if (thread_.joinable()) {
    wake();
    thread_.join();
  }
  if (!path_.empty()) (void)::unlink(path_.c_str());  // ZeroMQ leaves it; the board is still ours, so is the path
  ::close(wake_);
}

void Desk::wake() noexcept {
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}

void Desk::serve() {
  while (!closing_.load(std::memory_order_acquire)) {
    zmq_pollitem_t items[] = {{endpoint_.socket(), 0, ZMQ_POLLIN, 0},
                              {endpoint_.monitor(), 0, ZMQ_POLLIN, 0},
                              {nullptr, wake_, ZMQ_POLLIN, 0}};
    (void)zmq().poll(items, 3, looks_left_ > 0 ? until_next_look() : -1);
    if ((items[2].revents & ZMQ_POLLIN) != 0) {
      std::uint64_t times = 0;
      (void)!::read(wake_, &times, sizeof times);
      service_.woken(*this);
    }
    listen();
    if (endpoint_.saw(ZMQ_EVENT_DISCONNECTED)) begin_to_look();
    look_for_the_gone();
    let_go();
  }
  listen();
  service_.closing(*this);
  let_go();
}

void Desk::listen() {
  while (true) {
    Message sender;
    if (zmq().msg_recv(sender.get(), endpoint_.socket(), ZMQ_DONTWAIT) < 0) return;
    const auto bytes = sender.bytes();
    const std::string identity(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    Incoming message;
    if (zmq().msg_more(sender.get()) == 0) continue;
    if (take(endpoint_.socket(), message) == Taken::kMessage) hear(identity, message);
    let_go();
  }
}

void Desk::hear(const std::string& identity, const Incoming& message) {
  const Head& head = message.head;
  const auto guest =
      std::find_if(guests_.begin(), guests_.end(), [&](const Guest& g) { return g.identity == identity; });
  if (head.kind == Kind::kHello && guest == guests_.end()) return admit(identity, head);
  if (head.kind == Kind::kBye) {
    Head gone;
    gone.kind = Kind::kGone;
    gone.pid = ::getpid();
    if (guest != guests_.end()) {
      const Guest left = std::move(*guest);
      guests_.erase(guest);
      readers_.store(static_cast<std::uint32_t>(guests_.size()), std::memory_order_relaxed);
      service_.left(left, false);
    }
    (void)put(identity, gone, false);
    return;
  }
  if (guest != guests_.end()) service_.heard(*this, *guest, head);
}

void Desk::admit(const std::string& identity, const Head& hello) {
  if (hello.layout != Head::kLayout) {
    return refuse(identity,
                  Error(ErrorCode::kUnsupported,
                        fmt::format("the reader speaks layout {}, the writer layout {}", hello.layout, Head::kLayout)));
  }
  if (hello.number != static_cast<std::uint64_t>(topic_)) {
    return refuse(identity,
                  Error(ErrorCode::kAlreadyExists, topic_ == Topic::kStream ? "there is a stream, no dictionary"
                                                                            : "there is a dictionary, no stream"));
  }
  if (guests_.size() >= max_readers_) {
    begin_to_look();
    return refuse(identity, Error(ErrorCode::kResourceExhausted,
                                  fmt::format("{} readers are there already, and max_readers is {}", guests_.size(),
                                              max_readers_)));
  }
  Guest& guest = guests_.emplace_back(Guest{identity, hello.pid, 0, 0});
  readers_.store(static_cast<std::uint32_t>(guests_.size()), std::memory_order_relaxed);
  Head words;
  words.kind = Kind::kWelcome;
  words.pid = ::getpid();
  service_.welcome(guest, words);
  if (!put(identity, words, false)) gone_.push_back(identity);
}

void Desk::refuse(const std::string& identity, const Error& error) {
  Head head;
  head.kind = Kind::kRefused;
  head.number = static_cast<std::uint64_t>(error.code());
  head.pid = ::getpid();
  if (!put(identity, head, true)) return;
  (void)zmq().send(endpoint_.socket(), error.message().data(), error.message().size(), ZMQ_DONTWAIT);
}

bool Desk::put(const std::string& identity, const Head& head, bool more) {
  const auto flags = ZMQ_DONTWAIT | ZMQ_SNDMORE;
  return zmq().send(endpoint_.socket(), identity.data(), identity.size(), flags) >= 0 &&
         zmq().send(endpoint_.socket(), &head, sizeof head, more ? flags : ZMQ_DONTWAIT) >= 0;
}

// ZeroMQ gives the buffer back, on a thread of its own, when the bytes have left.
void Desk::send(const Guest& guest, Kind kind, std::uint64_t number, const Buffer* bytes) {
  Head head;
  head.kind = kind;
  head.number = number;
  head.pid = ::getpid();
  if (!put(guest.identity, head, bytes != nullptr)) {
    gone_.push_back(guest.identity);
    return;
  }
  if (bytes == nullptr) return;
  if (bytes->size() == 0) {
    (void)zmq().send(endpoint_.socket(), "", 0, ZMQ_DONTWAIT);
    return;
  }
  auto* const kept = new Buffer(*bytes);
  const auto give_back = [](void*, void* hint) { delete static_cast<Buffer*>(hint); };
  zmq_msg_t message;
  zmq().msg_init_data(&message, const_cast<std::uint8_t*>(kept->data()), kept->size(), give_back, kept);
  if (zmq().msg_send(&message, endpoint_.socket(), ZMQ_DONTWAIT) < 0) zmq().msg_close(&message);
}

void Desk::begin_to_look() {
  looks_left_ = kLooks;
  next_look_ = Clock::time_point();
}

long Desk::until_next_look() const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_look_ - Clock::now());
  return std::max<long>(left.count(), 1);
}

// ZeroMQ says that some connection has ended, not whose. Sending shows it, a little after the event; on a busy machine
// it can be long after.
void Desk::look_for_the_gone() {
  if (looks_left_ == 0 || Clock::now() < next_look_) return;
  next_look_ = Clock::now() + kBetweenLooks * (1 << std::max(0, kLooks - looks_left_ - 2));
  --looks_left_;
  for (const Guest& guest : guests_) send(guest, Kind::kProbe, 0);
}

void Desk::let_go() {
  while (!gone_.empty()) {
    const std::string identity = std::move(gone_.back());
    gone_.pop_back();
    const auto guest =
        std::find_if(guests_.begin(), guests_.end(), [&](const Guest& g) { return g.identity == identity; });
    if (guest == guests_.end()) continue;
    const Guest left = std::move(*guest);
    guests_.erase(guest);
    readers_.store(static_cast<std::uint32_t>(guests_.size()), std::memory_order_relaxed);
    reclaimed_.fetch_add(1, std::memory_order_relaxed);
    service_.left(left, true);
  }
}

}  // namespace penstock::zeromq
#endif
