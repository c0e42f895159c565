// SPDX-License-Identifier: MIT
#include "transport/builtin.h"

#include <string>

namespace penstock {

void add_builtin_transports(TransportRegistry& registry) {
  // A name can only be taken when this list names it twice.
  for (TransportInfo (*const info)() : {shared_memory_transport, lmdb_transport, zeromq_transport, mpi_transport})
    (void)registry.add(info());
}

TransportInfo transport_without(const char* package, const char* name, const char* summary) {
  TransportInfo info;
  info.name = name;
  info.summary = summary;
  info.missing = std::string("install ") + package + " and build again";
  return info;
}

}  // namespace penstock
