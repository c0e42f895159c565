// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/penstock/bench/arguments.h"
#include "base/nearest_name.h"

namespace penstock::app::bench {
namespace {

struct Level {
  const char* name;
  std::uint32_t rounds;
  double seconds;
};
constexpr Level kLevels[] = {{"quick", 3, 25}, {"full", 5, 280}, {"deep", 5, 900}};

// The names that a flag lists, each of them known and once; all when the flag is not given.
Result<std::vector<std::string>> chosen_names(const Arguments& arguments, const char* flag, const char* noun,
                                              const std::vector<std::string>& known) {
  std::vector<std::string> chosen;
  for (const std::string& list : arguments.values(flag)) {
    for (const std::string& name : comma_separated(list)) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        return Error(ErrorCode::kNotFound, fmt::format("unknown {}: \"{}\"", noun, name))
            .hint(suggest_name(name, known));
      }
      if (std::find(chosen.begin(), chosen.end(), name) == chosen.end()) chosen.push_back(name);
    }
  }
  return chosen.empty() ? known : chosen;
}

Result<std::vector<Job>> chosen_jobs(const Arguments& arguments) {
  std::vector<std::string> known;
  for (const Job& job : all_jobs()) known.push_back(job.name);
  PENSTOCK_ASSIGN(const std::vector<std::string> names, chosen_names(arguments, "--jobs", "job", known));
  std::vector<Job> jobs;
  for (const std::string& name : names) {
    jobs.push_back(all_jobs()[static_cast<std::size_t>(std::find(known.begin(), known.end(), name) - known.begin())]);
  }
  return jobs;
}

Result<std::vector<std::string>> chosen_strategies(const Arguments& arguments) {
  std::vector<std::string> known;
  for (const StrategyInfo& info : all_strategies()) known.push_back(info.name);
  return chosen_names(arguments, "--strategies", "strategy", known);
}

}  // namespace

std::vector<std::uint64_t> Settings::sizes_of(const Job& job) const {
  std::vector<std::uint64_t> sizes = level == "full" ? job.full_sizes : std::vector{job.quick_size};
  for (std::uint64_t& size : sizes) {
    size = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(static_cast<double>(size) * scale)));
  }
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

Result<Settings> settings_of(const std::string& level, const Arguments& arguments) {
  const Level& defaults =
      *std::find_if(std::begin(kLevels), std::end(kLevels), [&](const Level& each) { return each.name == level; });
  Settings settings;
  settings.level = level;
  settings.folder = arguments.value("--out", ".");
  PENSTOCK_ASSIGN(settings.scale, decimal_number("--scale", arguments.value("--scale", "1"), 0.0001, 1000));
  PENSTOCK_ASSIGN(const std::uint64_t rounds,
                  whole_number("--rounds", arguments.value("--rounds", fmt::format("{}", defaults.rounds)), 1, 1000));
  PENSTOCK_ASSIGN(
      settings.seconds,
      decimal_number("--seconds", arguments.value("--seconds", fmt::format("{}", defaults.seconds)), 1, 86'400));
  settings.rounds = static_cast<std::uint32_t>(rounds);
  PENSTOCK_ASSIGN(settings.jobs, chosen_jobs(arguments));
  PENSTOCK_ASSIGN(settings.strategies, chosen_strategies(arguments));
  return settings;
}

}  // namespace penstock::app::bench
