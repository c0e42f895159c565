// SPDX-License-Identifier: MIT
// Digests of several files, taken by several threads.
#pragma once

#include <string>
#include <vector>

#include "store/digest_index.h"

namespace penstock {

/// Takes the digests of those of `paths` that `index` does not know, by as many threads as there are files and cores,
/// if they are large enough to be worth a thread. Returns those that it took; what cannot be read is left to who asks
/// for its digest.
FileDigests hash_in_parallel(const std::vector<std::string>& paths, DigestIndex& index);

}  // namespace penstock
