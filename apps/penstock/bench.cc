// SPDX-License-Identifier: MIT
// penstock bench: measures the backends on this machine, and reports what was measured.
#include "apps/penstock/bench/ipc/ipc_command.h"
#include "apps/penstock/commands.h"

namespace penstock::app {
namespace {

int bench(const Arguments& arguments) {
  if (arguments.positional(0) == "ipc") return bench_ipc(arguments);
  return bench_ipc_report(arguments);  // the table of the command allows no third
}

}  // namespace

Command bench_command() {
  Command command;
  command.name = "bench";
  command.summary = "Measures how fast dictionaries pass between processes here, and which backend fits";
  command.description =
      "ipc measures: one process writes, the others read at the same time. Serialising, publishing, reading in place "
      "and\n"
      "decoding into a map are timed apart. ipc-report makes tables, plots (with gnuplot) and a recommendation of it.\n"
      "\n"
      "Under mpiexec all ranks take part, on one machine; else --readers processes are forked. Open MPI refuses to run "
      "as\n"
      "root or with more ranks than cores; these flags allow it:\n"
      "  mpiexec --allow-run-as-root --oversubscribe -n 4 penstock bench ipc";
  command.positionals = {{"ACTION", true, "ipc or ipc-report", Completes::kWords, {"ipc", "ipc-report"}}};
  command.flags = {
      {"--backend", "NAMES", "Only these, with commas between (default: all that this build has)", true},
      {"--entries", "NUMBERS", "Sizes of the dictionary (default: 10,100,1000,10000,100000)", true},
      {"--iterations", "N", "Rounds per size (default: 100)"},
      {"--readers", "N", "Readers to fork, or for ipc-report to recommend for (default: 3)"},
      {"--scenario",
       "NAME",
       "shared, streaming or both (default)",
       false,
       Completes::kWords,
       {"shared", "streaming", "both"}},
      {"--machines", "N", "ipc-report: recommend for so many machines (default: 1)"},
      {"--persistent", "", "ipc-report: recommend for versions that must outlive the programs"},
      {"--out", "DIR", "Where benchmark_results.json and the report are (default: .)", false, Completes::kFolders}};
  command.examples = {
      {"penstock bench ipc --entries 10000", "Measure one size with three forked readers"},
      {"mpiexec -n 4 penstock bench ipc", "Measure with three ranks that read"},
      {"penstock bench ipc-report --readers 8 --persistent", "Report, and recommend for eight readers"}};
  command.run = bench;
  return command;
}

}  // namespace penstock::app
