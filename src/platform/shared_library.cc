// SPDX-License-Identifier: MIT
#include "platform/shared_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace penstock {

Result<SharedLibrary> SharedLibrary::load(std::string_view what, std::initializer_list<const char*> names,
                                          std::string_view package, Symbols symbols) {
  const int flags = RTLD_NOW | (symbols == Symbols::kGlobal ? RTLD_GLOBAL : RTLD_LOCAL);
  for (const char* const name : names) {
    if (void* const handle = ::dlopen(name, flags)) return SharedLibrary(handle);
  }
  const char* const why = ::dlerror();
  return Error(ErrorCode::kUnsupported, fmt::format("{} is not here: {}", what, why == nullptr ? "" : why))
      .hint(fmt::format("apt-get install {}", package));
}

void* SharedLibrary::address_of(const char* name) const { return ::dlsym(handle_, name); }

Error not_the_library(std::string_view what, std::string_view package) {
  return Error(ErrorCode::kUnsupported, fmt::format("the {} that was found is not one that Penstock knows", what))
      .hint(fmt::format("apt-get install {}", package));
}

}  // namespace penstock
