// SPDX-License-Identifier: MIT
#include "embed/onnx_embedder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "embed/onnx_graph.h"
#include "platform/file.h"

namespace penstock::embed {
namespace {

constexpr std::int32_t kFloat32 = 1;

/// A network of a module.
class Network {
 public:
  static Result<Network> open(const OnnxOptions& options, const std::string& input, const std::string& output) {
    PENSTOCK_ASSIGN(const PenstockNetworkModule* const module, network_module(options.runtime));
    const PenstockNetworkOptions how{options.model.c_str(), input.c_str(), output.c_str()};
    PenstockNetworkError error{};
    void* const handle = module->open(&how, &error);
    if (handle != nullptr) return Network(module, handle);
    return Error(ErrorCode::kUnsupported,
                 fmt::format("{} cannot import the model {}: {}", module->runtime(), options.model, error.text))
        .hint(module->advice);
  }

  Result<std::span<const float>> run(const float* input, const std::vector<int>& shape, int threads) {
    std::size_t size = 0;
    PenstockNetworkError error{};
    const float* const output =
        module_->run(handle_.get(), input, shape.data(), static_cast<int>(shape.size()), threads, &size, &error);
    if (output != nullptr) return std::span<const float>(output, size);
    return Error(ErrorCode::kUnsupported, fmt::format("{} cannot run the model: {}", module_->runtime(), error.text))
        .hint("let a server run it (embed.http)");
  }

 private:
  struct Close {
    const PenstockNetworkModule* module;
    void operator()(void* handle) const noexcept { module->close(handle); }
  };
  Network(const PenstockNetworkModule* module, void* handle) : module_(module), handle_(handle, Close{module}) {}

  const PenstockNetworkModule* module_;
  std::unique_ptr<void, Close> handle_;
};

/// Runs a batch of a size that the model knows.
class OnnxEmbedder final : public Embedder {
 public:
  /// `batch`: as many tensors as the model wants at once; 0: any number.
  OnnxEmbedder(const TensorType& tensor, std::uint32_t dimension, std::size_t batch, int threads, Network network)
      : Embedder(tensor, dimension), batch_(batch), threads_(threads), network_(std::move(network)) {
    shape_ = {0};
    for (const std::int64_t size : tensor.shape) shape_.push_back(static_cast<int>(size));
    tensor_floats_ = *tensor.row_bytes() / sizeof(float);
    if (batch_ > 0) padded_.resize(batch_ * tensor_floats_);
  }

  Status embed(std::span<const std::byte> tensors, std::span<float> vectors) override {
    const auto* input = reinterpret_cast<const float*>(tensors.data());
    std::size_t count = vectors.size() / dimension();
    float* output = vectors.data();
    while (count > 0) {
      const std::size_t now = batch_ == 0 ? count : std::min(count, batch_);
      PENSTOCK_TRY(run(input, now, output));
      input += now * tensor_floats_;
      output += now * dimension();
      count -= now;
    }
    return {};
  }

 private:
  Status run(const float* input, std::size_t count, float* output) {
    const std::size_t batch = batch_ == 0 ? count : batch_;
    if (count < batch) {
      std::fill(std::copy_n(input, count * tensor_floats_, padded_.begin()), padded_.end(), 0.0F);
      input = padded_.data();
    }
    shape_[0] = static_cast<int>(batch);
    PENSTOCK_ASSIGN(const std::span<const float> result, network_.run(input, shape_, threads_));
    if (result.size() != batch * dimension()) {
      return Error(ErrorCode::kDataLoss, fmt::format("the model gave {} values for {} tensors, {} each were expected",
                                                     result.size(), batch, dimension()));
    }
    std::memcpy(output, result.data(), count * dimension() * sizeof(float));
    return {};
  }

  const std::size_t batch_;
  const int threads_;
  Network network_;
  std::vector<int> shape_;
  std::size_t tensor_floats_ = 0;
  std::vector<float> padded_;
};

// How many tensors the model wants at once; 0: any number.
Result<std::size_t> batch_of(const OnnxValue& input, const TensorType& tensor) {
  const auto refuse = [&](std::string_view why) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("the model's input \"{}\" is {}, {}", input.name, input.type_text(), why))
        .hint("image.normalize makes tensors f32 of any size, [3, height, width] or [height, width, 3]");
  };
  if (input.element != kFloat32) return refuse("and embed.onnx gives float32");
  if (tensor.element != TensorElement::kF32) return refuse(fmt::format("but the tensors are {}", tensor.to_text()));
  if (!input.has_shape) return std::size_t{0};
  bool fits = input.shape.size() == tensor.shape.size() + 1;
  for (std::size_t i = 0; fits && i < tensor.shape.size(); ++i)
    fits = input.shape[i + 1] == OnnxValue::kAnySize || input.shape[i + 1] == tensor.shape[i];
  if (!fits) return refuse(fmt::format("which a batch of tensors {} does not fit", tensor.to_text()));
  return input.shape[0] == OnnxValue::kAnySize ? 0 : static_cast<std::size_t>(input.shape[0]);
}

Result<OnnxGraph> graph_of(const std::string& model) {
  PENSTOCK_ASSIGN(const MappedFile file, MappedFile::open(model));
  Result<OnnxGraph> graph = read_onnx_graph(file.bytes());
  if (!graph) return std::move(graph).error().at(model);
  return graph;
}

// Runs it on zeros: what does not work shows now, and memory is there when the first image comes. In one thread: the
// worker may be a process that is forked after this, and would miss the others.
Result<std::uint32_t> warm_up(Network& network, const TensorType& tensor, std::size_t batch, const OnnxValue& output) {
  std::vector<int> shape = {static_cast<int>(batch)};
  for (const std::int64_t size : tensor.shape) shape.push_back(static_cast<int>(size));
  const std::vector<float> zeros(batch * *tensor.row_bytes() / sizeof(float));
  PENSTOCK_ASSIGN(const std::span<const float> result, network.run(zeros.data(), shape, 1));
  const std::size_t dimension = result.size() / batch;
  if (dimension == 0 || dimension * batch != result.size() || dimension > UINT32_MAX / sizeof(float)) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("the model's output \"{}\" has {} values for {} tensors",
                                                          output.name, result.size(), batch));
  }
  return static_cast<std::uint32_t>(dimension);
}

}  // namespace

Result<std::unique_ptr<Embedder>> make_onnx_embedder(const OnnxOptions& options, const TensorType& tensor) {
  PENSTOCK_ASSIGN(const OnnxGraph graph, graph_of(options.model));
  PENSTOCK_ASSIGN(const OnnxValue input, onnx_value(graph.inputs, options.input, "input"));
  PENSTOCK_ASSIGN(const OnnxValue output, onnx_value(graph.outputs, options.output, "output"));
  PENSTOCK_ASSIGN(const std::size_t batch, batch_of(input, tensor));
  PENSTOCK_ASSIGN(Network network, Network::open(options, input.name, output.name));
  PENSTOCK_ASSIGN(const std::uint32_t dimension, warm_up(network, tensor, std::max<std::size_t>(batch, 1), output));
  return std::unique_ptr<Embedder>(
      std::make_unique<OnnxEmbedder>(tensor, dimension, batch, options.threads, std::move(network)));
}

}  // namespace penstock::embed
