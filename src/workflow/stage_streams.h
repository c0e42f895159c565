// SPDX-License-Identifier: MIT
// Pipeline stages that hand their records to the next one without a file in between.
#pragma once

#include <penstock/pipeline_file.h>

#include <vector>

namespace penstock {

/// Joins each stage with `stream_from` and the stage that it names: the first gets the operators, inputs and `after` of
/// the second in front of its own, and runs for both. Errors at the place of the reference: kNotFound for an unknown
/// stage, kInvalidArgument where one of the two is no pipeline, where the first writes files or has a say of its own in
/// when and how often it runs, where two take one stream, and for circles.
Status join_streams(std::vector<FileStage>& stages);

}  // namespace penstock
