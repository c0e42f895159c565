// SPDX-License-Identifier: MIT
// penstock search: the images of a store that are most like one.
#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "platform/file.h"
#include "service/contact_sheet.h"
#include "service/image_steps.h"
#include "stream/table.h"
#include "vector/store_address.h"

namespace penstock::app {
namespace {

using Relation = Condition::Relation;

/// "year >= 2020": key, relation and value. A value that is no number, true or false is a text; one in quotes always.
Result<Condition> condition_of(const std::string& text) {
  constexpr std::pair<std::string_view, Relation> kRelations[] = {
      {"!=", Relation::kUnequal}, {">=", Relation::kGreaterOrEqual}, {"<=", Relation::kLessOrEqual},
      {"=", Relation::kEqual},    {">", Relation::kGreater},         {"<", Relation::kLess}};
  const auto trimmed = [](std::string_view part) {
    const std::size_t first = part.find_first_not_of(' ');
    return first == std::string_view::npos ? std::string()
                                           : std::string(part.substr(first, part.find_last_not_of(' ') - first + 1));
  };
  const std::size_t at = text.find_first_of("!<>=");
  for (const auto& [sign, relation] : kRelations) {
    if (at == std::string::npos || text.compare(at, sign.size(), sign) != 0) continue;
    Condition condition{trimmed(std::string_view(text).substr(0, at)), relation, {}};
    const std::string value = trimmed(std::string_view(text).substr(at + sign.size()));
    const nlohmann::json read = nlohmann::json::parse(value, nullptr, false);
    if (read.is_boolean()) {
      condition.value = read.get<bool>();
    } else if (read.is_number_integer() && (!read.is_number_unsigned() || read.get<std::uint64_t>() <= INT64_MAX)) {
      condition.value = read.get<std::int64_t>();
    } else if (read.is_number()) {
      condition.value = read.get<double>();
    } else {
      condition.value = read.is_string() ? read.get<std::string>() : value;
    }
    if (!condition.key.empty()) return condition;
  }
  return Error(ErrorCode::kInvalidArgument, fmt::format("--where takes KEY=VALUE, but is \"{}\"", text))
      .hint("for instance --where 'year >= 2020'; =, !=, <, <=, > and >= are known");
}

Result<std::size_t> count_in(const Arguments& arguments, const char* flag, const char* otherwise) {
  const std::string text = arguments.value(flag, otherwise);
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc() && end == text.data() + text.size() && count >= 1 && count <= VectorStore::kMaxNeighbors)
    return count;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{} takes a number from 1 to {}, but is \"{}\"", flag, VectorStore::kMaxNeighbors, text));
}

struct Found {
  std::string query;
  std::vector<Neighbor> neighbors;
};

// What the command line says beside the images.
Result<VectorQuery> query_of(const Arguments& arguments) {
  VectorQuery query;
  PENSTOCK_ASSIGN(query.k, count_in(arguments, "-k", "10"));
  if (arguments.has("--breadth")) {
    PENSTOCK_ASSIGN(query.breadth, count_in(arguments, "--breadth", ""));
  }
  for (const std::string& text : arguments.values("--where")) {
    PENSTOCK_ASSIGN(Condition condition, condition_of(text));
    query.filter.push_back(std::move(condition));
  }
  if (arguments.has("--sheet") && arguments.positionals() > 2)
    return Error(ErrorCode::kInvalidArgument, "--sheet shows what is like one image, and several are given");
  return query;
}

Result<std::vector<Found>> look(const Arguments& arguments, VectorQuery query) {
  VectorStoreOptions options;
  options.open = VectorStoreOptions::Open::kRead;
  PENSTOCK_ASSIGN(const std::unique_ptr<VectorStore> store, open_vector_store(arguments.positional(0), options));
  const std::string where = address_without_secrets(arguments.positional(0));
  const std::string made_by = store->description();
  if (made_by.empty()) {
    return Error(ErrorCode::kInvalidArgument, where + " does not say what its vectors were made with")
        .hint("stores that penstock embed fills do; of others a pipeline with vector.search can ask");
  }
  PENSTOCK_ASSIGN(const std::vector<ImageStep> steps, steps_of_description(made_by, where, arguments.value("--model")));
  std::vector<Found> all;
  for (std::size_t i = 1; i < arguments.positionals(); ++i) {
    PENSTOCK_ASSIGN(const std::vector<float> vector, vector_of_image(steps, arguments.positional(i)));
    query.vector = vector;
    PENSTOCK_ASSIGN(std::vector<Neighbor> neighbors, store->search(query));
    all.push_back({arguments.positional(i), std::move(neighbors)});
  }
  return all;
}

