// SPDX-License-Identifier: MIT
// The backend "mpi": the ranks of one MPI job. On one machine versions stand in a window that all ranks map; between
// machines, or when asked to, they are broadcast; streams go from rank to rank.
#include "transport/builtin.h"

#ifdef PENSTOCK_MPI
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "transport/mpi/ends.h"
#include "transport/version_slots.h"

namespace penstock {
namespace mpi {
namespace {

constexpr const char* kSummary =
    "The ranks of one MPI job: a window in shared memory, or broadcasts; streams from rank to rank.";

std::vector<OptionInfo> options() {
  return {
      {.name = "max_bytes",
       .kind = OptionKind::kBytes,
       .doc = "Most bytes of a block. A window takes addresses for 16 blocks, and MPI wants as much memory to be free.",
       .default_value = std::int64_t{1} << 30},
      {.name = "start_timeout",
       .kind = OptionKind::kDuration,
       .doc = "How long the first endpoint of a rank waits until all ranks have opened one.",
       .default_value = "60s"},
  };
}

// Both kinds, with the rank in the name: programs of a test run as ranks of one job.
std::vector<std::string> example_addresses(std::string_view unique) {
  return {fmt::format("window:example-{}-{}", ::getpid(), unique),
          fmt::format("broadcast:example-{}-{}", ::getpid(), unique)};
}

std::string words_of(const Address& address) {
  const char* const carrier = address.carrier == Carrier::kWindow      ? "window:"
                              : address.carrier == Carrier::kBroadcast ? "broadcast:"
                                                                       : "stream ";
  return fmt::format("\"{}{}\" of this MPI job has a writer already: process {}, rank {}", carrier, address.name,
                     address.pid, address.writer_rank);
}

}  // namespace

Result<Place> place_of(const TransportOptions& options, const Job& job) {
  Place place;
  place.name = options.address;
  place.carrier = job.is_one_machine() ? Carrier::kWindow : Carrier::kBroadcast;
  if (const std::size_t colon = place.name.find(':'); colon != std::string::npos) {
    const std::string word = place.name.substr(0, colon);
    if (word != "window" && word != "broadcast") {
      return Error(ErrorCode::kInvalidArgument, fmt::format("unknown word before the name: \"{}\"", options.address))
          .hint("\"NAME\", \"window:NAME\" or \"broadcast:NAME\"");
    }
    place.carrier = word == "window" ? Carrier::kWindow : Carrier::kBroadcast;
    place.name = place.name.substr(colon + 1);
  }
  PENSTOCK_TRY(check_arena_name(place.name));
  if (place.carrier == Carrier::kWindow && !job.is_one_machine()) {
    return Error(ErrorCode::kUnsupported, "the ranks of this MPI job run on several machines, and share no window")
        .hint(fmt::format("broadcast:{}", place.name));
  }
  return place;
}

Result<Job*> join(const TransportOptions& options) { return Job::join(options.more.integer("start_timeout")); }

Status expect_room_for(std::size_t bytes, const TransportOptions& options) {
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(options.more.integer("max_bytes"), 0));
  if (bytes <= most) return {};
  return Error(ErrorCode::kResourceExhausted,
               fmt::format("a block of {} bytes is longer than max_bytes = {}", bytes, most))
      .hint("raise the option max_bytes");
}

Result<std::shared_ptr<Address>> open_address(Job& job, const Place& place, const TransportOptions& options,
                                              std::uint64_t slot_bytes) {
  Order order;
  order.kind = Order::Kind::kOpen;
  order.carrier = place.carrier;
  order.max_readers = options.max_readers;
  order.pid = ::getpid();
  order.bytes = slot_bytes;
  if (place.carrier == Carrier::kWindow) order.window = job.idle_window(window_bytes(slot_bytes, options.max_readers));
  place.name.copy(order.name.data(), order.name.size() - 1);
  const Outcome outcome = job.order(order);
  if (outcome.is_taken) {
    return Error(ErrorCode::kAlreadyExists, words_of(*outcome.address)).hint("choose another name");
  }
  if (!outcome.has_failed) return outcome.address;
  return Error(ErrorCode::kResourceExhausted, fmt::format("the ranks of this MPI job cannot share {} bytes for \"{}\"",
                                                          window_bytes(slot_bytes, options.max_readers), place.name))
      .hint("see df -h /dev/shm, or lower capacity_bytes");
}

Result<std::shared_ptr<Address>> find_address(Job& job, const std::string& name, bool is_stream) {
  std::shared_ptr<Address> address = job.find(name);
  if (address == nullptr) {
    return Error(ErrorCode::kNotFound, fmt::format("no rank of this MPI job has opened \"{}\"", name))
        .hint("let its writer open it first");
  }
  if ((address->carrier == Carrier::kStream) == is_stream) return address;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("\"{}\" holds a {}, not a {}", name, is_stream ? "dictionary" : "stream",
                           is_stream ? "stream" : "dictionary"));
}

std::size_t window_bytes(std::uint64_t slot_bytes, std::uint32_t max_readers) {
  return Arena::bytes_for(version_shape(slot_bytes, max_readers));
}

void close_address(Job& job, const Address& address) {
  Order order;
  order.kind = Order::Kind::kClose;
  order.address = address.id;
  (void)job.order(order);
}

}  // namespace mpi

TransportInfo mpi_transport() {
  return {.name = "mpi",
          .summary = mpi::kSummary,
          .options = mpi::options(),
          .make = mpi::make_dictionary,
          .open_writer = mpi::open_stream_writer,
          .open_reader = mpi::open_stream_reader,
          .missing = {},
          .example_addresses = mpi::example_addresses,
          .keeps_what_was_sent = false,
          .can_use_here = mpi::Job::can_join,
          .is_one_job = true};
}

}  // namespace penstock

#else

namespace penstock {

TransportInfo mpi_transport() {
  return transport_without(
      "libopenmpi-dev", "mpi",
      "The ranks of one MPI job: a window in shared memory, or broadcasts; streams from rank to rank.");
}

}  // namespace penstock
#endif
