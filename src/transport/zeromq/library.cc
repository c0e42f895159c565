// SPDX-License-Identifier: MIT
#ifdef PENSTOCK_ZEROMQ
#include "transport/zeromq/library.h"

#include "platform/shared_library.h"

namespace penstock::zeromq {
namespace {

Result<ZeroMq> look_up_zmq() {
  PENSTOCK_ASSIGN(const SharedLibrary library, SharedLibrary::load("ZeroMQ", {"libzmq.so.5", "libzmq.so"}, "libzmq5"));
  ZeroMq found;
  bool all = true;
#define PENSTOCK_ZEROMQ_FUNCTION_LOOK_UP(name) all = library.find("zmq_" #name, found.name) && all;
  PENSTOCK_ZEROMQ_FUNCTIONS(PENSTOCK_ZEROMQ_FUNCTION_LOOK_UP)
#undef PENSTOCK_ZEROMQ_FUNCTION_LOOK_UP
  if (all) return found;
  return not_the_library("ZeroMQ", "libzmq5");
}

}  // namespace

Status load_zmq() { return load_once<look_up_zmq>(); }

const ZeroMq& zmq() noexcept { return *looked_up_once<look_up_zmq>(); }

}  // namespace penstock::zeromq
#endif
