// SPDX-License-Identifier: MIT
// The backend "zeromq": sockets of one machine (ipc) or between machines (tcp). What limits and loses is ours, not
// ZeroMQ's: its limits count messages, and some of its sockets drop in silence.
#include "transport/builtin.h"

#ifdef PENSTOCK_ZEROMQ
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "transport/zeromq/ends.h"

namespace penstock {
namespace zeromq {
namespace {

std::vector<OptionInfo> options() {
  return {
      {.name = "connect_timeout",
       .kind = OptionKind::kDuration,
       .doc = "How long a reader waits for the answer of who listens at the address. Nobody listening shows at once.",
       .default_value = "3s"},
      {.name = "deliver",
       .kind = OptionKind::kChoice,
       .doc =
           "Streams, for the writer to say. \"all\": every reader gets every batch (publish and subscribe). \"one\": a "
           "batch goes to the one reader that has least on the way (push and pull), and waits while there is none; "
           "what was on the way to a reader that leaves is lost.",
       .default_value = "all",
       .choices = {"all", "one"}},
      {.name = "max_bytes",
       .kind = OptionKind::kBytes,
       .doc = "Most bytes of a block.",
       .default_value = std::int64_t{16} << 30},
      {.name = "peer_timeout",
       .kind = OptionKind::kDuration,
       .doc = "tcp only: silence after which the other side counts as gone. On one machine the kernel tells at once.",
       .default_value = "10s"},
  };
}

std::string example_path(std::string_view unique) {
  return fmt::format("ipc:///tmp/penstock-{}-{}.sock", ::getpid(), unique);
}

// Ports below 32768 are given to nobody who did not ask for one.
std::string example_port(std::string_view unique) {
  unsigned sum = static_cast<unsigned>(::getpid()) * 31U;
  for (const char c : unique) sum = sum * 31U + static_cast<unsigned char>(c);
  return fmt::format("tcp://127.0.0.1:{}", 20'000 + sum % 12'000);
}

std::vector<std::string> example_addresses(std::string_view unique) {
  return {example_path(unique), example_port(unique)};
}

}  // namespace

LinkOptions link_options(const TransportOptions& options, Topic topic) {
  return {options.address, topic, static_cast<std::size_t>(options.more.integer("max_bytes")),
          options.more.integer("connect_timeout"), options.more.integer("peer_timeout")};
}

Status expect_room_for(std::size_t bytes, const TransportOptions& options) {
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(options.more.integer("max_bytes"), 0));
  if (bytes <= most) return {};
  return Error(ErrorCode::kResourceExhausted,
               fmt::format("a block of {} bytes is longer than max_bytes = {}", bytes, most))
      .hint("raise the option max_bytes on both sides");
}

}  // namespace zeromq

TransportInfo zeromq_transport() {
  return {.name = "zeromq",
          .summary = "Sockets on one machine or between machines; each reader gets a copy of a version once.",
          .options = zeromq::options(),
          .make = zeromq::make_dictionary,
          .open_writer = zeromq::open_stream_writer,
          .open_reader = zeromq::open_stream_reader,
          .missing = {},
          .example_addresses = zeromq::example_addresses,
          .keeps_what_was_sent = false};
}

}  // namespace penstock

#else

namespace penstock {

TransportInfo zeromq_transport() {
  return transport_without("libzmq3-dev", "zeromq",
                           "Sockets on one machine or between machines; each reader gets a copy of a version once.");
}

}  // namespace penstock
#endif
