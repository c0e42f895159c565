// SPDX-License-Identifier: MIT
// How fast do bytes get from one process to others?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer(
      {.title = "Blocks of bytes from one process to others; every reader reads every byte",
       .unit = "block",
       .units = "blocks",
       .records = 1000,
       .warm_up = 20,
       .runs = 5},
      argc, argv);
}
