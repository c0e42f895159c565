// SPDX-License-Identifier: MIT
#ifdef PENSTOCK_POSTGRES
#include "vector/postgres_library.h"

#include "platform/shared_library.h"

namespace penstock {
namespace {

Result<Libpq> look_up_libpq() {
  PENSTOCK_ASSIGN(const SharedLibrary library, SharedLibrary::load("libpq", {"libpq.so.5", "libpq.so"}, "libpq5"));
  Libpq found;
  bool all = true;
#define PENSTOCK_LIBPQ_FUNCTION_LOOK_UP(name) all = library.find(#name, found.name) && all;
  PENSTOCK_LIBPQ_FUNCTIONS(PENSTOCK_LIBPQ_FUNCTION_LOOK_UP)
#undef PENSTOCK_LIBPQ_FUNCTION_LOOK_UP
  if (all) return found;
  return not_the_library("libpq", "libpq5");
}

}  // namespace

Status load_libpq() { return load_once<look_up_libpq>(); }

const Libpq& libpq() noexcept { return *looked_up_once<look_up_libpq>(); }

}  // namespace penstock
#endif
