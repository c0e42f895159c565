// SPDX-License-Identifier: MIT
// What a run would do with each stage, and why, without running anything.
#pragma once

#include <penstock/pipeline_file.h>

#include <string>
#include <vector>

#include "workflow/key_record.h"

namespace penstock {

/// What is known before a run.
enum class Foresight : std::uint8_t {
  kRuns,
  kKept,     ///< Its result is taken over.
  kDepends,  ///< A stage that it reads runs; when that makes the same bytes as before, the result may be kept.
  kSkipped,
  kFails,  ///< Before it begins: an input is missing.
};
/// "runs", "kept", "depends", "skipped", "fails".
const char* to_string(Foresight foresight) noexcept;

struct StageForecast {
  std::string stage;
  Foresight what = Foresight::kRuns;
  std::string reason;
  std::string key;            ///< Empty when it has none, or it is not known yet.
  std::string compared_with;  ///< The newest run of the workflow with a key of this stage.
  std::vector<KeyDifference> differences;
};

/// Says what `run_pipeline_file` would do, in the order of waves. Reads and hashes inputs, and writes nothing but the
/// index of digests. Fallbacks are left out: they run only when another stage fails. Errors are those of the file.
Result<std::vector<StageForecast>> forecast_run(const PipelineFile& file, const FileRunOptions& options);

std::string forecast_to_text(const std::vector<StageForecast>& forecast);
/// docs/schemas/forecast.schema.json
std::string forecast_to_json(const std::vector<StageForecast>& forecast);

}  // namespace penstock
