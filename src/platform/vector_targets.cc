// SPDX-License-Identifier: MIT
#include "platform/vector_targets.h"

#include "platform/shared_library.h"

namespace penstock {

std::optional<std::int64_t> supported_vector_targets() {
  static const std::optional<std::int64_t> kTargets = []() -> std::optional<std::int64_t> {
    std::int64_t (*find)() = nullptr;
    const Result<SharedLibrary> library = SharedLibrary::load("Highway", {"libhwy.so.1", "libhwy.so"}, "libhwy1");
    if (!library || !library->find("_ZN3hwy16SupportedTargetsEv", find)) return std::nullopt;
    return find();
  }();
  return kTargets;
}

}  // namespace penstock
