// SPDX-License-Identifier: MIT
// What an ONNX file says about its graph: names, element types and shapes of inputs and outputs. Of weights and
// constants it is seen that they are whole.
#pragma once

#include <penstock/result.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::embed {

/// An input or output. Element types are ONNX's numbers: 1 is float32.
struct OnnxValue {
  static constexpr std::int64_t kAnySize = -1;

  std::string name = {};
  std::int32_t element = 0;  ///< 0: not said.
  bool has_shape = false;
  std::vector<std::int64_t> shape = {};  ///< kAnySize where it is left open.

  /// "float32 [?, 3, 224, 224]".
  std::string type_text() const;
};

struct OnnxGraph {
  std::vector<OnnxValue> inputs;  ///< Without those that only name weights.
  std::vector<OnnxValue> outputs;
};

/// Reads the graph of a model, the bytes of an ONNX file. Errors: kDataLoss when it is none, or when
/// weights have not as many values as their shape says, or others than of their type; not looked at are those in other
/// files and of rare types.
Result<OnnxGraph> read_onnx_graph(std::string_view model);

/// The value of that name, or the only one when the name is empty. Errors: kInvalidArgument with the names that there
/// are. `what`: "input" or "output".
Result<OnnxValue> onnx_value(const std::vector<OnnxValue>& values, const std::string& name, const char* what);

}  // namespace penstock::embed
