// SPDX-License-Identifier: MIT
// The ends of the transport "mpi".
#pragma once

#include <penstock/transport.h>

#include <memory>
#include <string>

#ifdef PENSTOCK_MPI
#include "transport/mpi/job.h"

namespace penstock::mpi {

/// "window:turbine": a name that ranks agree on, and how its versions travel. Without a word in front: by window on one
/// machine, else by broadcast. Streams always go from rank to rank.
struct Place {
  std::string name;
  Carrier carrier = Carrier::kWindow;
};
/// Errors: kInvalidArgument; kUnsupported for a window between machines.
Result<Place> place_of(const TransportOptions& options, const Job& job);
/// Joins the job as the options say. Errors: those of `Job::join`.
Result<Job*> join(const TransportOptions& options);
/// Errors: kResourceExhausted when `bytes` are more than the option max_bytes.
Status expect_room_for(std::size_t bytes, const TransportOptions& options);

/// Opens the address as its writer, in all ranks. Errors: kAlreadyExists, kResourceExhausted.
Result<std::shared_ptr<Address>> open_address(Job& job, const Place& place, const TransportOptions& options,
                                              std::uint64_t slot_bytes);
/// Errors: kNotFound; kInvalidArgument when it is open for the other kind of ends. Requires the job's mutex.
Result<std::shared_ptr<Address>> find_address(Job& job, const std::string& name, bool is_stream);
void close_address(Job& job, const Address& address);
/// What a window takes whose slots have that room.
std::size_t window_bytes(std::uint64_t slot_bytes, std::uint32_t max_readers);

std::unique_ptr<DictionaryBackend> make_dictionary();
Result<std::unique_ptr<StreamWriter>> open_stream_writer(const TransportOptions& options);
Result<std::unique_ptr<StreamReader>> open_stream_reader(const TransportOptions& options);

}  // namespace penstock::mpi
#endif
