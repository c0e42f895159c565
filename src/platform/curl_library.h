// SPDX-License-Identifier: MIT
// The functions of libcurl, looked up when they are first needed (platform/shared_library.h).
#pragma once

#ifdef PENSTOCK_HTTP
#define CURL_DISABLE_TYPECHECK  // they are called through pointers
#include <curl/curl.h>
#include <penstock/result.h>

#include <memory>

namespace penstock {

// clang-format off: one per line
#define PENSTOCK_CURL_FUNCTIONS(EACH) \
  EACH(easy_cleanup) \
  EACH(easy_getinfo) \
  EACH(easy_init) \
  EACH(easy_perform) \
  EACH(easy_setopt) \
  EACH(easy_strerror) \
  EACH(global_init) \
  EACH(multi_add_handle) \
  EACH(multi_assign) \
  EACH(multi_cleanup) \
  EACH(multi_info_read) \
  EACH(multi_init) \
  EACH(multi_remove_handle) \
  EACH(multi_setopt) \
  EACH(multi_socket_action) \
  EACH(multi_strerror) \
  EACH(slist_append) \
  EACH(slist_free_all)
// clang-format on

/// curl_xxx is `xxx` here.
struct Curl {
#define PENSTOCK_CURL_FUNCTION_MEMBER(name) decltype(&::curl_##name) name = nullptr;
  PENSTOCK_CURL_FUNCTIONS(PENSTOCK_CURL_FUNCTION_MEMBER)
#undef PENSTOCK_CURL_FUNCTION_MEMBER
};

/// Loads it and makes it ready, once; whoever begins something with it asks first. Thread-safe. Errors: kUnsupported
/// when it is not installed.
Status load_curl();
/// The functions; only after `load_curl` went well.
const Curl& curl() noexcept;

struct FreeCurl {
  void operator()(CURL* handle) const noexcept { curl().easy_cleanup(handle); }
  void operator()(curl_slist* list) const noexcept { curl().slist_free_all(list); }
};
using CurlHandle = std::unique_ptr<CURL, FreeCurl>;
using CurlList = std::unique_ptr<curl_slist, FreeCurl>;

}  // namespace penstock
#endif
