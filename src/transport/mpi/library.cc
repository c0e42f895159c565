// SPDX-License-Identifier: MIT
#include "transport/mpi/library.h"

#ifdef PENSTOCK_MPI
#include "platform/shared_library.h"

namespace penstock::mpi {
namespace {

// With all its symbols global: its own plugins look for them.
Result<Library> load_library() {
  PENSTOCK_ASSIGN(const SharedLibrary library, SharedLibrary::load("Open MPI", {"libmpi.so.40", "libmpi.so"},
                                                                   "openmpi-bin", SharedLibrary::Symbols::kGlobal));
  Library found;
  bool all = true;
#define PENSTOCK_MPI_LOOK_UP(name) all = library.find("MPI_" #name, found.name) && all;
  PENSTOCK_MPI_FUNCTIONS(PENSTOCK_MPI_LOOK_UP)
#undef PENSTOCK_MPI_LOOK_UP
  all = library.find("ompi_mpi_comm_world", found.world) && all;
  all = library.find("ompi_mpi_comm_self", found.self) && all;
  all = library.find("ompi_mpi_byte", found.byte) && all;
  all = library.find("ompi_mpi_int", found.integer) && all;
  all = library.find("ompi_mpi_op_min", found.minimum) && all;
  all = library.find("ompi_mpi_errors_return", found.errors_return) && all;
  all = library.find("ompi_mpi_info_null", found.no_info) && all;
  if (all) return found;
  return not_the_library("libmpi", "openmpi-bin");
}

}  // namespace

Result<const Library*> Library::load() {
  PENSTOCK_TRY(load_once<load_library>());
  return &*looked_up_once<load_library>();
}

}  // namespace penstock::mpi
#endif
