// SPDX-License-Identifier: MIT
// What does an operator cost per record when it does next to nothing?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer({.title = "Four operators of trivial work: source, f, g, sink",
                                      .unit = "record",
                                      .records = 10'000'000,
                                      .warm_up = 100'000,
                                      .runs = 5},
                                     argc, argv);
}
