// SPDX-License-Identifier: MIT
// The module is a shared library whose bytes the linker put into this one (docs/decisions/0021-models-in-a-module.md):
// written to memory that has a descriptor, it is loaded as if it were a file, and there is no file to be found or lost.
#include "embed/network_modules.h"

#include "platform/shared_library.h"

#ifdef PENSTOCK_NETWORK_MODULE
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "platform/descriptor.h"

extern "C" {
extern const char penstock_network_module_begin[];
extern const char penstock_network_module_end[];
}
asm(".pushsection .rodata\n"
    ".global penstock_network_module_begin\n"
    ".global penstock_network_module_end\n"
    ".hidden penstock_network_module_begin\n"
    ".hidden penstock_network_module_end\n"
    ".balign 64\n"
    "penstock_network_module_begin:\n"
    ".incbin \"" PENSTOCK_NETWORK_MODULE
    "\"\n"
    "penstock_network_module_end:\n"
    ".popsection\n");
#endif

namespace penstock::embed {

#ifdef PENSTOCK_NETWORK_MODULE
namespace {

constexpr const char* kPackage = "libopencv-dnn406";

Result<Descriptor> module_in_memory() {
  Descriptor memory(::memfd_create("penstock_opencv", MFD_CLOEXEC));
  const char* at = penstock_network_module_begin;
  while (memory.get() >= 0 && at != penstock_network_module_end) {
    const ssize_t written = ::write(memory.get(), at, static_cast<std::size_t>(penstock_network_module_end - at));
    if (written < 0) break;
    at += written;
  }
  if (memory.get() < 0 || at != penstock_network_module_end) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("no memory for the module that runs models: {}", std::strerror(errno)));
  }
  return memory;
}

Result<const PenstockNetworkModule*> look_up_module() {
  PENSTOCK_ASSIGN(const Descriptor memory, module_in_memory());
  const std::string path = fmt::format("/proc/self/fd/{}", memory.get());
  PENSTOCK_ASSIGN(const SharedLibrary library, SharedLibrary::load("OpenCV's dnn", {path.c_str()}, kPackage));
  PenstockNetworkModuleFunction module = nullptr;
  if (!library.find("penstock_network_module", module)) return not_the_library("module of OpenCV", kPackage);
  return module();
}

}  // namespace

Result<const PenstockNetworkModule*> network_module() { return looked_up_once<look_up_module>(); }
const char* network_module_text() noexcept { return "OpenCV's dnn"; }
#else
Result<const PenstockNetworkModule*> network_module() {
  return Error(ErrorCode::kUnsupported, "this build runs no ONNX models")
      .hint("install libopencv-dnn-dev, and build again");
}
const char* network_module_text() noexcept {
  return "(no: embed.onnx, install libopencv-dnn-dev; it takes a new build)";
}
#endif

}  // namespace penstock::embed
