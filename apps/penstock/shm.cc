// SPDX-License-Identifier: MIT
// penstock shm: lists the shared memory that Penstock made, or removes what nobody needs any more.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "base/printable.h"
#include "store/json_fields.h"
#include "stream/table.h"
#include "transport/arena.h"

namespace penstock::app {
namespace {

using Json = nlohmann::ordered_json;

std::string state_of(const ArenaListing& listing) {
  if (!listing.note.empty()) return "not judged";
  if (listing.writer_alive) return "in use";
  return listing.abandoned ? "abandoned" : "read only";
}

std::string file_name(const ArenaListing& listing) { return listing.path.substr(listing.path.rfind('/') + 1); }

std::string shown_name(const ArenaListing& listing) {
  return printable(listing.name.empty() ? file_name(listing) : listing.name);
}

Json to_json(const ArenaListing& listing) {
  return {{"name", listing.name},
          {"path", listing.path},
          {"kind", listing.kind},
          {"state", state_of(listing)},
          {"writer_pid", listing.writer_pid},
          {"writer_alive", listing.writer_alive},
          {"readers_alive", listing.readers_alive},
          {"allocated_bytes", listing.allocated_bytes},
          {"created_unix_seconds", listing.created_seconds},
          {"note", listing.note}};
}

int list(const std::string& folder, const std::vector<ArenaListing>& listings, bool json) {
  Json all = Json::array();
  Table table({"name", "kind", "state", ">writer", ">readers", ">memory", "note"});
  for (const ArenaListing& listing : listings) {
    all.push_back(to_json(listing));
    const bool known = listing.writer_pid != 0;
    table.add({shown_name(listing), listing.kind, state_of(listing),
               known ? fmt::format("{}{}", listing.writer_pid, listing.writer_alive ? "" : " (gone)") : "none",
               std::to_string(listing.readers_alive), bytes_text(listing.allocated_bytes), printable(listing.note)});
  }
  if (json) {
    print_data(json_document({{"version", 1}, {"shared_memory", std::move(all)}}));
  } else if (listings.empty()) {
    print(fmt::format("no shared memory of Penstock in {}\n", folder));
  } else {
    print(table.to_text());
  }
  return kOk;
}

int clean(const std::string& folder, const std::vector<ArenaListing>& listings, bool json) {
  Json removed = Json::array();
  std::uint64_t bytes = 0;
  std::string text;
  int code = kOk;
  for (const ArenaListing& listing : listings) {
    if (!listing.abandoned) continue;
    if (const Status done = remove_arena(listing); !done) {
      code = failed(done.error());
      continue;
    }
    removed.push_back(listing.path);
    bytes += listing.allocated_bytes;
    text += fmt::format("removed {} ({}, {}): process {} is gone\n", shown_name(listing), listing.kind,
                        bytes_text(listing.allocated_bytes), listing.writer_pid);
  }
  if (json) {
    print_data(json_document({{"version", 1}, {"removed", std::move(removed)}, {"freed_bytes", bytes}}));
  } else {
    print(text.empty() ? fmt::format("nothing to remove in {}\n", folder) : text);
  }
  return code;
}

int shm(const Arguments& arguments) {
  const std::string folder = arguments.value("--folder", kArenaFolder);
  const Result<std::vector<ArenaListing>> listings = list_arenas(folder);
  if (!listings) return failed(listings.error());
  const bool json = arguments.has("--json");
  return arguments.positional(0, "list") == "clean" ? clean(folder, *listings, json) : list(folder, *listings, json);
}

}  // namespace

Command shm_command() {
  Command command;
  command.name = "shm";
  command.summary = "Lists the shared memory of Penstock, or removes what nobody needs any more";
  command.description =
      "State: in use (its writer lives), read only (its writer is gone, readers live), abandoned (all are gone, for\n"
      "instance killed), or not judged (not made by this version, or in another PID namespace). clean removes only "
      "what\n"
      "is abandoned: a process is known by its number, its start time and the boot of the machine.";
  command.positionals = {{"ACTION", false, "list (default) or clean", Completes::kWords, {"list", "clean"}}};
  command.flags = {{"--folder", "DIR", "Where to look (default: /dev/shm)", false, Completes::kFolders},
                   {"--json", "", "Print JSON"}};
  command.examples = {{"penstock shm", "What is there, whose it is, how much memory it takes"},
                      {"penstock shm clean", "Remove what killed processes left behind"}};
  command.run = shm;
  return command;
}

}  // namespace penstock::app
