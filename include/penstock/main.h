// SPDX-License-Identifier: MIT
// The command line of `penstock` for a program with operators of its own. Link penstock::program (or `pkg-config --libs
// penstock-program`), which is installed with the program; the library alone does not hold it.
#pragma once

namespace penstock {

/// Does what the program `penstock` does with these arguments (docs/guide/program.md): runs, checks and plans pipeline
/// files, lists operators and runs. Files may name the operators that were added to `Registry::global()` before.
///
/// Returns the exit code for `main`. Call it there, before threads are started: while a pipeline runs it takes SIGINT,
/// SIGTERM and SIGHUP. After a timeout or a cancel with an operator that does not come back it ends the program itself,
/// without destructors, as that operator may still use what they would destroy.
int run_main(int argc, char** argv);

}  // namespace penstock
