// SPDX-License-Identifier: MIT
// How much of the waiting overlaps when four operators block, with default settings?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer({.title = "Four operators that each block 1 ms per batch",
                                      .unit = "batch",
                                      .units = "batches",
                                      .records = 400,
                                      .runs = 5},
                                     argc, argv);
}
