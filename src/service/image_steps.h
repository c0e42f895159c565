// SPDX-License-Identifier: MIT
// The steps from image files to tensors, and to vectors in a store, as data: what is run here, and what `penstock
// embed` writes into a pipeline file.
#pragma once

#include <penstock/images.h>

#include <string>
#include <vector>

namespace penstock {

/// An operator of the registry with its options.
struct ImageStep {
  std::string op;
  Options options;
  bool may_crash = false;    ///< It decodes what comes from outside.
  bool keeps_failed = true;  ///< What fails in it is put aside, and the rest goes on.
};

/// From the column `path` to the column `tensor`.
std::vector<ImageStep> steps_to_tensors(const PreprocessOptions& options);

/// From the column `path` to the column `vector`. `model` and `dimension`: see ImagePipelineOptions.
std::vector<ImageStep> steps_to_vectors(const PreprocessOptions& options, const std::string& model,
                                        std::uint32_t dimension);
/// Whether a model is a server.
bool is_server(std::string_view model) noexcept;

/// As tables of a pipeline file. The caller may give lines to add to each table of a step that keeps_failed, or that
/// may_crash.
std::string steps_to_toml(const std::vector<ImageStep>& steps, const std::string& keeping = {},
                          const std::string& crashing = {});
/// Reads what steps_to_toml wrote, `from`. Errors: kInvalidArgument for anything but steps_to_vectors makes, since a
/// store may come from strangers.
Result<std::vector<ImageStep>> steps_from_toml(const std::string& text, const std::string& from);

/// The vector of one image, made in the calling thread. Errors: what is wrong with the image.
Result<std::vector<float>> vector_of_image(const std::vector<ImageStep>& steps, const std::string& path);

/// Adds them behind the last step of `pipeline`.
void add_steps(Pipeline& pipeline, const std::vector<ImageStep>& steps, const PreprocessOptions& options);

/// How such a pipeline is run.
RunOptions run_options_of(const PreprocessOptions& options);

}  // namespace penstock
