// SPDX-License-Identifier: MIT
#pragma once

#include <penstock/result.h>

/// Ends the program when the caller broke a contract. Never reachable from input data.
#define PENSTOCK_CHECK(condition, message)  \
  do {                                      \
    if (!(condition)) [[unlikely]]          \
      ::penstock::contract_broken(message); \
  } while (false)
