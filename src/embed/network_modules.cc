// SPDX-License-Identifier: MIT
// A module is a shared library whose bytes the linker put into this one (docs/decisions/0021-models-in-a-module.md):
// written to memory that has a descriptor, it is loaded as if it were a file, and there is no file to be found or lost.
#include "embed/network_modules.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "platform/descriptor.h"
#include "platform/shared_library.h"

#define PENSTOCK_CARRY(name, file)   \
  extern "C" {                       \
  extern const char name##_begin[];  \
  extern const char name##_end[];    \
  }                                  \
  asm(".pushsection .rodata\n"       \
      ".global " #name               \
      "_begin\n"                     \
      ".global " #name               \
      "_end\n"                       \
      ".hidden " #name               \
      "_begin\n"                     \
      ".hidden " #name               \
      "_end\n"                       \
      ".balign 64\n" #name           \
      "_begin:\n"                    \
      ".incbin \"" file "\"\n" #name \
      "_end:\n"                      \
      ".popsection\n")

#ifdef PENSTOCK_ONNXRUNTIME_MODULE
PENSTOCK_CARRY(penstock_onnxruntime_module, PENSTOCK_ONNXRUNTIME_MODULE);
#endif
#ifdef PENSTOCK_OPENCV_MODULE
PENSTOCK_CARRY(penstock_opencv_module, PENSTOCK_OPENCV_MODULE);
#endif

namespace penstock::embed {
namespace {

// Which package it is, and whether there is one, differs from system to system.
constexpr const char* kOnnxRuntimeRemedy =
    "docs/guide/images.md says how to get ONNX Runtime, for a new build or as a module that PENSTOCK_ONNX_MODULE names";

/// A runtime, and its module where this build carries it.
struct Carried {
  const char* name;
  const char* remedy;
  std::string_view bytes;
};

#ifdef PENSTOCK_ONNXRUNTIME_MODULE
const Carried kOnnxRuntime = {
    "ONNX Runtime", kOnnxRuntimeRemedy, {penstock_onnxruntime_module_begin, penstock_onnxruntime_module_end}};
#else
const Carried kOnnxRuntime = {"ONNX Runtime", kOnnxRuntimeRemedy, {}};
#endif
#ifdef PENSTOCK_OPENCV_MODULE
const Carried kOpenCv = {
    "OpenCV's dnn", "apt-get install libopencv-dnn406", {penstock_opencv_module_begin, penstock_opencv_module_end}};
#else
const Carried kOpenCv = {"OpenCV's dnn", "apt-get install libopencv-dnn-dev, and build again", {}};
#endif

Result<const PenstockNetworkModule*> module_of(const SharedLibrary& library, const Carried& carried) {
  PenstockNetworkModuleFunction function = nullptr;
  if (!library.find("penstock_network_module", function)) {
    return Error(ErrorCode::kUnsupported, fmt::format("this is no module for {}", carried.name))
        .hint("docs/guide/images.md says how to make one");
  }
  PenstockNetworkError error{};
  const PenstockNetworkModule* const module = function(&error);
  if (module == nullptr) {
    return Error(ErrorCode::kUnsupported, fmt::format("{} cannot be used: {}", carried.name, error.text))
        .hint(carried.remedy);
  }
  if (module->interface == kPenstockNetworkInterface) return module;
  return Error(ErrorCode::kUnsupported, fmt::format("the module for {} has interface {}, and this is {}", carried.name,
                                                    module->interface, kPenstockNetworkInterface))
      .hint("make it of the same version of Penstock");
}

Result<Descriptor> in_memory(const Carried& carried) {
  Descriptor memory(::memfd_create("penstock_module", MFD_CLOEXEC));
  const char* at = carried.bytes.data();
  const char* const end = at + carried.bytes.size();
  while (memory.get() >= 0 && at != end) {
    const ssize_t written = ::write(memory.get(), at, static_cast<std::size_t>(end - at));
    if (written < 0) break;
    at += written;
  }
  if (memory.get() < 0 || at != end) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("no memory for the module that runs models: {}", std::strerror(errno)));
  }
  return memory;
}

