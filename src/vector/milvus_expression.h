// SPDX-License-Identifier: MIT
// Conditions in the language of Milvus.
#pragma once

#include <penstock/vector_store.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::milvus {

/// `id in ["a", "b"]`.
std::string expression_of_ids(std::span<const std::string_view> ids);
/// That all of `filter` hold for the metadata; empty when nothing is asked.
std::string expression_of(const std::vector<Condition>& filter);

}  // namespace penstock::milvus
