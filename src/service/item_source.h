// SPDX-License-Identifier: MIT
// A source of the images that somebody hands in, one after the other.
#pragma once

#include <penstock/images.h>

#include <memory>
#include <vector>

namespace penstock {

/// Hands out the elements of a list.
std::shared_ptr<ImageFeed> feed_of(std::vector<ImageItem> images);

/// Makes a source with a record for each image, each in a batch of its own: columns id, path, metadata. Its pipeline
/// can run once.
std::shared_ptr<const OperatorFactory> item_source(std::shared_ptr<ImageFeed> images);

}  // namespace penstock
