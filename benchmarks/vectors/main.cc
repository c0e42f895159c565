// SPDX-License-Identifier: MIT
// What does a store with a file, ids and metadata cost beside the bare graph?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer({.title = "Vectors of 512 values: insert, search for the ten nearest of 10,000",
                                      .unit = "vector",
                                      .units = "vectors",
                                      .records = 10'000,
                                      .warm_up = 200,
                                      .runs = 5},
                                     argc, argv);
}
