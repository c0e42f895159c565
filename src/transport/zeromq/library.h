// SPDX-License-Identifier: MIT
// The functions of ZeroMQ, looked up when they are first needed (platform/shared_library.h).
#pragma once

#ifdef PENSTOCK_ZEROMQ
#include <penstock/result.h>
#include <zmq.h>

namespace penstock::zeromq {

// clang-format off: one per line
#define PENSTOCK_ZEROMQ_FUNCTIONS(EACH) \
  EACH(bind) \
  EACH(close) \
  EACH(connect) \
  EACH(ctx_new) \
  EACH(ctx_term) \
  EACH(msg_close) \
  EACH(msg_data) \
  EACH(msg_init) \
  EACH(msg_init_data) \
  EACH(msg_more) \
  EACH(msg_recv) \
  EACH(msg_send) \
  EACH(msg_size) \
  EACH(poll) \
  EACH(recv) \
  EACH(send) \
  EACH(setsockopt) \
  EACH(socket) \
  EACH(socket_monitor) \
  EACH(strerror)
// clang-format on

/// zmq_xxx is `xxx` here.
struct ZeroMq {
#define PENSTOCK_ZEROMQ_FUNCTION_MEMBER(name) decltype(&::zmq_##name) name = nullptr;
  PENSTOCK_ZEROMQ_FUNCTIONS(PENSTOCK_ZEROMQ_FUNCTION_MEMBER)
#undef PENSTOCK_ZEROMQ_FUNCTION_MEMBER
};

/// Loads it, once; whoever begins something with it asks first. Thread-safe. Errors: kUnsupported when it is not
/// installed.
Status load_zmq();
/// The functions; only after `load_zmq` went well.
const ZeroMq& zmq() noexcept;

}  // namespace penstock::zeromq
#endif
