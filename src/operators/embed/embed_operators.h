// SPDX-License-Identifier: MIT
// The operators of this folder: tensors in batches of a good size, and the vectors of tensors.
#pragma once

#include <penstock/operator.h>

namespace penstock {

/// Adds tensor.batch, embed.classical, embed.onnx and, in builds with HTTP, embed.http.
void add_embed_operators(Registry& registry);

OperatorInfo tensor_batch_info();
OperatorInfo embed_classical_info();
OperatorInfo embed_onnx_info();
OperatorInfo embed_http_info();

}  // namespace penstock
