// SPDX-License-Identifier: MIT
#include "transport/mpi/library.h"

#ifdef PENSTOCK_MPI
#include <dlfcn.h>
#include <fmt/format.h>

#include <string>

namespace penstock::mpi {
namespace {

template <class T>
bool look_up(void* library, const char* name, T& into) {
  into = reinterpret_cast<T>(::dlsym(library, name));
  return into != nullptr;
}

// With all its symbols global: its own plugins look for them.
Result<Library> load_library() {
  void* library = nullptr;
  for (const char* name : {"libmpi.so.40", "libmpi.so"}) {
    if (library == nullptr) library = ::dlopen(name, RTLD_NOW | RTLD_GLOBAL);
  }
  if (library == nullptr) {
    const char* const why = ::dlerror();
    return Error(ErrorCode::kUnsupported, fmt::format("Open MPI is not here: {}", why == nullptr ? "" : why))
        .hint("apt-get install openmpi-bin");
  }
  Library found;
  bool all = true;
#define PENSTOCK_MPI_LOOK_UP(name) all = look_up(library, "MPI_" #name, found.name) && all;
  PENSTOCK_MPI_FUNCTIONS(PENSTOCK_MPI_LOOK_UP)
#undef PENSTOCK_MPI_LOOK_UP
  all = look_up(library, "ompi_mpi_comm_world", found.world) && all;
  all = look_up(library, "ompi_mpi_comm_self", found.self) && all;
  all = look_up(library, "ompi_mpi_byte", found.byte) && all;
  all = look_up(library, "ompi_mpi_int", found.integer) && all;
  all = look_up(library, "ompi_mpi_op_min", found.minimum) && all;
  all = look_up(library, "ompi_mpi_errors_return", found.errors_return) && all;
  all = look_up(library, "ompi_mpi_info_null", found.no_info) && all;
  if (all) return found;
  return Error(ErrorCode::kUnsupported, "the libmpi that was found is not Open MPI, or one that Penstock does not know")
      .hint("apt-get install openmpi-bin");
}

}  // namespace

Result<const Library*> Library::load() {
  static const Result<Library>& library = *new Result<Library>(load_library());  // never destroyed, as what it loads
  if (!library) return Error(library.error());
  return &*library;
}

}  // namespace penstock::mpi
#endif
