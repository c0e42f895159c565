// SPDX-License-Identifier: MIT
// The module that runs models with ONNX Runtime. This file is compiled with its header alone. Of the library, which is
// loaded with the first model, one name is looked up: what is behind it is a table of functions that later versions
// only add to, so that a library may be newer than the header. Linking would tie the module to one version of it.
#include <dlfcn.h>
#include <onnxruntime_c_api.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "embed/network_module.h"

namespace {

const OrtApi* ort = nullptr;             // set before the first network is opened, as the next two
OrtEnv* environment = nullptr;           // never released, as the library stays loaded
OrtMemoryInfo* memory_of_cpu = nullptr;  // the same
char runtime_text[64] = "";

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const noexcept {
    (ort->*release)(object);
  }
};
using SessionOptions = std::unique_ptr<OrtSessionOptions, Release<&OrtApi::ReleaseSessionOptions>>;
using Session = std::unique_ptr<OrtSession, Release<&OrtApi::ReleaseSession>>;
using Value = std::unique_ptr<OrtValue, Release<&OrtApi::ReleaseValue>>;
using Shape = std::unique_ptr<OrtTensorTypeAndShapeInfo, Release<&OrtApi::ReleaseTensorTypeAndShapeInfo>>;

struct Network {
  std::string path;
  std::string input;
  std::string output;
  int threads = 0;  // of the session
  Session session;
  Value result;
};

void say(PenstockNetworkError* error, const char* what) { std::snprintf(error->text, sizeof error->text, "%s", what); }

// Takes the status. False with an error when it is one.
bool went_well(OrtStatus* status, PenstockNetworkError* error) {
  if (status == nullptr) return true;
  say(error, ort->GetErrorMessage(status));
  ort->ReleaseStatus(status);
  return false;
}

/// Sets `into` to what `make`, a function of the table, makes of `arguments`.
template <class Owner, class Make, class... Arguments>
bool make_into(Owner& into, PenstockNetworkError* error, Make make, Arguments... arguments) {
  typename Owner::pointer made = nullptr;
  const bool well = went_well(make(arguments..., &made), error);
  into.reset(made);
  return well;
}

const char* runtime() { return runtime_text; }

// Threads belong to a session, and one that has several starts them here; they would not be there in a process that is
// forked later. Those that have nothing to do sleep: there may be as many networks as cores.
bool start_session(Network& network, int threads, PenstockNetworkError* error) {
  SessionOptions options;
  network.threads = 0;
  network.session.reset();
  if (!make_into(options, error, ort->CreateSessionOptions) ||
      !went_well(ort->SetIntraOpNumThreads(options.get(), threads), error) ||
      !went_well(ort->SetInterOpNumThreads(options.get(), 1), error) ||
      !went_well(ort->AddSessionConfigEntry(options.get(), "session.intra_op.allow_spinning", "0"), error) ||
      !make_into(network.session, error, ort->CreateSession, environment, network.path.c_str(), options.get())) {
    return false;
  }
  network.threads = threads;
  return true;
}

void* open_network(const PenstockNetworkOptions* options, PenstockNetworkError* error) {
  auto network = std::make_unique<Network>();
  network->path = options->path;
  network->input = options->input;
  network->output = options->output;
  return start_session(*network, 1, error) ? network.release() : nullptr;
}

void close_network(void* network) { delete static_cast<Network*>(network); }

// The floats of a tensor; null with an error when it is none.
const float* floats_of(OrtValue* value, std::size_t* size, PenstockNetworkError* error) {
  Shape shape;
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  void* data = nullptr;
  if (!make_into(shape, error, ort->GetTensorTypeAndShape, value) ||
      !went_well(ort->GetTensorElementType(shape.get(), &element), error) ||
      !went_well(ort->GetTensorShapeElementCount(shape.get(), size), error) ||
      !went_well(ort->GetTensorMutableData(value, &data), error)) {
    return nullptr;
  }
  if (element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT && *size > 0) return static_cast<const float*>(data);
  say(error, *size == 0 ? "the output is empty" : "the output is not of 32-bit floats");
  return nullptr;
}

const float* run_network(void* network, const float* input, const int* shape, int dimensions, int threads,
                         std::size_t* size, PenstockNetworkError* error) {
  auto& mine = *static_cast<Network*>(network);
  if (mine.threads != threads && !start_session(mine, threads, error)) return nullptr;
  const std::vector<std::int64_t> sizes(shape, shape + dimensions);
  std::size_t bytes = sizeof(float);
  for (const std::int64_t each : sizes) bytes *= static_cast<std::size_t>(each);
  Value values;
  // It only reads them.
  if (!make_into(values, error, ort->CreateTensorWithDataAsOrtValue, memory_of_cpu, const_cast<float*>(input), bytes,
                 sizes.data(), sizes.size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)) {
    return nullptr;
  }
  const char* const input_name = mine.input.c_str();
  const char* const output_name = mine.output.c_str();
  const OrtValue* const given = values.get();
  if (!make_into(mine.result, error, ort->Run, mine.session.get(), nullptr, &input_name, &given, std::size_t{1},
                 &output_name, std::size_t{1})) {
    return nullptr;
  }
  return floats_of(mine.result.get(), size, error);
}

#define TEXT_OF(value) #value
#define TEXT_OF_MACRO(macro) TEXT_OF(macro)

// Null with an error, that of the first name.
void* load_library(PenstockNetworkError* error) {
  for (const char* const name : {
#ifdef PENSTOCK_ONNXRUNTIME_LIBRARY
           // Who said which wants no other, as another version gives other vectors.
           PENSTOCK_ONNXRUNTIME_LIBRARY
#else
           // Its own name; Debian's.
           "libonnxruntime.so.1", "libonnxruntime.so.1." TEXT_OF_MACRO(ORT_API_VERSION)
#endif
       }) {
    if (void* const library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
    const char* const why = ::dlerror();
    if (error->text[0] == '\0') say(error, why == nullptr ? name : why);
  }
  return nullptr;
}

bool start_runtime(PenstockNetworkError* error) {
  void* const library = load_library(error);
  if (library == nullptr) return false;
  const auto base = reinterpret_cast<decltype(&OrtGetApiBase)>(::dlsym(library, "OrtGetApiBase"));
  if (base == nullptr) {
    say(error, "the library has no OrtGetApiBase");
    return false;
  }
  std::snprintf(runtime_text, sizeof runtime_text, "ONNX Runtime %s", base()->GetVersionString());
  ort = base()->GetApi(ORT_API_VERSION);
  if (ort == nullptr) {
    std::snprintf(error->text, sizeof error->text, "%s is older than the header that this was built with, 1.%d",
                  runtime_text, ORT_API_VERSION);
    return false;
  }
  // It would print what it returns, too.
  return went_well(ort->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "penstock", &environment), error) &&
         went_well(ort->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory_of_cpu), error);
}

constexpr PenstockNetworkModule kModule = {
    kPenstockNetworkInterface,
    "export it for operators that this version of ONNX Runtime has, or let a server run it (embed.http)",
    runtime,
    open_network,
    close_network,
    run_network};

}  // namespace

extern "C" __attribute__((visibility("default"))) const PenstockNetworkModule* penstock_network_module(
    PenstockNetworkError* error) {
  return start_runtime(error) ? &kModule : nullptr;
}
