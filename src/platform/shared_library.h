// SPDX-License-Identifier: MIT
// Libraries that are loaded when something first needs them: a program linked with a heavy one takes several times as
// long to start, whether it uses it or not.
#pragma once

#include <penstock/result.h>

#include <initializer_list>
#include <string_view>

namespace penstock {

/// A library of the system in this process; it stays loaded. A small value.
class SharedLibrary {
 public:
  enum class Symbols : unsigned char {
    kLocal,   ///< Only who looks them up sees them.
    kGlobal,  ///< Also libraries that are loaded later, as a library with plugins of its own needs it.
  };

  /// Loads the first of `names` that is there. Errors: kUnsupported, which names `what` and says that `package` has it,
  /// with the reason for the first name whose file is there, else for the first one.
  static Result<SharedLibrary> load(std::string_view what, std::initializer_list<const char*> names,
                                    std::string_view package, Symbols symbols = Symbols::kLocal);

  /// Sets `into`, a pointer to a function or to data, to what `name` stands for. False when it has no such name.
  template <class T>
  bool find(const char* name, T& into) const {
    into = reinterpret_cast<T>(address_of(name));
    return into != nullptr;
  }

 private:
  explicit SharedLibrary(void* handle) : handle_(handle) {}
  void* address_of(const char* name) const;
  void* handle_;
};

/// The error for a library in which names are missing.
Error not_the_library(std::string_view what, std::string_view package);

/// What `look_up`, a function that returns a Result, returned when it was first called; never destroyed, as what it
/// loads. Thread-safe.
template <auto look_up>
const auto& looked_up_once() {
  static const auto& found = *new auto(look_up());
  return found;
}

/// Whether that went well.
template <auto look_up>
Status load_once() {
  const auto& found = looked_up_once<look_up>();
  if (found) return {};
  return Error(found.error());
}

}  // namespace penstock
