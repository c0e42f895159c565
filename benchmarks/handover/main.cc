// SPDX-License-Identifier: MIT
// What does it cost to hand a batch to a worker process and back, beside a thread?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer(
      {.title = "Record batches of 1 MiB through one step, in a thread and in a worker process",
       .unit = "batch",
       .units = "batches",
       .records = 5'000,
       .warm_up = 200,
       .runs = 5},
      argc, argv);
}
