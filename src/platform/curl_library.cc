// SPDX-License-Identifier: MIT
#ifdef PENSTOCK_HTTP
#include "platform/curl_library.h"

#include "platform/shared_library.h"

namespace penstock {
namespace {

Result<Curl> look_up_curl() {
  PENSTOCK_ASSIGN(const SharedLibrary library,
                  SharedLibrary::load("libcurl", {"libcurl.so.4", "libcurl.so"}, "libcurl4"));
  Curl found;
  bool all = true;
#define PENSTOCK_CURL_FUNCTION_LOOK_UP(name) all = library.find("curl_" #name, found.name) && all;
  PENSTOCK_CURL_FUNCTIONS(PENSTOCK_CURL_FUNCTION_LOOK_UP)
#undef PENSTOCK_CURL_FUNCTION_LOOK_UP
  if (!all) return not_the_library("libcurl", "libcurl4");
  if (found.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return Error(ErrorCode::kResourceExhausted, "libcurl could not be made ready");
  return found;
}

}  // namespace

Status load_curl() { return load_once<look_up_curl>(); }

const Curl& curl() noexcept { return *looked_up_once<look_up_curl>(); }

}  // namespace penstock
#endif
