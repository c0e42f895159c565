// SPDX-License-Identifier: MIT
// The kinds of jobs that are measured. Each is written twice: as a pipeline, which every strategy runs, and as the
// program that one would write first, which is the naive baseline.
#pragma once

#include <penstock/pipeline.h>

#include <string>
#include <vector>

#include "apps/penstock/bench/strategies/answer.h"

namespace penstock::app::bench {

/// One job of one size.
struct JobInput {
  std::uint64_t size = 0;  ///< In the unit of the job.
  std::string folder;      ///< Where `prepare` wrote its files.
  std::size_t batch_size = 4096;
};

struct Job {
  std::string name;  ///< "huge_file".
  std::string what;  ///< One sentence for the report.
  std::string unit;  ///< Of sizes: "records", "rows", "files".
  std::uint64_t quick_size = 0;
  std::vector<std::uint64_t> full_sizes;  ///< From small to large.
  std::size_t batch_size = 4096;          ///< What fits the job.
  std::uint32_t workers = 0;              ///< More than cores where the job waits; 0: what the strategy finds right.
  std::uint64_t most_batches = 2000;      ///< When batch sizes are varied: smaller ones would take too long.

  /// Writes the files that the job reads; null: it reads none.
  Status (*prepare)(const JobInput& input) = nullptr;
  /// The job as a pipeline whose sinks fill in `answer`, which must outlive the run.
  Pipeline (*pipeline)(const JobInput& input, Answer& answer) = nullptr;
  /// The job as written without a library: everything in memory, row by row, one step after the other.
  Status (*naive)(const JobInput& input, Answer& answer) = nullptr;
};

Job reference_job();
Job arithmetic_job();
Job columns_job();
Job waits_job();
Job small_files_job();
Job huge_file_job();

/// All of them, in the order of the report.
const std::vector<Job>& all_jobs();

}  // namespace penstock::app::bench
