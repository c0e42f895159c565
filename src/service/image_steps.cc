// SPDX-License-Identifier: MIT
#include "service/image_steps.h"

#include <penstock/pipeline_file.h>

namespace penstock {
namespace {

OptionValue list_of(const std::vector<double>& numbers) {
  OptionValue::List list;
  for (const double number : numbers) list.emplace_back(number);
  return list;
}

}  // namespace

std::vector<ImageStep> steps_to_tensors(const PreprocessOptions& options) {
  const auto width = static_cast<std::int64_t>(options.width);
  const auto height = static_cast<std::int64_t>(options.height);
  Options decode;
  decode.set("reduce_to", OptionValue::List{width, height}).set("quality", options.quality);
  Options normalize;
  normalize.set("width", width).set("height", height).set("mode", options.mode).set("filter", options.filter);
  normalize.set("element", options.element).set("layout", options.layout);
  if (!options.mean.empty()) normalize.set("mean", list_of(options.mean));
  if (!options.deviation.empty()) normalize.set("deviation", list_of(options.deviation));
  return {{"image.decode", std::move(decode), true, true}, {"image.normalize", std::move(normalize), false, true}};
}

bool is_server(std::string_view model) noexcept {
  return model.starts_with("http://") || model.starts_with("https://");
}

std::vector<ImageStep> steps_to_vectors(const PreprocessOptions& options, const std::string& model,
                                        std::uint32_t dimension) {
  PreprocessOptions tensors = options;
  if (model.empty()) {
    tensors.element = "u8";
    tensors.layout = "nhwc";
  }
  std::vector<ImageStep> steps = steps_to_tensors(tensors);
  if (model.empty()) {
    steps.push_back({"embed.classical", {}});
    return steps;
  }
  steps.push_back({"tensor.batch", Options().set("rows", static_cast<std::int64_t>(options.batch_size)), false, false});
  if (is_server(model)) {
    steps.push_back({"embed.http", Options().set("url", model).set("dimension", std::int64_t{dimension})});
  } else {
    steps.push_back({"embed.onnx", Options().set("model", model)});
  }
  return steps;
}

std::string steps_to_toml(const std::vector<ImageStep>& steps, const std::string& keeping,
                          const std::string& crashing) {
  std::string text;
  for (const ImageStep& step : steps) {
    text += "\n[[operator]]\nop = " + OptionValue(step.op).to_text() + "\n";
    for (const OptionValue::Entry& option : step.options.entries())
      text += option.name + " = " + option.value.to_text() + "\n";
    if (step.keeps_failed) text += keeping;
    if (step.may_crash) text += crashing;
  }
  return text;
}

Result<std::vector<ImageStep>> steps_from_toml(const std::string& text, const std::string& from) {
  // A pipeline begins with a source.
  const std::string source = "[[operator]]\nop = \"image.list\"\npath = []\n";
  PENSTOCK_ASSIGN(const PipelineFile file, parse_pipeline_file(source + text, from));
  std::vector<ImageStep> steps;
  for (const FileStage& stage : file.stages) {
    for (const FileStep& step : stage.steps) {
      if (&step == &stage.steps.front()) continue;
      const bool known = step.op == "image.decode" || step.op == "image.normalize" || step.op == "tensor.batch" ||
                         step.op.starts_with("embed.");
      if (!known || file.stages.size() != 1) {
        return Error(ErrorCode::kInvalidArgument, from + " says that its vectors were made by \"" + step.op +
                                                      "\", which makes no vectors of images");
      }
      steps.push_back({step.op, step.options, step.op == "image.decode", step.op != "tensor.batch"});
    }
  }
  return steps;
}

void add_steps(Pipeline& pipeline, const std::vector<ImageStep>& steps, const PreprocessOptions& options) {
  for (const ImageStep& step : steps) {
    StepOptions how;
    if (step.keeps_failed) how.on_error = skip();
    how.may_crash = step.may_crash;
    if (step.may_crash) how.timeout = options.timeout;
    pipeline.add(step.op, step.options, std::move(how));
  }
}

RunOptions run_options_of(const PreprocessOptions& options) {
  RunOptions run;
  run.strategy = options.strategy;
  run.queue_depth = options.queue_depth;
  run.memory_limit = options.memory_limit;
  run.metrics = false;
  return run;
}

}  // namespace penstock
