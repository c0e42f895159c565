// SPDX-License-Identifier: MIT
// A Status that nobody looks at is a failure that nobody hears of.
// expect-error(gcc): ignoring returned value of type 'penstock::Status'
// expect-error(clang): ignoring return value of function declared with 'nodiscard'
#include <penstock/result.h>

penstock::Status load();

void work() {
#ifdef PENSTOCK_EXPECT_ERROR
  load();
#else
  static_cast<void>(load().has_value());
#endif
}
