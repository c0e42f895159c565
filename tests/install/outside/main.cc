// SPDX-License-Identifier: MIT
// A program outside the repository: asks the registry for an operator by a name with a slip in it.
#include <penstock/operator.h>

#include <cstdio>

int main() {
  const auto found = penstock::Registry::global().find("cvs.read");
  if (!found) std::printf("penstock says: %s\n", found.error().message().c_str());
  return found ? 1 : 0;
}
