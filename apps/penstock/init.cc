// SPDX-License-Identifier: MIT
// penstock init: writes a pipeline file to begin with.
#include <fmt/format.h>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "platform/file.h"

namespace penstock::app {
namespace {

// Runs as it is: it makes its own records.
constexpr std::string_view kExample = R"toml(# A pipeline file. Try:
#   penstock check FILE              is it right?
#   penstock plan FILE               how would it run, and why?
#   penstock run FILE                run it
#   penstock ops                     the operators; penstock ops NAME: the options of one

name = "example"

[run]
strategy = "serial"          # or "threads": a thread per segment; the outputs are the same
# batch_size = 4096          # most records per batch
# memory_limit = "512MiB"    # most bytes in flight
# timeout = "5m"             # of the whole run

[params]                     # penstock run FILE --set records=100000
records = 10000
least = 0.0

# Operators, from source to sink; each reads from the one before.

[[operator]]
op = "generate"              # or "csv.read" with path = "orders.csv"
records = "{params.records}"

[[operator]]
op = "filter"
where = "value1 > {params.least}"
on_error = "quarantine"      # fail (default), skip, or quarantine: keep rejected records in {artifacts}/quarantine.jsonl

[[operator]]
op = "derive"
set = { ratio = "value1 / (abs(value2) + 1)" }

[[operator]]
op = "aggregate"
by = "category"
compute = { records = "count()", mean_ratio = "mean(ratio)" }

[[operator]]
op = "csv.write"
path = "{artifacts}/categories.csv"   # in the folder of the run: pipeline_outputs/latest/example/artifacts/
)toml";

int init(const Arguments& arguments) {
  const std::string path = arguments.positional(0, "pipeline.toml");
  Result<File> file = File::create(path, {.exclusive = true});
  Status status = file ? file->write_all(kExample) : Status(file.error());
  if (status) status = file->close();
  if (!status) {
    Error error = std::move(status.error());
    if (error.code() == ErrorCode::kAlreadyExists)
      error = std::move(error).hint("choose another name: penstock init OTHER.toml");
    print_error(error);
    return kFailed;
  }
  print(fmt::format("wrote {}; now: penstock run {}\n", path, path));
  return kOk;
}

}  // namespace

Command init_command() {
  Command command;
  command.name = "init";
  command.summary = "Writes a commented example to begin with";
  command.description = "Writes a pipeline file that runs as it is. Never overwrites a file.";
  command.positionals = {{"FILE", false, "Where to (default: pipeline.toml)", Completes::kPipelineFiles}};
  command.examples = {{"penstock init orders.toml", "Write orders.toml"}};
  command.run = init;
  return command;
}

}  // namespace penstock::app
