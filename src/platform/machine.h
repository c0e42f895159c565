// SPDX-License-Identifier: MIT
// What is known about the machine and about processes on it, for run records and for `penstock doctor`.
#pragma once

#include <cstdint>
#include <string>

namespace penstock {

/// The machine as a run saw it.
struct Machine {
  std::string host;
  std::string system;       ///< "Linux 6.1.0 x86_64".
  std::string processor;    ///< As /proc/cpuinfo names it; empty when unknown.
  std::uint32_t cores = 1;  ///< That this process may use (its affinity).
  std::uint64_t memory_bytes =
      0;  ///< Of the machine, or the limit of the control group when that is lower; 0: unknown.
};

/// Asks the system; costs some reads in /proc and /sys.
Machine this_machine();

/// How many threads of all programs have a core or wait for one at this moment; 0 where the system does not say.
std::uint32_t threads_running();

/// Identity of a process that stays true when its number is given to another one later, or when the machine starts
/// anew.
struct ProcessIdentity {
  std::int64_t pid = 0;
  std::uint64_t start_ticks = 0;  ///< Since boot, as in /proc/PID/stat.
  std::string boot;               ///< The kernel's identity of this boot.

  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

/// Returns the identity of this process.
ProcessIdentity this_process();
/// Returns the identity of the process that has this number now; `start_ticks` is 0 when there is none.
ProcessIdentity process_with(std::int64_t pid);
/// Returns "4711-9f3a02bc": the number, and a digest of the rest; a mark of the process in names of its temporary
/// files, which neither a later process with its number nor one of another machine has.
std::string mark_of(const ProcessIdentity& process);
/// The mark of this process. Looked up once per thread, and again after a fork.
std::string this_process_mark();
/// Says whether the very process still runs on this machine. A zombie does not run.
bool is_running(const ProcessIdentity& process);

}  // namespace penstock
