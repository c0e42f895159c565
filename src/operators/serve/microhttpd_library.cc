// SPDX-License-Identifier: MIT
#ifdef PENSTOCK_SERVE
#include "operators/serve/microhttpd_library.h"

#include "platform/shared_library.h"

namespace penstock {
namespace {

Result<MicroHttpd> look_up_microhttpd() {
  PENSTOCK_ASSIGN(const SharedLibrary library,
                  SharedLibrary::load("libmicrohttpd", {"libmicrohttpd.so.12", "libmicrohttpd.so"}, "libmicrohttpd12"));
  MicroHttpd found;
  bool all = true;
#define PENSTOCK_MICROHTTPD_FUNCTION_LOOK_UP(name) all = library.find("MHD_" #name, found.name) && all;
  PENSTOCK_MICROHTTPD_FUNCTIONS(PENSTOCK_MICROHTTPD_FUNCTION_LOOK_UP)
#undef PENSTOCK_MICROHTTPD_FUNCTION_LOOK_UP
  if (all) return found;
  return not_the_library("libmicrohttpd", "libmicrohttpd12");
}

}  // namespace

Status load_microhttpd() { return load_once<look_up_microhttpd>(); }

const MicroHttpd& microhttpd() noexcept { return *looked_up_once<look_up_microhttpd>(); }

}  // namespace penstock
#endif
