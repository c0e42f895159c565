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
  bool asks_server = false;  ///< What fails in it may go well a little later.
};

/// From the column `path` to the column `tensor`.
std::vector<ImageStep> steps_to_tensors(const PreprocessOptions& options);

/// From the column `path` to the column `vector`. `model` and `dimension`: see ImagePipelineOptions.
std::vector<ImageStep> steps_to_vectors(const PreprocessOptions& options, const std::string& model,
                                        std::uint32_t dimension);
/// Whether a model is a server.
bool is_server(std::string_view model) noexcept;

/// As tables of a pipeline file, with what is to be done about failures: images that cannot be worked on are put aside,
/// workers that hang are ended, and servers are asked several times.
std::string steps_to_toml(const std::vector<ImageStep>& steps);

/// What a store is to remember of the steps that made its vectors: as tables of a pipeline file, with the digest of a
/// model's file as a comment, and without what changes no vector. Errors: a model that cannot be read.
Result<std::string> description_of(const std::vector<ImageStep>& steps);
/// Reads a description again, of the store `from`. `model`: what the user says that the vectors were made with, or
/// empty; a server is asked, and the file of a model taken from another place, only then. Errors: kInvalidArgument for
/// anything but what description_of writes, since a store may come from strangers; or for another model.
Result<std::vector<ImageStep>> steps_of_description(const std::string& text, const std::string& from,
                                                    const std::string& model);

/// The vector of one image, made in the calling thread. Errors: what is wrong with the image.
Result<std::vector<float>> vector_of_image(const std::vector<ImageStep>& steps, const std::string& path);

/// Adds them behind the last step of `pipeline`.
void add_steps(Pipeline& pipeline, const std::vector<ImageStep>& steps, const PreprocessOptions& options);

/// How such a pipeline is run.
RunOptions run_options_of(const PreprocessOptions& options);

}  // namespace penstock
