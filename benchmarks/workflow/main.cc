// SPDX-License-Identifier: MIT
// What does a stage cost that is a function which does nothing?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer(
      {.title = "Stages that are functions, in layers of 100, each needs one of the layer above",
       .unit = "stage",
       .units = "stages",
       .records = 10'000,
       .warm_up = 1'000,
       .runs = 5},
      argc, argv);
}
