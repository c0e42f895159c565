// SPDX-License-Identifier: MIT
// What does a stream of images cost beside a loop, and does its memory grow with the number of images?
#include "photographs.h"
#include "timing.h"

int main(int argc, char** argv) {
  const penstock::benchmark::photographs::Files files;
  return penstock::benchmark::answer({.title = "Photographs of 640 x 480 in files become f32 [3, 224, 224]",
                                      .unit = "image",
                                      .units = "images",
                                      .records = 2'000,
                                      .warm_up = 0,
                                      .runs = 5},
                                     argc, argv);
}
