// SPDX-License-Identifier: MIT
// What does arithmetic over columns cost per value, beside plain loops and beside memory?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer({.title = "Arithmetic over columns of float64",
                                      .unit = "value",
                                      .units = "values",
                                      .records = 83'886'080,
                                      .warm_up = 8'388'608,
                                      .runs = 5},
                                     argc, argv);
}
