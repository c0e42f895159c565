// SPDX-License-Identifier: MIT
// One run of a sample pipeline into an empty folder, and what it left behind.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sample_pipelines.h"
#include "stream/stream_kit.h"

namespace penstock::conformance {

/// Contents by path below the folder.
using Files = std::map<std::string, std::string>;
Files files_in(const std::string& folder);

/// What a run left behind.
struct Outcome {
  Files files;
  std::vector<std::string> totals;  ///< Counts of each pipeline and its steps, as text.
  std::uint64_t rejected = 0;       ///< By all steps of the first pipeline.
};

/// A folder of inputs and one of outputs.
class SampleFolders {
 public:
  SampleFolders();
  const Folders& at() const noexcept { return at_; }
  void empty_outputs() const;
  /// Runs the sample into an empty folder; failures are the test's.
  void run(const SamplePipeline& sample, RunOptions options, Outcome& outcome) const;

 private:
  testing::TemporaryFolder folder_;
  const Folders at_ = {folder_.file("in"), folder_.file("out")};
};

/// The files are the same, byte by byte.
void expect_same_files(const Files& files, const Files& expected);

}  // namespace penstock::conformance
