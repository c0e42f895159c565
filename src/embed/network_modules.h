// SPDX-License-Identifier: MIT
// The module that runs models, inside of the library until it is needed.
#pragma once

#include <penstock/result.h>

#include "embed/network_module.h"

namespace penstock::embed {

/// Loads it when it is first asked for. Thread-safe. Errors: kUnsupported, with what to install.
Result<const PenstockNetworkModule*> network_module();

/// What runs models here, without loading it: "OpenCV's dnn"; or what is missing, and how to get it.
const char* network_module_text() noexcept;

}  // namespace penstock::embed
