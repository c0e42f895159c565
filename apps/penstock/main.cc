// SPDX-License-Identifier: MIT
// The program penstock, with the operators that come with the library.
#include <penstock/main.h>

int main(int argc, char** argv) { return penstock::run_main(argc, argv); }
