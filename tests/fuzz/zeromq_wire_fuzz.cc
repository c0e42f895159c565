// SPDX-License-Identifier: MIT
// A stranger speaks to the ends of the transport "zeromq": an error, or nothing, never a crash, and nobody else
// suffers. The first byte chooses the end: a writer, to which the stranger connects, or in one input of 16 a reader,
// which connects to the stranger. The rest is messages. Of each the first byte says what it is: a head of the protocol
// (a byte of kind, two numbers of two bytes, each shifted by a byte), or a frame of arbitrary bytes (a byte of length);
// then, if a bit says so, a second frame.
#include <penstock/transport.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#ifdef PENSTOCK_ZEROMQ
#include "transport/zeromq/link.h"

namespace {

using penstock::DictionaryBackend;
using penstock::StreamWriter;
using penstock::TransportOptions;
using penstock::TransportRegistry;
using penstock::TransportRole;
using penstock::zeromq::Head;
using penstock::zeromq::Kind;
using penstock::zeromq::zmq;

[[noreturn]] void wrong(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

template <class T>
T good(penstock::Result<T> result, const char* what) {
  if (!result) wrong(std::string(what) + ": " + result.error().to_text());
  return std::move(*result);
}

/// Takes the input apart; zeros when it is used up.
class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool is_over() const { return size_ == 0; }
  std::uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::string bytes(std::size_t count) {
    count = std::min(count, size_);
    std::string taken(reinterpret_cast<const char*>(data_), count);
    data_ += count;
    size_ -= count;
    return taken;
  }

  /// The frames of the next message.
  std::vector<std::string> message() {
    const std::uint8_t what = byte();
    std::vector<std::string> frames = {(what & 1U) != 0 ? bytes(byte()) : head()};
    if ((what & 2U) != 0) frames.push_back(bytes(byte()));
    if ((what & 12U) == 12U) frames.emplace_back();
    return frames;
  }

 private:
  std::uint64_t number() {
    const std::uint64_t low = byte();
    const std::uint64_t high = byte();
    return (low | high << 8) << (byte() % 64);
  }
  std::string head() {
    Head head;
    head.kind = static_cast<Kind>(byte());
    head.number = number();
    head.block = number();
    return {reinterpret_cast<const char*>(&head), sizeof head};
  }

  const std::uint8_t* data_;
  std::size_t size_;
};

void send(void* socket, const std::string* identity, const std::vector<std::string>& frames) {
  if (identity != nullptr) zmq().send(socket, identity->data(), identity->size(), ZMQ_SNDMORE | ZMQ_DONTWAIT);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    zmq().send(socket, frames[i].data(), frames[i].size(), (i + 1 < frames.size() ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT);
  }
}

std::string address_of(const char* what) {
  return "ipc:///tmp/penstock-fuzz-" + std::to_string(getpid()) + "-" + what + ".sock";
}

TransportOptions options_for(const std::string& address, TransportRole role) {
  TransportOptions options;
  options.address = address;
  options.role = role;
  return options;
}

/// Two writers of ours and a stranger's sockets to them, for the whole run.
class Writers {
 public:
  Writers()
      : dictionary_(
            good(TransportRegistry::global().open("zeromq", options_for(dictionary_at_, TransportRole::kWriter)),
                 "a writer")),
        stream_(good(TransportRegistry::global().open_writer("zeromq", stream_options()), "a stream")),
        context_(zmq().ctx_new()) {
    for (void*& socket : strangers_) {
      socket = zmq().socket(context_, ZMQ_DEALER);
      const int now = 0;
      zmq().setsockopt(socket, ZMQ_LINGER, &now, sizeof now);
    }
    zmq().connect(strangers_[0], dictionary_at_.c_str());
    zmq().connect(strangers_[1], stream_at_.c_str());
  }
  ~Writers() {
    for (void* const socket : strangers_) zmq().close(socket);
    zmq().ctx_term(context_);
  }
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  void hear(Script& script, std::size_t which) {
    while (!script.is_over()) send(strangers_[which], nullptr, script.message());
    ++versions_;
    const std::string text = "version " + std::to_string(versions_);
    good(dictionary_->publish(std::as_bytes(std::span(text))), "publishing among strangers");
    good(stream_->send(std::as_bytes(std::span(text))), "sending among strangers");
    char thrown_away[4096];
    for (void* const socket : strangers_) {
      while (zmq().recv(socket, thrown_away, sizeof thrown_away, ZMQ_DONTWAIT) >= 0) {
      }
    }
    if (versions_ % 64 == 0) expect_a_reader_to_be_served(text);
  }

