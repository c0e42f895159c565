// SPDX-License-Identifier: MIT
// Open MPI's functions, looked up when they are first needed. A program linked with it would take several times as long
// to start, whether it uses MPI or not.
#pragma once

#include <penstock/result.h>

#ifdef PENSTOCK_MPI
#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

namespace penstock::mpi {

// clang-format off: one per line
#define PENSTOCK_MPI_FUNCTIONS(EACH) \
  EACH(Allreduce) \
  EACH(Bcast) \
  EACH(Comm_create_keyval) \
  EACH(Comm_dup) \
  EACH(Comm_idup) \
  EACH(Comm_rank) \
  EACH(Comm_set_attr) \
  EACH(Comm_set_errhandler) \
  EACH(Comm_size) \
  EACH(Comm_split_type) \
  EACH(Error_string) \
  EACH(Finalize) \
  EACH(Finalized) \
  EACH(Get_count) \
  EACH(Improbe) \
  EACH(Imrecv) \
  EACH(Init_thread) \
  EACH(Initialized) \
  EACH(Iprobe) \
  EACH(Isend) \
  EACH(Query_thread) \
  EACH(Recv) \
  EACH(Send) \
  EACH(Test) \
  EACH(Wait) \
  EACH(Win_allocate_shared) \
  EACH(Win_free) \
  EACH(Win_lock_all) \
  EACH(Win_shared_query) \
  EACH(Win_unlock_all)
// clang-format on

/// MPI_Xxx is `Xxx` here; the predefined handles are variables of the library, and so looked up too.
struct Library {
#define PENSTOCK_MPI_MEMBER(name) decltype(&::MPI_##name) name = nullptr;
  PENSTOCK_MPI_FUNCTIONS(PENSTOCK_MPI_MEMBER)
#undef PENSTOCK_MPI_MEMBER

  MPI_Comm world = nullptr;
  MPI_Comm self = nullptr;
  MPI_Datatype byte = nullptr;
  MPI_Datatype integer = nullptr;
  MPI_Op minimum = nullptr;
  MPI_Errhandler errors_return = nullptr;
  MPI_Info no_info = nullptr;

  /// Finds it; the same object every time. Thread-safe. Errors: kUnsupported when it is not installed.
  static Result<const Library*> load();
};

}  // namespace penstock::mpi
#endif
