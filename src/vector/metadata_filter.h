// SPDX-License-Identifier: MIT
// Conditions on metadata, and metadata as JSON text.
#pragma once

#include <penstock/vector_store.h>

#include <memory>
#include <string_view>
#include <vector>

namespace penstock {

/// Reads metadata, one text after the other. Used by one worker.
class MetadataReader {
 public:
  MetadataReader();
  ~MetadataReader();

  /// Empty when `text` is a JSON object (RFC 8259), or empty; else what it is instead, as "cannot be read: …".
  std::string why_no_object(std::string_view text);
  /// Whether all of `filter` hold. Empty text counts as {}; text that is no JSON object fulfils nothing.
  bool fulfils(std::string_view text, const std::vector<Condition>& filter);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

/// Whether two metadata have the same keys and values, however they are written. Cost: none to speak of when they are
/// the same text.
bool same_metadata(std::string_view a, std::string_view b);

}  // namespace penstock