 private:
  // A stranger that says hello takes part and gives no credit; nobody shall wait for it.
  TransportOptions stream_options() const {
    TransportOptions options = options_for(stream_at_, TransportRole::kWriter);
    options.when_full = penstock::WhenFull::kDrop;
    return options;
  }

  void expect_a_reader_to_be_served(const std::string& text) {
    const auto reader = good(
        TransportRegistry::global().open("zeromq", options_for(dictionary_at_, TransportRole::kReader)), "a reader");
    good(reader->wait(versions_ - 1, {.timeout_micros = 10'000'000}), "waiting among strangers");
    const penstock::View view = good(reader->view(), "looking");
    if (std::memcmp(view.bytes().data(), text.data(), text.size()) != 0) wrong("a reader saw another version");
  }

  const std::string dictionary_at_ = address_of("dictionary");
  const std::string stream_at_ = address_of("stream");
  std::unique_ptr<DictionaryBackend> dictionary_;
  std::unique_ptr<StreamWriter> stream_;
  void* const context_;
  void* strangers_[2] = {};
  penstock::Version versions_ = 0;
};

/// A stranger at whom readers of ours look: it answers everything with the next messages of a script.
class FalseWriter {
 public:
  FalseWriter() : context_(zmq().ctx_new()), socket_(zmq().socket(context_, ZMQ_ROUTER)) {
    const int soon = 1;
    zmq().setsockopt(socket_, ZMQ_RCVTIMEO, &soon, sizeof soon);
    const int now = 0;
    zmq().setsockopt(socket_, ZMQ_LINGER, &now, sizeof now);
    if (zmq().bind(socket_, address_.c_str()) != 0) wrong("the stranger cannot bind");
  }
  ~FalseWriter() {
    zmq().close(socket_);
    zmq().ctx_term(context_);
  }
  FalseWriter(const FalseWriter&) = delete;
  FalseWriter& operator=(const FalseWriter&) = delete;

  void answer(Script script, bool as_stream) {
    std::atomic<bool> over = false;
    std::thread answering([&] {
      while (!over.load()) answer_one(script);
    });
    TransportOptions options = options_for(address_, TransportRole::kReader);
    options.more.set("connect_timeout", "20ms");
    options.more.set("max_bytes", std::int64_t{1 << 20});
    as_stream ? receive(options) : look(options);
    over.store(true);
    answering.join();
  }

 private:
  static void look(const TransportOptions& options) {
    const auto reader = TransportRegistry::global().open("zeromq", options);
    if (!reader) return;
    (void)(*reader)->wait(0, {.timeout_micros = 2'000});
    if (const auto view = (*reader)->view()) read(view->bytes());
  }
  static void receive(const TransportOptions& options) {
    const auto reader = TransportRegistry::global().open_reader("zeromq", options);
    for (int i = 0; reader && i < 4; ++i) {
      const auto view = (*reader)->receive({.timeout_micros = 2'000});
      if (view) read(view->bytes());
    }
  }
  static void read(std::span<const std::byte> bytes) {
    static std::byte sum{};
    for (const std::byte each : bytes) sum ^= each;
  }

  void answer_one(Script& script) {
    char identity[256];
    const int size = zmq().recv(socket_, identity, sizeof identity, 0);
    if (size < 0) return;
    Head asked;
    zmq().recv(socket_, &asked, sizeof asked, ZMQ_DONTWAIT);
    const std::string to(identity, static_cast<std::size_t>(size));
    if (asked.kind == Kind::kBye) {  // lets a reader go that would wait for a second
      Head gone;
      gone.kind = Kind::kGone;
      send(socket_, &to, {{reinterpret_cast<const char*>(&gone), sizeof gone}});
      return;
    }
    // A proper welcome first, if the script wants it, since little is heard before one.
    if ((script.byte() & 3U) != 0) {
      Head welcome;
      welcome.kind = Kind::kWelcome;
      welcome.number = script.byte();
      welcome.block = welcome.number;
      send(socket_, &to, {{reinterpret_cast<const char*>(&welcome), sizeof welcome}});
    }
    for (int i = 0; i < 4 && !script.is_over(); ++i) send(socket_, &to, script.message());
  }

  const std::string address_ = address_of("false");
  void* const context_;
  void* const socket_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Writers writers;
  static FalseWriter false_writer;
  Script script(data, size);
  const std::uint8_t which = script.byte();
  if (which % 16 == 0) {
    false_writer.answer(script, which % 32 == 0);
  } else {
    writers.hear(script, which % 2);
  }
  return 0;
}

#else

// A build without ZeroMQ has no wire to try.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t*, std::size_t) { return 0; }
#endif
