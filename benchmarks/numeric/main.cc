// SPDX-License-Identifier: MIT
// What do exact numbers cost per value?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer({.title = "Exact sums, sketches, random numbers and float text",
                                      .unit = "value",
                                      .units = "values",
                                      .records = 1 << 24,
                                      .warm_up = 1 << 20,
                                      .runs = 5},
                                     argc, argv);
}
