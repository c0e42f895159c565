// SPDX-License-Identifier: MIT
// Which stores of vectors a build knows, for people.
#pragma once

#include <string>

namespace penstock {

/// "files, PostgreSQL, Milvus", with what is missing and what to install for it.
std::string vector_stores_text();

}  // namespace penstock
