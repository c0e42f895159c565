// SPDX-License-Identifier: MIT
// Files that may be ONNX models: no read may leave the file, and what was read must fit into it.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "embed/onnx_graph.h"

namespace {

using penstock::embed::OnnxValue;

[[noreturn]] void wrong(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// A value takes two bytes at least, each of its sizes, too.
std::size_t least_bytes(const std::vector<OnnxValue>& values) {
  std::size_t bytes = 0;
  for (const OnnxValue& value : values) {
    bytes += 2 + value.name.size() + 2 * value.shape.size();
    if (value.type_text().empty()) wrong("a value has no type to show");
    for (const std::int64_t size : value.shape) {
      if (size < 0 && size != OnnxValue::kAnySize) wrong("a size is negative");
    }
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string copy(reinterpret_cast<const char*>(data), size);  // its end is the end of its memory
  const auto graph = penstock::embed::read_onnx_graph(copy);
  if (!graph) {
    if (graph.error().message().empty()) wrong("an error says nothing");
    return 0;
  }
  if (least_bytes(graph->inputs) + least_bytes(graph->outputs) > size) wrong("it has more than there was");
  (void)penstock::embed::onnx_value(graph->inputs, "", "input");
  (void)penstock::embed::onnx_value(graph->outputs, "features", "output");
  return 0;
}
