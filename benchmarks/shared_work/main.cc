// SPDX-License-Identifier: MIT
// What does it cost to share one operator's work among workers, in order?
#include "timing.h"

int main(int argc, char** argv) {
  return penstock::benchmark::answer(
      {.title = "One operator shared by workers, in order", .records = 1'000'000, .runs = 5}, argc, argv);
}
