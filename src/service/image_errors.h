// SPDX-License-Identifier: MIT
// Which images were left out of a run, and why.
#pragma once

#include <penstock/images.h>

#include <mutex>
#include <vector>

namespace penstock {

/// Gathers what a run rejects. Thread-safe.
class ImageErrors final : public RejectionListener {
 public:
  void rejected(const std::string& step, const Rejection& rejection) override;
  void add(ImageError error);
  /// Those since the last call.
  std::vector<ImageError> take();

 private:
  std::mutex mutex_;
  std::vector<ImageError> errors_;
};

}  // namespace penstock
