// SPDX-License-Identifier: MIT
// What does grouping cost per row?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer({.title = "Count and sum per group, record batches of 10,000 rows",
                                      .unit = "row",
                                      .units = "rows",
                                      .records = 20'000'000,
                                      .warm_up = 1'000'000,
                                      .runs = 5},
                                     argc, argv);
}
