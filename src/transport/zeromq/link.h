// SPDX-License-Identifier: MIT
// What both ends of the transport "zeromq" say to each other, and a reader's connection to a writer.
//
// A message is a `Head`, and for some kinds a second frame. Words are little-endian.
//
//   reader                              writer
//   kHello  number: topic               kWelcome  number: versions or sequence numbers so far; block: that of the
//                                                 version that is there to be asked for, 0: none; of a stream 1
//                                                 when each batch goes to one reader only
//                                       kRefused  number: error code; second frame: why
//   kNext   number: seen so far         kBlock    number: version; second frame: the bytes. One for each kNext.
//   kCredit number: batches given back  kBlock    number: sequence number, as long as there is credit
//                                       kEnd      nothing more comes; number: the last sequence number
//   kBye                                kGone     the writer has forgotten the reader
//                                       kProbe    nothing: sending it shows whether the reader is still there
#pragma once

#include <penstock/transport.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "transport/zeromq/library.h"

namespace penstock::zeromq {

enum class Kind : std::uint16_t {
  kHello = 1,
  kWelcome,
  kRefused,
  kNext,
  kBlock,
  kCredit,
  kEnd,
  kBye,
  kGone,
  kProbe,
};

/// What is at an address.
enum class Topic : std::uint64_t { kDictionary = 1, kStream = 2 };

/// The first frame of a message.
struct Head {
  static constexpr std::uint32_t kMagic = 0x6b747370;  // "pstk"
  static constexpr std::uint16_t kLayout = 1;

  std::uint32_t magic = kMagic;
  std::uint16_t layout = kLayout;
  Kind kind = Kind::kProbe;
  std::uint64_t number = 0;
  std::uint64_t block = 0;
  std::int64_t pid = 0;  ///< Of the sender.
};
static_assert(sizeof(Head) == 32);

/// Owns a `zmq_msg_t`.
class Message {
 public:
  Message() noexcept { zmq().msg_init(&message_); }
  ~Message() { zmq().msg_close(&message_); }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  zmq_msg_t* get() noexcept { return &message_; }
  std::span<const std::byte> bytes() noexcept {
    return {static_cast<const std::byte*>(zmq().msg_data(&message_)), zmq().msg_size(&message_)};
  }

 private:
  zmq_msg_t message_;
};

/// One message without its sender's identity.
struct Incoming {
  Head head;
  Message payload;
};
enum class Taken : std::uint8_t { kMessage, kForeign, kNothing };
/// Takes the frames of the next message, behind an identity where the socket gives one. What is not of this protocol is
/// thrown away.
Taken take(void* socket, Incoming& message);
/// Throws away what is left of a message after its frame `last`.
void skip_rest(void* socket, zmq_msg_t* last);

/// A context with one socket and its monitor. A fork leaves what it inherited alone.
class Endpoint {
 public:
  explicit Endpoint(int type);
  /// Waits until what was sent has left this process, at most as long as the socket's linger.
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  void* socket() const noexcept { return socket_; }
  void* monitor() const noexcept { return monitor_; }
  void set(int option, std::int64_t value) noexcept;  ///< An option that ZeroMQ has as an int or an int64.
  /// Says whether one of these events came since the last call; takes all that came.
  bool saw(int events) noexcept;
  bool is_own_process() const noexcept;

 private:
  const std::uint32_t generation_;
  void* context_ = nullptr;
  void* socket_ = nullptr;
  void* monitor_ = nullptr;
};

/// How to connect.
struct LinkOptions {
  std::string address;
  Topic topic = Topic::kDictionary;
  std::size_t max_bytes = 0;  ///< Of a block; a larger one ends the connection.
  std::int64_t connect_timeout_micros = 0;
  std::int64_t peer_timeout_micros = 0;  ///< tcp only: silence that ends the connection.
};

/// The connection of a reader. It never comes back once it is lost. Used by one thread at a time.
class Link {
 public:
  /// Connects and says hello. Errors: kNotFound when nobody is there; kUnavailable when somebody is there who does not
  /// answer; what the writer refused it with.
  static Result<std::unique_ptr<Link>> connect(const LinkOptions& options);
  ~Link();  ///< Says good-bye, and waits at most a second for the answer.

  /// The writer's first words.
  const Head& welcome() const noexcept { return welcome_; }
  bool is_own_process() const noexcept { return endpoint_.is_own_process(); }

  void send(Kind kind, std::uint64_t number) noexcept;
  enum class Got : std::uint8_t { kMessage, kNothing, kLost };
  /// Takes a message that is there; `kLost` only when none is left.
  Got receive(Incoming& message);
  /// Returns when something may be there to receive, `descriptor` can be read, or the time has passed.
  void wait(int descriptor, std::int64_t micros) noexcept;

 private:
  explicit Link(const LinkOptions& options);
  Status shake_hands(const LinkOptions& options);

  Endpoint endpoint_;
  bool lost_ = false;
  bool connected_ = false;
  Head welcome_;
};

/// Says what is wrong with an address of the transport; `writes` when it is to be bound.
Status check_address(const std::string& address, bool writes);
bool is_ipc(const std::string& address) noexcept;
/// The path of an ipc address.
std::string path_of(const std::string& address);
/// Settings that a socket gets for tcp.
void set_heartbeats(Endpoint& endpoint, const std::string& address, std::int64_t peer_timeout_micros);

}  // namespace penstock::zeromq
