// SPDX-License-Identifier: MIT
// How many waits of 1 ms does one thread get through when many wait at once?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer({.title = "Records that each wait 1 ms, many at once", .records = 0, .runs = 5},
                                     argc, argv);
}
