// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/strategies_command.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/penstock/bench/strategies/measure.h"
#include "apps/penstock/bench/strategies/report.h"
#include "apps/penstock/console.h"
#include "platform/file.h"
#include "store/json_fields.h"

namespace penstock::app {
namespace {

// Returns what was written, in words.
Result<std::string> write_results(const bench::Results& results, const std::string& json) {
  const std::string& folder = results.settings.folder;
  const std::string stem = fmt::format("{}/bench_{}", folder, results.settings.level);
  PENSTOCK_TRY(write_file(stem + ".json", json));
  PENSTOCK_TRY(write_file(stem + ".csv", bench::results_to_csv(results)));
  PENSTOCK_TRY(write_file(stem + ".html", bench::results_to_html(results)));
  return fmt::format("wrote {0}.json, {0}.csv and {0}.html\n", stem);
}

}  // namespace

int bench_strategies(const Arguments& arguments) {
  const Result<bench::Settings> settings = bench::settings_of(arguments.positional(0), arguments);
  if (!settings) return failed(settings.error(), kUsage);
  // Not after minutes of measuring.
  if (const Status made = make_folders(settings->folder); !made) return failed(made.error());
  const Result<bench::Results> results = bench::measure_strategies(*settings);
  if (!results)
    return failed(results.error(), results.error().code() == ErrorCode::kCancelled ? kInterrupted : kFailed);
  const std::string json = json_document(bench::results_to_json(*results));
  const Result<std::string> written = write_results(*results, json);
  if (!written) return failed(written.error());
  if (arguments.has("--json")) {
    print_data(json);
  } else {
    print(bench::results_to_text(*results) + "\n" + *written);
  }
  if (const Status same = bench::check_answers(*results); !same) return failed(same.error());
  if (!arguments.has("--json")) print("all contenders gave the same answers\n");
  return kOk;
}

}  // namespace penstock::app
