// SPDX-License-Identifier: MIT
// References to files: completed when a value is written down, compared when it is used.
#pragma once

#include <penstock/file_ref.h>

#include "store/digest_index.h"

namespace penstock {

/// Fills in size and digest of a local file; the digest of an unchanged file is taken from the index. Errors:
/// kNotFound; kDataLoss when the reference says another digest already; kInvalidArgument for another URI without one.
Status complete(FileRef& file, DigestIndex& index);
/// kDataLoss when a local file is not what the reference says; of others nothing is known, which is fine.
Status compare(const FileRef& file, DigestIndex& index);

}  // namespace penstock
