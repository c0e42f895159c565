// SPDX-License-Identifier: MIT
// An embedder that runs an ONNX model.
#pragma once

#include <penstock/embedder.h>

#include <memory>
#include <string>

#include "embed/network_modules.h"

namespace penstock::embed {

struct OnnxOptions {
  std::string model;        ///< A path.
  std::string input = {};   ///< Empty: the only one.
  std::string output = {};  ///< The same.
  int threads = 1;
  Runtime runtime = Runtime::kAuto;
};

/// Loads the model, holds its input against `tensor`, f32 and the shape of one tensor, and runs it once. A model may
/// leave the number of tensors open or fix it: then the rest of a call is filled with zeros. Vectors are the values of
/// the output as it gives them.
/// Errors: kNotFound …: the file; kDataLoss: it is no ONNX; kInvalidArgument: names or shapes do not fit; kUnsupported:
/// the runtime cannot import the model, in its own words, or is not there.
Result<std::unique_ptr<Embedder>> make_onnx_embedder(const OnnxOptions& options, const TensorType& tensor);

}  // namespace penstock::embed
