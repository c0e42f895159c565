// SPDX-License-Identifier: MIT
#include "executor/worker_link.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "platform/file.h"

namespace penstock {
namespace {

// Ranges of addresses, not memory.
constexpr std::size_t kRegionBytes = SharedBlocks::kRegionBytes;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kMostReleased = 256;  // in one message; the rest goes with the next

struct RequestMessage {
  WorkRequest request;
  std::uint64_t num_released = 0;
  std::uint64_t released[kMostReleased];

  std::size_t size() const noexcept { return offsetof(RequestMessage, released) + num_released * sizeof(released[0]); }
};

std::uint64_t pages(std::size_t size_bytes) noexcept {
  return (std::max<std::size_t>(size_bytes, 1) + kPage - 1) / kPage * kPage;
}

Error gone(const char* who) { return Error(ErrorCode::kUnavailable, std::string(who) + " has gone"); }

// A socket of whole messages: one call, one message.
Status send_message(int socket, const void* bytes, std::size_t size, const char* peer) {
  if (uninterrupted([&] { return ::send(socket, bytes, size, MSG_NOSIGNAL); }) < 0) return gone(peer);
  return {};
}

// Returns the size of the message; 0 at the end.
std::size_t receive_message(int socket, void* bytes, std::size_t size) noexcept {
  const ssize_t received = uninterrupted([&] { return ::recv(socket, bytes, size, 0); });
  return received < 0 ? 0 : static_cast<std::size_t>(received);
}

}  // namespace

// ---- The worker's end ----------------------------------------------------------------------------------------------

WorkerLink::WorkerLink(Descriptor socket, SharedRegion to_worker, std::shared_ptr<SharedBlocks> blocks)
    : socket_(std::move(socket)), to_worker_(std::move(to_worker)), blocks_(std::move(blocks)) {}

Result<std::unique_ptr<WorkerLink>> WorkerLink::adopt(Descriptor socket, int to_worker, int to_parent) {
  PENSTOCK_ASSIGN(SharedRegion in, SharedRegion::adopt(to_worker, "penstock-work"));
  PENSTOCK_ASSIGN(SharedRegion out, SharedRegion::adopt(to_parent, "penstock-answers"));
  PENSTOCK_TRY(in.map());
  PENSTOCK_TRY(out.map());
  auto blocks = std::make_shared<SharedBlocks>(std::move(out), kPage);
  return std::unique_ptr<WorkerLink>(new WorkerLink(std::move(socket), std::move(in), std::move(blocks)));
}

Result<WorkRequest> WorkerLink::receive() {
  RequestMessage message;
  const std::size_t size = receive_message(socket_.get(), &message, sizeof message);
  if (size < offsetof(RequestMessage, released) || size != message.size()) return gone("the parent process");
  for (std::uint64_t i = 0; i < message.num_released; ++i) {
    blocks_->give_back(message.released[i]);
    kept_.erase(message.released[i]);
  }
  return message.request;
}

std::span<const std::byte> WorkerLink::request_bytes(const WorkRequest& request) const noexcept {
  return {to_worker_.data(), std::min<std::size_t>(request.size, to_worker_.size_bytes())};
}

Result<std::span<std::byte>> WorkerLink::room(std::size_t size_bytes) {
  PENSTOCK_ASSIGN(answer_, blocks_->take(size_bytes));
  answer_.size = size_bytes;
  return std::span<std::byte>(blocks_->data() + answer_.offset, size_bytes);
}

Status WorkerLink::reply(std::shared_ptr<const void> kept) {
  if (kept != nullptr) kept_[answer_.offset] = std::move(kept);
  return send_message(socket_.get(), &answer_, sizeof answer_, "the parent process");
}

// ---- The parent's end ----------------------------------------------------------------------------------------------

ParentLink::ParentLink(Descriptor socket, Descriptor workers_socket, SharedRegion to_worker, SharedRegion to_parent)
    : socket_(std::move(socket)),
      workers_socket_(std::move(workers_socket)),
      to_worker_(std::move(to_worker)),
      to_parent_(std::move(to_parent)) {}

Result<std::shared_ptr<ParentLink>> ParentLink::create() {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return file_error(errno, "make", "a pair of sockets");
  }
  Descriptor own(sockets[0]);
  Descriptor workers(sockets[1]);
  PENSTOCK_ASSIGN(SharedRegion to_worker, SharedRegion::create_anonymous("penstock-work", kRegionBytes));
  PENSTOCK_ASSIGN(SharedRegion to_parent, SharedRegion::create_anonymous("penstock-answers", kRegionBytes));
  PENSTOCK_TRY(to_worker.map());
  PENSTOCK_TRY(to_parent.map());
  PENSTOCK_TRY(to_parent.allocate(0, kPage));
  return std::shared_ptr<ParentLink>(
      new ParentLink(std::move(own), std::move(workers), std::move(to_worker), std::move(to_parent)));
}

