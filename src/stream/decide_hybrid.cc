// SPDX-License-Identifier: MIT
// The strategy `hybrid`: every step where the user says.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/nearest_name.h"
#include "stream/placement.h"
#include "stream/strategies.h"

namespace penstock {
namespace {

struct KnownPlace {
  const char* name;
  Placement::Where where;
  bool has_one_worker() const { return where == Placement::Where::kWithInput || where == Placement::Where::kThread; }
};
constexpr KnownPlace kPlaces[] = {{"serial", Placement::Where::kWithInput},
                                  {"threads", Placement::Where::kThread},
                                  {"parallel", Placement::Where::kShared},
                                  {"processes", Placement::Where::kProcess}};

const KnownPlace* find_place(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kPlaces), std::end(kPlaces), [&](const KnownPlace& place) { return place.name == name; });
  return found == std::end(kPlaces) ? nullptr : found;
}

Error unknown_place(std::string_view name) {
  std::vector<std::string> known;
  for (const KnownPlace& place : kPlaces) known.emplace_back(place.name);
  return Error(ErrorCode::kInvalidArgument, fmt::format("a step cannot run on \"{}\"", name))
      .hint(suggest_name(std::string(name), known));
}

Error takes_no_number(const KnownPlace& place) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("{} takes no number of workers: it is one", place.name))
      .hint("several share the work on \"parallel(2)\" or \"processes(2)\"");
}

Result<Placement> placement_of(const StrategyInput& input, const StrategyInput::Step& step) {
  if (step.on.name.empty()) return Placement{};
  const KnownPlace* const place = find_place(step.on.name);
  if (place == nullptr) return unknown_place(step.on.name).at(step.name);
  if (place->has_one_worker() && step.on.workers > 1) return takes_no_number(*place).at(step.name);
  std::uint32_t workers = step.on.workers;
  if (workers == 0)
    workers = place->has_one_worker() ? 1 : std::max(1U, input.workers != 0 ? input.workers : input.cores);
  return Placement{place->where, workers, true};
}

}  // namespace

Result<Strategy> placement_from_text(std::string_view text) {
  const std::size_t bracket = text.find('(');
  Strategy on{std::string(text.substr(0, bracket))};
  const KnownPlace* const place = find_place(on.name);
  if (place == nullptr) return unknown_place(text);
  if (bracket == std::string_view::npos) return on;
  if (place->has_one_worker()) return takes_no_number(*place);
  const std::string_view count = text.substr(bracket + 1);
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), on.workers);
  const bool whole = error == std::errc() && std::string_view(end, count.data() + count.size()) == ")";
  constexpr std::uint32_t kMostWorkers = 4096;
  if (!whole || on.workers == 0 || on.workers > kMostWorkers) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("not a number of workers: \"{}\"", text))
        .hint(fmt::format("for instance \"{}(2)\"", on.name));
  }
  return on;
}

Result<Plan> decide_hybrid(const StrategyInput& input) {
  std::vector<Placement> placements;
  for (const StrategyInput::Step& step : input.steps) {
    PENSTOCK_ASSIGN(const Placement placement, placement_of(input, step));
    placements.push_back(placement);
  }
  const auto asked =
      std::count_if(placements.begin(), placements.end(), [](const Placement& placement) { return placement.asked; });
  PENSTOCK_ASSIGN(Plan plan, place_steps(input, std::move(placements)));
  plan.reason =
      asked == 0
          ? fmt::format("asked for, but no step says where it runs (run_on): a thread for each segment, on {} cores",
                        input.cores)
          : fmt::format(
                "asked for: {} of {} steps say where they run, the others have a thread for each segment, on {} cores",
                asked, input.steps.size(), input.cores);
  return plan;
}

}  // namespace penstock
