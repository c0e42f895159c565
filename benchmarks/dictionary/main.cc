// SPDX-License-Identifier: MIT
// What does a dictionary cost to make, to look into and to read whole?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer({.title = "Dictionaries of nested entries: build, look up, scan",
                                      .unit = "entry",
                                      .units = "entries",
                                      .records = 10'000'000,
                                      .warm_up = 1'000'000,
                                      .runs = 5},
                                     argc, argv);
}