std::array<int, 3> ParentLink::for_worker() const noexcept {
  return {workers_socket_.get(), to_worker_.descriptor(), to_parent_.descriptor()};
}

Result<std::span<std::byte>> ParentLink::room(std::size_t size_bytes) {
  if (size_bytes > to_worker_.size_bytes()) {
    return Error(ErrorCode::kResourceExhausted, "a batch is too large for the memory that processes share");
  }
  if (size_bytes > backed_) {
    const std::uint64_t end = std::min<std::uint64_t>(pages(size_bytes * 2), to_worker_.size_bytes());
    PENSTOCK_TRY(to_worker_.allocate(backed_, end - backed_));
    backed_ = end;
  }
  return std::span<std::byte>(to_worker_.data(), size_bytes);
}

Status ParentLink::send(const WorkRequest& request) {
  RequestMessage message;
  message.request = request;
  {
    const std::lock_guard lock(mutex_);
    message.num_released = std::min(released_.size(), kMostReleased);
    std::copy_n(released_.end() - static_cast<std::ptrdiff_t>(message.num_released), message.num_released,
                message.released);
    released_.resize(released_.size() - message.num_released);
  }
  return send_message(socket_.get(), &message, message.size(), "the worker process");
}

ParentLink::Event ParentLink::wait(int timeout_ms, int process_descriptor) {
  pollfd polled[2] = {{socket_.get(), POLLIN, 0}, {process_descriptor, POLLIN, 0}};
  const int ready = ::poll(polled, process_descriptor >= 0 ? 2 : 1, timeout_ms);
  if (ready == 0 || (ready < 0 && errno == EINTR)) return Event::kTimeout;
  // An answer that a worker gave before it ended counts.
  if ((polled[0].revents & POLLIN) == 0) return Event::kGone;
  if ((polled[0].revents & POLLHUP) == 0) return Event::kAnswer;
  char byte = 0;
  return ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0 ? Event::kAnswer : Event::kGone;
}

// A worker gets memory from the start of its region on, without gaps. What lies behind as much as it has must not be
// touched: that would make memory, as much as a worker gone wild says.
const std::byte* ParentLink::lent(const BlockPlace& place) {
  if (place.offset > to_parent_.size_bytes() || place.size > to_parent_.size_bytes() - place.offset) return nullptr;
  if (place.offset + place.size > answers_end_) {
    const Result<SharedRegion::Owner> owner = to_parent_.owner();
    if (owner) answers_end_ = owner->allocated_bytes;
    if (place.offset + place.size > answers_end_) return nullptr;
  }
  return to_parent_.data() + place.offset;
}

Result<ParentLink::Answer> ParentLink::take() {
  BlockPlace place;
  const std::size_t size = receive_message(socket_.get(), &place, sizeof place);
  const bool fits = size == sizeof place && place.offset >= kPage && place.offset % kPage == 0;
  const std::byte* const begin = fits ? lent(place) : nullptr;
  if (begin == nullptr) return Error(ErrorCode::kDataLoss, "its answer names memory that does not exist");
  const std::span<const std::byte> bytes(begin, place.size);
  std::shared_ptr<const void> keeper(bytes.data(), [link = shared_from_this(), offset = place.offset](const void*) {
    const std::lock_guard lock(link->mutex_);
    link->released_.push_back(offset);
  });
  return Answer{bytes, std::move(keeper)};
}

}  // namespace penstock
