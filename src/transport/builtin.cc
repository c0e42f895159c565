// SPDX-License-Identifier: MIT
#include "transport/builtin.h"

namespace penstock {

void add_builtin_transports(TransportRegistry& registry) {
  // A name can only be taken when this list names it twice.
  for (TransportInfo (*const info)() : {shared_memory_transport, lmdb_transport, zeromq_transport, mpi_transport})
    (void)registry.add(info());
}

}  // namespace penstock
