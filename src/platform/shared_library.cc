// SPDX-License-Identifier: MIT
#include "platform/shared_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <string>

namespace penstock {
namespace {

// In the words of the C library. A library that another one needs may be missing, too, and is named there instead.
bool is_missing(std::string_view reason, std::string_view name) {
  return reason.starts_with(std::string(name) + ": ") && reason.ends_with(": No such file or directory");
}

}  // namespace

Result<SharedLibrary> SharedLibrary::load(std::string_view what, std::initializer_list<const char*> names,
                                          std::string_view package, Symbols symbols) {
  const int flags = RTLD_NOW | (symbols == Symbols::kGlobal ? RTLD_GLOBAL : RTLD_LOCAL);
  std::string why;
  bool is_there = false;
  for (const char* const name : names) {
    if (void* const handle = ::dlopen(name, flags)) return SharedLibrary(handle);
    const char* const text = ::dlerror();
    const std::string reason = text == nullptr ? name : text;
    // That a file is there and cannot be loaded says more than that another is not there; else the first name counts.
    if (const bool says_more = !is_there && !is_missing(reason, name); says_more || why.empty()) {
      is_there = says_more;
      why = reason;
    }
  }
  return Error(ErrorCode::kUnsupported, fmt::format("{} is not here: {}", what, why))
      .hint(fmt::format("apt-get install {}", package));
}

void* SharedLibrary::address_of(const char* name) const { return ::dlsym(handle_, name); }

Error not_the_library(std::string_view what, std::string_view package) {
  return Error(ErrorCode::kUnsupported, fmt::format("the {} that was found is not one that Penstock knows", what))
      .hint(fmt::format("apt-get install {}", package));
}

}  // namespace penstock
