// SPDX-License-Identifier: MIT
// A workflow of functions: values go from stage to stage, a result is kept for later runs, a fallback takes the place
// of what fails, and a run that failed is resumed.
#include <penstock/workflow.h>

#include <cstdio>

namespace ps = penstock;

struct Summary {
  std::string sensor;
  double mean = 0;
  PENSTOCK_FIELDS(sensor, mean)
};

// How often something was called, and whether the network is there.
static int measured = 0;
static bool online = false;

static std::vector<double> measure(std::int64_t count) {
  ++measured;
  std::vector<double> values;
  for (std::int64_t i = 1; i <= count; ++i) values.push_back(static_cast<double>(i));
  return values;
}

static Summary summarize(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return {"roof", sum / static_cast<double>(values.size())};
}

static ps::Result<std::string> place_of(const Summary& summary) {
  if (!online) return ps::Error(ps::ErrorCode::kUnavailable, "no network");
  return summary.sensor + " in Bern";
}

static std::string show(const Summary& summary, const std::string& place) {
  return place + ": " + std::to_string(static_cast<int>(summary.mean));
}

int main() {
  ps::Workflow flow("readings");
  const auto count = flow.param<std::int64_t>("count", 9);
  const auto values = flow.stage({.name = "measure", .version = "1", .cache = true}, measure, count);
  const auto summary = flow.stage({.name = "summarize"}, summarize, values);
  const auto place = flow.stage({.name = "place", .retry = {.max_attempts = 2, .delay = std::chrono::milliseconds(1)}},
                                place_of, summary);
  flow.or_else(place, [](const Summary& of) { return of.sensor + " somewhere"; }, summary);
  const auto shown = flow.stage({.name = "show"}, show, summary, place);

  for (const bool there : {false, true}) {
    online = there;
    const auto run = flow.run();
    if (!run || !run->error) {
      std::printf("%s\n", (run ? run->error.error() : run.error()).to_text().c_str());
      return 1;
    }
    for (const ps::StageRun& stage : run->stages) {
      std::printf("%s %s, %u attempts\n", stage.name.c_str(), ps::to_string(stage.status), stage.attempts);
    }
    std::printf("%s; measured %d time\n", flow.value(*run, shown).value().c_str(), measured);
  }
}
