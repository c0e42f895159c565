// SPDX-License-Identifier: MIT
// The module that runs models with OpenCV's dnn. OpenCV throws, prints and logs; here every failure is a text.
#include <atomic>
#include <cstdio>
#include <exception>
#include <memory>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <string>
#include <vector>

#include "embed/network_module.h"

namespace {

struct Network {
  cv::dnn::Net net;
  std::string input;
  std::string output;  // OpenCV's name of the layer
  cv::Mat result;
};

void say(PenstockNetworkError* error, const char* what) { std::snprintf(error->text, sizeof error->text, "%s", what); }

int print_nothing(int, const char*, const char*, const char*, int, void*) { return 0; }

// It is a setting of the process, and changing it throws OpenCV's threads away.
void use_threads(int threads) {
  static std::atomic<int> used = 0;
  if (used.exchange(threads) != threads) cv::setNumThreads(threads);
}

const char* runtime() { return "OpenCV " CV_VERSION; }

// Its importer calls the layer of an output "onnx_node_output_0!NAME".
std::string layer_of_output(const cv::dnn::Net& net, const std::string& output) {
  for (const std::string& layer : net.getUnconnectedOutLayersNames()) {
    const std::size_t mark = layer.rfind('!');
    if (layer == output || (mark != std::string::npos && layer.substr(mark + 1) == output)) return layer;
  }
  return {};
}

void* open_network(const PenstockNetworkOptions* options, PenstockNetworkError* error) {
  try {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    cv::redirectError(print_nothing);
    use_threads(1);
    auto network = std::make_unique<Network>();
    network->net = cv::dnn::readNetFromONNX(options->path);
    network->net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    network->net.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
    network->input = options->input;
    network->output = layer_of_output(network->net, options->output);
    if (!network->output.empty()) return network.release();
    say(error, "no layer of the network makes the output");
  } catch (const std::exception& thrown) {
    say(error, thrown.what());
  }
  return nullptr;
}

void close_network(void* network) { delete static_cast<Network*>(network); }

const float* run_network(void* network, const float* input, const int* shape, int dimensions, int threads,
                         std::size_t* size, PenstockNetworkError* error) {
  auto& mine = *static_cast<Network*>(network);
  try {
    use_threads(threads);
    // OpenCV only reads it.
    const cv::Mat values(dimensions, shape, CV_32F, const_cast<float*>(input));
    mine.net.setInput(values, mine.input);
    mine.result = mine.net.forward(mine.output);
    if (mine.result.type() != CV_32F) {
      say(error, "the output is not of 32-bit floats");
      return nullptr;
    }
    if (!mine.result.isContinuous()) mine.result = mine.result.clone();
    *size = mine.result.total();
    return mine.result.ptr<float>();
  } catch (const std::exception& thrown) {
    say(error, thrown.what());
  }
  return nullptr;
}

constexpr PenstockNetworkModule kModule = {kPenstockNetworkInterface,
                                           "OpenCV runs convolutional networks of simple operators: take ONNX Runtime, "
                                           "export the model with an older opset or "
                                           "without its special parts, or let a server run it (embed.http)",
                                           runtime,
                                           open_network,
                                           close_network,
                                           run_network};

}  // namespace

extern "C" __attribute__((visibility("default"))) const PenstockNetworkModule* penstock_network_module(
    PenstockNetworkError*) {
  return &kModule;
}
