// SPDX-License-Identifier: MIT
#include "service/image_steps.h"

#include <penstock/pipeline_file.h>

#include <filesystem>

#include "store/digest.h"
#include "vector/store_address.h"

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
    steps.push_back(
        {"embed.http", Options().set("url", model).set("dimension", std::int64_t{dimension}), false, true, true});
  } else {
    // A store is searched from other folders, too.
    steps.push_back(
        {"embed.onnx", Options().set("model", std::filesystem::absolute(model).lexically_normal().string())});
  }
  return steps;
}

namespace {

std::string table_of(const ImageStep& step) {
  std::string text = "\n[[operator]]\nop = " + OptionValue(step.op).to_text() + "\n";
  for (const OptionValue::Entry& option : step.options.entries())
    text += option.name + " = " + option.value.to_text() + "\n";
  return text;
}

const std::string& text_option(const ImageStep& step, std::string_view name) {
  static const std::string none;
  const OptionValue* const value = step.options.find(name);
  return value != nullptr && value->as_text() != nullptr ? *value->as_text() : none;
}

Result<std::string> digest_line(const std::string& model) {
  PENSTOCK_ASSIGN(const std::string digest, sha256_of_file(model));
  return "# sha256 " + digest + "\n";
}

// Puts what the user says in the place of what the description says, where both are the same model.
Status settle_model(ImageStep& step, const std::string& text, const std::string& from, const std::string& model) {
  if (step.op == "embed.classical") return {};
  const std::string& known = text_option(step, step.op == "embed.http" ? "url" : "model");
  const std::string made_by = from + " says that its vectors were made by " + known;
  if (step.op == "embed.http") {
    if (address_without_secrets(model) != known) {
      return Error(ErrorCode::kInvalidArgument, made_by + ", and a store may say what it likes")
          .hint("--model " + known + " asks that server");
    }
    step.options.set("url", model);
    return {};
  }
  const std::string file = model.empty() ? known : model;
  PENSTOCK_ASSIGN(const std::string digest, digest_line(file));
  if (text.find(digest) == std::string::npos)
    return Error(ErrorCode::kInvalidArgument, made_by + ", and " + file + " is another model, or it was changed");
  step.options.set("model", file);
  return {};
}

}  // namespace

std::string steps_to_toml(const std::vector<ImageStep>& steps) {
  std::string text;
  for (const ImageStep& step : steps) {
    text += table_of(step);
    if (step.asks_server) {
      text += "on_error = { action = \"quarantine\", max_attempts = 5, backoff = \"200ms\" }\n";
    } else if (step.keeps_failed) {
      text += "on_error = \"quarantine\"\n";
    }
    if (step.may_crash) text += "timeout = \"60s\"\nmay_crash = true\n";
  }
  return text;
}

Result<std::string> description_of(const std::vector<ImageStep>& steps) {
  std::string text;
  for (ImageStep step : steps) {
    if (step.op == "tensor.batch") continue;
    if (step.asks_server) step.options.set("url", address_without_secrets(text_option(step, "url")));
    text += table_of(step);
    if (step.op != "embed.onnx") continue;
    PENSTOCK_ASSIGN(const std::string digest, digest_line(text_option(step, "model")));
    text += digest;
  }
  return text;
}

Result<std::vector<ImageStep>> steps_of_description(const std::string& text, const std::string& from,
                                                    const std::string& model) {
  // A pipeline begins with a source.
  const std::string source = "[[operator]]\nop = \"image.list\"\npath = []\n";
  PENSTOCK_ASSIGN(const PipelineFile file, parse_pipeline_file(source + text, from));
  std::vector<ImageStep> steps;
  for (const FileStage& stage : file.stages) {
    for (const FileStep& step : stage.steps) {
      if (&step == &stage.steps.front()) continue;
      const bool known = step.op == "image.decode" || step.op == "image.normalize" || step.op == "embed.classical" ||
                         step.op == "embed.onnx" || (step.op == "embed.http" && !step.options.has("headers"));
      if (!known || file.stages.size() != 1) {
        return Error(ErrorCode::kInvalidArgument, from + " says that its vectors were made by \"" + step.op +
                                                      "\", which makes no vectors of images");
      }
      steps.push_back({step.op, step.options, step.op == "image.decode", true, step.op == "embed.http"});
      if (step.op.starts_with("embed.")) PENSTOCK_TRY(settle_model(steps.back(), text, from, model));
    }
  }
  return steps;
}

void add_steps(Pipeline& pipeline, const std::vector<ImageStep>& steps, const PreprocessOptions& options) {
  for (const ImageStep& step : steps) {
    StepOptions how;
    if (step.keeps_failed) how.on_error = step.asks_server ? retry(5, 200'000, skip()) : skip();
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
