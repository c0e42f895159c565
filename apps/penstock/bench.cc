// SPDX-License-Identifier: MIT
// penstock bench: measures this machine, the strategies and the transports on it, and reports what was measured.
#include <fmt/format.h>

#include "apps/penstock/bench/ipc/ipc_command.h"
#include "apps/penstock/bench/strategies/job.h"
#include "apps/penstock/bench/strategies/strategies_command.h"
#include "apps/penstock/commands.h"

namespace penstock::app {
namespace {

int bench_what_was_asked(const Arguments& arguments) {
  const std::string action = arguments.positional(0);
  if (action == "ipc") return bench_ipc(arguments);
  if (action == "ipc-report") return bench_ipc_report(arguments);
  return bench_strategies(arguments);  // the table of the command allows no other
}

std::string bench_description() {
  std::string jobs;
  for (const bench::Job& job : bench::all_jobs()) jobs += fmt::format("  {:<12}{}\n", job.name, job.what);
  return "quick (half a minute), full (five minutes) and deep (a few minutes) run the same jobs under every "
         "strategy,\n"
         "and as a naive program: in turns, several rounds, each run in a process of its own. The answers must be "
         "equal, "
         "or\n"
         "the exit code is 1. quick shows rough speeds; full takes several sizes; deep adds where the time of each "
         "step "
         "goes,\n"
         "numbers of workers, batch sizes, queue depths, start-up, the cost of processes, counters, and advice per "
         "job.\n"
         "Results: bench_LEVEL.json, .csv and .html (a page with charts). Jobs:\n" +
         jobs +
         "\n"
         "ipc measures how dictionaries pass between processes: one writes, the others read at the same time. "
         "Serialising,\n"
         "publishing, reading in place and decoding into a map are timed apart. ipc-report makes tables, plots (with "
         "gnuplot)\n"
         "and a recommendation of it.\n"
         "Backends with several kinds of addresses are measured with each: zeromq-ipc, zeromq-tcp, mpi-window, "
         "mpi-broadcast.\n"
         "Under mpiexec all ranks take part, on one machine; else --readers processes are forked. Open MPI refuses to "
         "run as\n"
         "root or with more ranks than cores; these flags allow it:\n"
         "  mpiexec --allow-run-as-root --oversubscribe -n 4 penstock bench ipc";
}

std::vector<Flag> bench_flags() {
  return {{"--jobs", "NAMES", "quick, full, deep: only these, with commas between (default: all)", true},
          {"--strategies", "NAMES", "quick, full, deep: only these, with commas between (default: all)", true,
           Completes::kStrategies},
          {"--scale", "X", "quick, full, deep: multiply the sizes of the jobs by it (default: 1)"},
          {"--rounds", "N", "quick, full, deep: at most so many rounds (default: 3, 5, 5)"},
          {"--seconds", "S", "quick, full, deep: begin no round that would end later (default: 25, 280, 900)"},
          {"--json", "", "quick, full, deep: print the results as JSON"},
          {"--backend", "NAMES", "ipc: only these, with commas between (default: all that this build has)", true},
          {"--entries", "NUMBERS", "ipc: sizes of the dictionary (default: 10,100,1000,10000,100000)", true},
          {"--iterations", "N", "ipc: rounds per size (default: 100)"},
          {"--readers", "N", "ipc: readers to fork; ipc-report: to recommend for (default: 3)"},
          {"--scenario",
           "NAME",
           "ipc: shared, streaming or both (default)",
           false,
           Completes::kWords,
           {"shared", "streaming", "both"}},
          {"--machines", "N", "ipc-report: recommend for so many machines (default: 1)"},
          {"--persistent", "", "ipc-report: recommend for versions that must outlive the programs"},
          {"--out", "DIR", "Folder of the results (default: .)", false, Completes::kFolders}};
}

}  // namespace

Command bench_command() {
  Command command;
  command.name = "bench";
  command.summary = "Measures the strategies here, or how fast dictionaries pass between processes";
  command.description = bench_description();
  command.positionals = {{"ACTION",
                          true,
                          "quick, full, deep, ipc or ipc-report",
                          Completes::kWords,
                          {"quick", "full", "deep", "ipc", "ipc-report"}}};
  command.flags = bench_flags();
  command.examples = {
      {"penstock bench quick", "See whether every strategy gives the same answer, and about how fast"},
      {"penstock bench full --out results", "Tables and charts for this machine, in results/bench_full.html"},
      {"penstock bench deep --jobs huge_file --strategies serial,threads", "Where the time of one job goes"},
      {"penstock bench ipc --entries 10000", "Measure one size with three forked readers"},
      {"mpiexec -n 4 penstock bench ipc", "Measure with three ranks that read"},
      {"penstock bench ipc-report --readers 8 --persistent", "Report, and recommend for eight readers"}};
  command.run = bench_what_was_asked;
  return command;
}

}  // namespace penstock::app
