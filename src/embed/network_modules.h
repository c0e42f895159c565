// SPDX-License-Identifier: MIT
// The modules that run models, inside of the library until they are needed.
#pragma once

#include <penstock/result.h>

#include <cstdint>
#include <string>

#include "embed/network_module.h"

namespace penstock::embed {

/// What runs a model.
enum class Runtime : std::uint8_t {
  kAuto,  ///< ONNX Runtime where it is here, else OpenCV.
  kOnnxRuntime,
  kOpenCv,
};

/// Of "auto", "onnxruntime" or "opencv".
Runtime runtime_of(const std::string& name);

/// Loads it when it is first asked for. ONNX Runtime's is the file that the variable PENSTOCK_ONNX_MODULE names, if it
/// is set. Thread-safe. Errors: kUnsupported, with what to install.
Result<const PenstockNetworkModule*> network_module(Runtime runtime);

/// What runs models here, without loading it: "ONNX Runtime, OpenCV's dnn"; or what is missing, and how to get it.
std::string network_modules_text();

}  // namespace penstock::embed
