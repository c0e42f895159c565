// SPDX-License-Identifier: MIT
// penstock version.
#include <fmt/format.h>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"

namespace penstock::app {

std::string_view program_version() { return PENSTOCK_VERSION; }

namespace {

#ifdef __clang__
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

int version(const Arguments& arguments) {
  if (arguments.has("--json")) {
    print_data(fmt::format("{{\"name\": \"penstock\", \"version\": \"{}\", \"compiler\": \"{}\"}}\n", program_version(),
                           kCompiler));
  } else {
    print(fmt::format("penstock {}\ncompiled with {}\n", program_version(), kCompiler));
  }
  return kOk;
}

}  // namespace

Command version_command() {
  Command command;
  command.name = "version";
  command.summary = "Shows the version";
  command.flags = {{"--json", "", "Print JSON"}};
  command.examples = {{"penstock version", "Version and compiler"}};
  command.run = version;
  return command;
}

}  // namespace penstock::app
