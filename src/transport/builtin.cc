// SPDX-License-Identifier: MIT
#include "transport/builtin.h"

namespace penstock {

void add_builtin_transports(TransportRegistry&) {}

}  // namespace penstock
