// SPDX-License-Identifier: MIT
// embed.classical: vectors without a model.
#include <fmt/format.h>

#include "embed/classical.h"
#include "operators/embed/embed_operators.h"
#include "operators/embed/local_embed.h"

namespace penstock {
namespace {

class ClassicalSource final : public EmbedderSource {
 public:
  Result<std::unique_ptr<Embedder>> make(const TensorType& tensor) override {
    constexpr std::int64_t kMostPixels = 65'535;
    const std::vector<std::int64_t>& shape = tensor.shape;
    const bool is_picture = tensor.element == TensorElement::kU8 && shape.size() == 3 && shape[2] == 3 &&
                            shape[0] <= kMostPixels && shape[1] <= kMostPixels;
    if (!is_picture) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("embed.classical takes tensors u8 [height, width, 3], not {}", tensor.to_text()))
          .hint("image.normalize with element = \"u8\" and layout = \"nhwc\"");
    }
    return std::unique_ptr<Embedder>(std::make_unique<embed::ClassicalEmbedder>(static_cast<std::uint32_t>(shape[0]),
                                                                                static_cast<std::uint32_t>(shape[1])));
  }
};

Result<std::unique_ptr<Operator>> make_embed_classical(const Options& options) {
  return make_local_embed({.op = "embed.classical", .columns = vector_column_options(options)},
                          std::make_unique<ClassicalSource>());
}

}  // namespace

OperatorInfo embed_classical_info() {
  return {.name = "embed.classical",
          .summary =
              "Adds a vector of each picture's colours and of where they lie, which copies that were turned, resized, "
              "cropped a little or compressed again nearly share. It needs no model.",
          .options = with_vector_column({}),
          .make = make_embed_classical,
          .example = "op = \"embed.classical\"\n"};
}

}  // namespace penstock
