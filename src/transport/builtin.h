// SPDX-License-Identifier: MIT
// The list of the backends that come with the library; a new one is a source file and a line in builtin.cc.
#pragma once

#include <penstock/transport.h>

namespace penstock {

/// Adds every backend of src/transport/, also those that this build lacks.
void add_builtin_transports(TransportRegistry& registry);

/// What a build says of a transport for which it found no `package` of Debian.
TransportInfo transport_without(const char* package, const char* name, const char* summary);

TransportInfo shared_memory_transport();
TransportInfo lmdb_transport();
TransportInfo zeromq_transport();
TransportInfo mpi_transport();

}  // namespace penstock
