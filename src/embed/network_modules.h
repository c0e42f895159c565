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

/// The variable that names ONNX Runtime's module.
inline constexpr const char* kModuleVariable = "PENSTOCK_ONNX_MODULE";

/// The path of the module that it names; empty when none is named. It decides what code runs: not for programs that
/// have more rights than their user.
std::string named_module();

/// Of "auto", "onnxruntime" or "opencv".
Runtime runtime_of(const std::string& name);

/// Loads it when it is first asked for. ONNX Runtime's is the file that the variable PENSTOCK_ONNX_MODULE names, if it
/// is set. Thread-safe. Errors: kUnsupported, with what to install.
Result<const PenstockNetworkModule*> network_module(Runtime runtime);

/// What runs models here: "ONNX Runtime, OpenCV's dnn"; or what is missing, and how to get it. Only a module that is
/// named is loaded, as it may be a wrong one. Errors: those of `network_module`.
Result<std::string> network_modules_text();

}  // namespace penstock::embed
