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

const Result<ZeroMq>& zmq_or_error() {
  static const Result<ZeroMq>& found = *new Result<ZeroMq>(look_up_zmq());  // never destroyed, as what it loads
  return found;
}

}  // namespace

Status load_zmq() {
  if (zmq_or_error()) return {};
  return Error(zmq_or_error().error());
}

const ZeroMq& zmq() noexcept { return *zmq_or_error(); }

}  // namespace penstock::zeromq
#endif
