// SPDX-License-Identifier: MIT
// penstock doctor: looks at the machine and says what is there, what is missing, and how to get it.
#include <fmt/format.h>
#include <penstock/pipeline.h>
#include <penstock/transport.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "data/lanes.h"
#include "embed/network_modules.h"
#include "image/decode.h"
#include "platform/file.h"
#include "platform/machine.h"
#include "store/json_fields.h"
#include "stream/table.h"
#include "vector/stores_text.h"

namespace penstock::app {
namespace {

using Json = nlohmann::ordered_json;

struct Finding {
  std::string name;
  bool ok = true;
  std::string found;
  std::string remedy = {};
};

Finding look_at_cores(const Machine& machine) {
  return {"cores", true, fmt::format("{}{}", machine.cores, machine.processor.empty() ? "" : ", " + machine.processor)};
}

Finding look_at_memory(const Machine& machine) {
  constexpr std::uint64_t kLittle = std::uint64_t{256} << 20;
  return {"memory", machine.memory_bytes == 0 || machine.memory_bytes >= kLittle, bytes_text(machine.memory_bytes),
          "set a small batch_size and a memory_limit"};
}

Finding look_at_open_files() {
  constexpr rlim_t kFew = 64;
  rlimit limit = {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return {"open files", limit.rlim_cur >= kFew, fmt::format("{} at most", limit.rlim_cur), "ulimit -n 1024"};
}

// Writes and removes a file where runs would be kept.
Finding look_at_store(const std::string& folder) {
  const std::string parent = ::access(folder.c_str(), F_OK) == 0 ? folder : folder_of(folder);
  const std::string probe = fmt::format("{}/.penstock_doctor.{}", parent, ::getpid());
  const Status written = write_file(probe, "probe");
  ::unlink(probe.c_str());
  if (!written) return {"outputs", false, written.error().message(), "choose a folder with penstock run --out DIR"};
  return {"outputs", true, fmt::format("{} can be written to", folder)};
}

Finding look_at_disk(const std::string& folder) {
  struct statvfs info = {};
  const std::string place = ::access(folder.c_str(), F_OK) == 0 ? folder : folder_of(folder);
  if (::statvfs(place.c_str(), &info) != 0)
    return {"disk", false, fmt::format("cannot ask about {}", place), "choose another folder with --out"};
  constexpr std::uint64_t kLittle = std::uint64_t{100} << 20;
  const std::uint64_t free_bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  return {"disk", free_bytes >= kLittle, fmt::format("{} free", bytes_text(free_bytes)),
          "free some space, or choose another folder with --out"};
}

// A transport that this build lacks is no problem unless somebody wants it.
Finding list_transports() {
  std::vector<std::string> transports;
  for (const TransportInfo* info : TransportRegistry::global().all()) {
    transports.push_back(info->missing.empty() ? info->name : fmt::format("{} (no: {})", info->name, info->missing));
  }
  return {"transports", true, fmt::format("{}", fmt::join(transports, ", "))};
}

// Nor is an operator that a library is missing for.
Finding list_waiting() {
  const auto found = [](const char* op) { return Registry::global().find(op).has_value(); };
  std::string text = found("file.read") ? "asio" : "times only (no: asio, install libasio-dev)";
  text += found("http.fetch") ? ", http.fetch" : " (no: http.fetch, install libcurl4-openssl-dev)";
  text += found("http.serve") ? ", http.serve" : " (no: http.serve, install libmicrohttpd-dev)";
  return {"waiting", true, text + "; what is missing takes a new build"};
}

// Nor is a format of images.
Finding list_image_formats() { return {"images", true, image::formats_text()}; }

// Nor are models; but a module that is named is wanted.
Finding list_models() {
  const Result<std::string> text = embed::network_modules_text();
  if (text) return {"models", true, *text};
  const Error& error = text.error();
  return {"models", false, fmt::format("{}: {}", error.where(), error.message()), error.hint()};
}

// Nor are stores.
Finding list_stores() { return {"stores", true, vector_stores_text()}; }

// Plain loops give the same numbers, only later.
Finding look_at_vectors() {
  std::string text = lane_kernels().name;
  if (vector_lane_kernels().empty()) text += " loops (no: Highway, install libhwy-dev; it takes a new build)";
  return {"vectors", true, text};
}

std::vector<Finding> findings(const std::string& store) {
  const Machine machine = this_machine();
  std::vector<std::string> strategies;
  for (const StrategyInfo& info : all_strategies()) strategies.push_back(info.name);
  return {{"program", true, fmt::format("penstock {}", program_version())},
          {"system", true, machine.system},
          look_at_cores(machine),
          look_at_vectors(),
          look_at_memory(machine),
          look_at_open_files(),
          look_at_store(store),
          look_at_disk(store),
          {"operators", true, fmt::format("{}", Registry::global().all().size())},
          {"strategies", true, fmt::format("{}", fmt::join(strategies, ", "))},
          list_transports(),
          list_waiting(),
          list_image_formats(),
          list_models(),
          list_stores()};
}

int doctor(const Arguments& arguments) {
  const std::vector<Finding> found = findings(arguments.value("--out", "pipeline_outputs"));
  Json list = Json::array();
  std::string text;
  bool ok = true;
  for (const Finding& finding : found) {
    ok = ok && finding.ok;
    list.push_back({{"name", finding.name},
                    {"ok", finding.ok},
                    {"found", finding.found},
                    {"remedy", finding.ok ? "" : finding.remedy}});
    text += fmt::format("{:<7} {:<11} {}\n", finding.ok ? "ok" : "problem", finding.name, finding.found);
    if (!finding.ok) text += fmt::format("{:<20}try: {}\n", "", finding.remedy);
  }
  if (arguments.has("--json")) {
    print_data(json_document({{"version", 1}, {"ok", ok}, {"findings", list}}));
  } else {
    print(text);
  }
  return ok ? kOk : kFailed;
}

}  // namespace

Command doctor_command() {
  Command command;
  command.name = "doctor";
  command.summary = "Looks at the machine and says what is missing";
  command.description = "Ends with exit code 1 when it found a problem.";
  command.flags = {
      {"--out", "DIR", "Folder that is to keep the runs (default: pipeline_outputs)", false, Completes::kFolders},
      {"--json", "", "Print JSON"}};
  command.examples = {{"penstock doctor", "A line per finding, with a remedy where there is a problem"}};
  command.run = doctor;
  return command;
}

}  // namespace penstock::app