Result<const PenstockNetworkModule*> carried_module(const Carried& carried) {
  if (carried.bytes.empty()) {
    return Error(ErrorCode::kUnsupported, fmt::format("this build runs no ONNX models with {}", carried.name))
        .hint(carried.remedy);
  }
  PENSTOCK_ASSIGN(const Descriptor memory, in_memory(carried));
  const std::string path = fmt::format("/proc/self/fd/{}", memory.get());
  Result<SharedLibrary> library = SharedLibrary::load(carried.name, {path.c_str()}, "");
  if (!library) return std::move(library).error().hint(carried.remedy);
  return module_of(*library, carried);
}

Result<const PenstockNetworkModule*> look_up_onnx_runtime() {
  const std::string file = named_module();
  if (file.empty()) return carried_module(kOnnxRuntime);
  Result<SharedLibrary> library = SharedLibrary::load("the module", {file.c_str()}, "");
  if (!library) {
    return Error(ErrorCode::kUnsupported, library.error().message())
        .hint("docs/guide/images.md says how to make it")
        .at(fmt::format("{}={}", kModuleVariable, file));
  }
  Result<const PenstockNetworkModule*> module = module_of(*library, kOnnxRuntime);
  if (!module) return std::move(module).error().at(fmt::format("{}={}", kModuleVariable, file));
  return module;
}

Result<const PenstockNetworkModule*> look_up_opencv() { return carried_module(kOpenCv); }

// One that was named is wanted: it is not passed over when it fails.
Result<const PenstockNetworkModule*> look_up_any() {
  const auto& first = looked_up_once<look_up_onnx_runtime>();
  if (first || !named_module().empty()) return first;
  const auto& second = looked_up_once<look_up_opencv>();
  if (second || !kOpenCv.bytes.empty()) return second;
  if (!kOnnxRuntime.bytes.empty()) return first;
  return Error(ErrorCode::kUnsupported, "this build runs no ONNX models")
      .hint(fmt::format("{}; or {}", kOpenCv.remedy, kOnnxRuntime.remedy));
}

}  // namespace

Runtime runtime_of(const std::string& name) {
  if (name == "onnxruntime") return Runtime::kOnnxRuntime;
  return name == "opencv" ? Runtime::kOpenCv : Runtime::kAuto;
}

Result<const PenstockNetworkModule*> network_module(Runtime runtime) {
  if (runtime == Runtime::kOnnxRuntime) return looked_up_once<look_up_onnx_runtime>();
  if (runtime == Runtime::kOpenCv) return looked_up_once<look_up_opencv>();
  return looked_up_once<look_up_any>();
}

// A name without a slash would be looked for in the folders of the system.
std::string named_module() {
  const char* const name = ::secure_getenv(kModuleVariable);
  const std::string file = name == nullptr ? "" : name;
  return file.empty() || file.find('/') != std::string::npos ? file : "./" + file;
}

Result<std::string> network_modules_text() {
  std::string text;
  if (const std::string file = named_module(); !file.empty()) {
    PENSTOCK_ASSIGN(const PenstockNetworkModule* const module, network_module(Runtime::kOnnxRuntime));
    text = fmt::format("{} ({})", module->runtime(), file);
  } else if (!kOnnxRuntime.bytes.empty()) {
    text = kOnnxRuntime.name;
  }
  if (!kOpenCv.bytes.empty()) text += fmt::format("{}{}", text.empty() ? "" : ", ", kOpenCv.name);
  if (!text.empty()) return text;
  return fmt::format("(no: embed.onnx, {}; or {})", kOpenCv.remedy, kOnnxRuntime.remedy);
}

}  // namespace penstock::embed
