// SPDX-License-Identifier: MIT
// embed.onnx: vectors by a model.
#include <fmt/format.h>

#include "embed/onnx_embedder.h"
#include "operators/embed/embed_operators.h"
#include "operators/embed/local_embed.h"

namespace penstock {
namespace {

class OnnxSource final : public EmbedderSource {
 public:
  explicit OnnxSource(embed::OnnxOptions options) : options_(std::move(options)) {}
  Result<std::unique_ptr<Embedder>> make(const TensorType& tensor) override {
    return embed::make_onnx_embedder(options_, tensor);
  }
  std::string note() const override {
    return fmt::format("{}, a network per worker, {} in each", options_.model,
                       options_.threads == 1 ? "one thread" : fmt::format("{} threads", options_.threads));
  }

 private:
  const embed::OnnxOptions options_;
};

Result<std::unique_ptr<Operator>> make_embed_onnx(const Options& options) {
  for (const char* const name : {"threads", "batch"}) {
    if (const std::int64_t value = options.integer(name); value < 1 || value > 1024) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("option \"{}\" is {}, and must be from 1 to 1024", name, value))
          .at(options.place(name).to_text());
    }
  }
  embed::OnnxOptions model{.model = options.text("model"),
                           .threads = static_cast<int>(options.integer("threads")),
                           .runtime = embed::runtime_of(options.text("runtime"))};
  if (options.has("input")) model.input = options.text("input");
  if (options.has("output")) model.output = options.text("output");
  return make_local_embed({.op = "embed.onnx",
                           .columns = vector_column_options(options),
                           .most_rows = static_cast<std::size_t>(options.integer("batch"))},
                          std::make_unique<OnnxSource>(std::move(model)));
}

}  // namespace

OperatorInfo embed_onnx_info() {
  std::vector<OptionInfo> options = {
      {.name = "model", .doc = "The path of an ONNX file.", .required = true, .example = "\"resnet18.onnx\""},
      {.name = "input",
       .doc = "The input that takes the tensors; need not be said where there is one.",
       .example = "\"pixels\""},
      {.name = "output", .doc = "The output that gives the vectors; the same.", .example = "\"features\""},
      {.name = "batch",
       .kind = OptionKind::kInteger,
       .doc = "Most tensors that the model is given at once, out of the batch at hand; a model that fixes the number "
              "is given that many.",
       .default_value = 8},
      {.name = "threads",
       .kind = OptionKind::kInteger,
       .doc = "That calculate for one batch. Several workers of one thread each get more done than one of several.",
       .default_value = 1},
      {.name = "runtime",
       .kind = OptionKind::kChoice,
       .doc =
           "What runs the model. auto: ONNX Runtime where it is here, else OpenCV. Vectors differ by the rounding of "
           "floats.",
       .default_value = "auto",
       .choices = {"auto", "onnxruntime", "opencv"}}};
  return {.name = "embed.onnx",
          .summary =
              "Adds the vector that an ONNX model makes of each tensor; names, shapes and a trial run are looked "
              "at before the first image.",
          .options = with_vector_column(std::move(options)),
          .make = make_embed_onnx,
          .example = "op = \"embed.onnx\"\nmodel = \"resnet18.onnx\"\n"};
}

}  // namespace penstock
