// SPDX-License-Identifier: MIT
// How much memory does a stream take when the sink is slower than the source: for 1 M records, and for 100 M?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer(
      {.title = "A fast source and a slow sink, batches of 1,024", .unit = "record", .runs = 3}, argc, argv);
}
