// SPDX-License-Identifier: MIT
// Reads arbitrary bytes as a pipeline file. Whatever they are, the answer is a file whose pipelines can be made, or an
// error that says where.
#include <penstock/pipeline_file.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = penstock::parse_pipeline_file(text, "fuzz.toml", {{"limit", "7"}});
  if (!file) {
    if (!file.error().message().empty() && !file.error().where().empty()) return 0;
    std::fprintf(stderr, "an error without a message or a place: %s\n", file.error().to_text().c_str());
    std::abort();
  }
  for (const penstock::FileStage& stage : file->stages) {
    const penstock::Pipeline pipeline = penstock::make_pipeline(*file, stage, "run");
    if (pipeline.steps().size() != stage.steps.size() || stage.steps.empty()) std::abort();
  }
  return 0;
}
