// SPDX-License-Identifier: MIT
// The functions of libmicrohttpd, looked up when they are first needed (platform/shared_library.h).
#pragma once

#ifdef PENSTOCK_SERVE
#include <microhttpd.h>
#include <penstock/result.h>

namespace penstock {

// clang-format off: one per line
#define PENSTOCK_MICROHTTPD_FUNCTIONS(EACH) \
  EACH(add_response_header) \
  EACH(create_response_from_buffer) \
  EACH(destroy_response) \
  EACH(get_connection_values) \
  EACH(get_daemon_info) \
  EACH(lookup_connection_value) \
  EACH(queue_response) \
  EACH(resume_connection) \
  EACH(start_daemon) \
  EACH(stop_daemon) \
  EACH(suspend_connection)
// clang-format on

/// MHD_xxx is `xxx` here.
struct MicroHttpd {
#define PENSTOCK_MICROHTTPD_FUNCTION_MEMBER(name) decltype(&::MHD_##name) name = nullptr;
  PENSTOCK_MICROHTTPD_FUNCTIONS(PENSTOCK_MICROHTTPD_FUNCTION_MEMBER)
#undef PENSTOCK_MICROHTTPD_FUNCTION_MEMBER
};

/// Loads it, once; whoever begins something with it asks first. Thread-safe. Errors: kUnsupported when it is not
/// installed.
Status load_microhttpd();
/// The functions; only after `load_microhttpd` went well.
const MicroHttpd& microhttpd() noexcept;

}  // namespace penstock
#endif
