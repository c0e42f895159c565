// SPDX-License-Identifier: MIT
// What a module gives to the library that runs models with the help of a heavy one. Plain C, since it is loaded when
// the first model is: names of C++ cannot be looked up, and nothing of either side is linked with the other.
#pragma once

#include <cstddef>

extern "C" {

/// Where a module says what is wrong.
struct PenstockNetworkError {
  char text[2048];
};

/// How to open a model.
struct PenstockNetworkOptions {
  const char* path;    ///< Of the ONNX file.
  const char* input;   ///< The input's name in the model's graph.
  const char* output;  ///< The same of the output.
};

/// What this file says; a module of another number is refused.
inline constexpr int kPenstockNetworkInterface = 1;

/// The functions of a module. A network belongs to one thread at a time.
struct PenstockNetworkModule {
  int interface;  ///< kPenstockNetworkInterface.
  /// What to try with a model that it cannot import.
  const char* advice;
  /// For instance "OpenCV 4.6.0".
  const char* (*runtime)();
  /// Returns a network; null with an error when the model cannot be had.
  void* (*open)(const PenstockNetworkOptions* options, PenstockNetworkError* error);
  void (*close)(void* network);
  /// Runs the network on f32 [shape...] of so many dimensions, with so many threads, for which 1 starts none. Returns
  /// the output, f32 of `*size` values, which stands until the next call; null with an error.
  const float* (*run)(void* network, const float* input, const int* shape, int dimensions, int threads,
                      std::size_t* size, PenstockNetworkError* error);
};

/// The one name that a module has: "penstock_network_module". It is called once, and returns null with an error when
/// what runs models is not here.
using PenstockNetworkModuleFunction = const PenstockNetworkModule* (*)(PenstockNetworkError* error);

}  // extern "C"