std::string text_of(const std::vector<Found>& all) {
  std::string text;
  for (const Found& found : all) {
    Table table({">distance", "id", "metadata"});
    for (const Neighbor& neighbor : found.neighbors)
      table.add({fmt::format("{:.4f}", neighbor.distance), neighbor.id, neighbor.metadata});
    if (all.size() > 1) text += found.query + ":\n";
    text += found.neighbors.empty() ? "nothing found\n" : table.to_text();
  }
  return text;
}

std::string json_of(const std::vector<Found>& all) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Found& found : all) {
    nlohmann::ordered_json neighbors = nlohmann::ordered_json::array();
    for (const Neighbor& neighbor : found.neighbors) {
      neighbors.push_back({{"id", neighbor.id},
                           {"distance", neighbor.distance},
                           {"metadata", nlohmann::ordered_json::parse(
                                            neighbor.metadata.empty() ? "{}" : neighbor.metadata, nullptr, false)}});
    }
    list.push_back({{"query", found.query}, {"neighbors", std::move(neighbors)}});
  }
  return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

// One sheet with the first query on top.
Status write_sheet(const std::string& path, const Found& found) {
  std::vector<SheetPicture> pictures = {{found.query, {"looked for: " + found.query}}};
  for (const Neighbor& neighbor : found.neighbors)
    pictures.push_back({neighbor.id, {neighbor.id, fmt::format("distance {:.4f}", neighbor.distance)}});
  return write_file(path, contact_sheet(pictures));
}

int search(const Arguments& arguments) {
  Result<VectorQuery> query = query_of(arguments);
  if (!query) return failed(query.error(), kUsage);
  const Result<std::vector<Found>> found = look(arguments, std::move(*query));
  if (!found) return failed(found.error());
  if (arguments.has("--json")) {
    print_data(json_of(*found));
  } else {
    print(text_of(*found));
  }
  if (!arguments.has("--sheet")) return kOk;
  const Status written = write_sheet(arguments.value("--sheet"), found->front());
  return written ? kOk : failed(written.error());
}

}  // namespace

Command search_command() {
  Command command;
  command.name = "search";
  command.summary = "Looks for the images of a store that are most like one";
  command.description =
      "Makes a vector of each IMAGE as penstock embed made those of STORE, and prints the nearest ones, the nearest "
      "first.";
  command.positionals = {{"STORE", true, "A store that penstock embed filled", Completes::kFolders},
                         {"IMAGE", true, "What to look for: a file", Completes::kFolders, {}, true}};
  command.flags = {
      {"-k", "N", "How many (default: 10)"},
      {"--breadth", "N", "Keep so many candidates in sight; more takes longer and misses less (default: 256)"},
      {"--model", "M", "The model of the store: needed for a server, and for a file that was moved"},
      {"--where", "KEY=VALUE", "Only those whose metadata is so: =, !=, <, <=, >, >=", true},
      {"--sheet", "FILE", "Also draw them side by side into FILE, an SVG page"},
      {"--json", "", "Print JSON"}};
  command.examples = {{"penstock search photos.index one.jpg", "The ten nearest"},
                      {"penstock search photos.index one.jpg -k 3 --json", "Three, for other programs"},
                      {"penstock search photos.index one.jpg --where 'year >= 2020'", "Only newer ones"},
                      {"penstock search photos.index one.jpg --sheet like_one.svg", "To look at"}};
  command.run = search;
  return command;
}

}  // namespace penstock::app
