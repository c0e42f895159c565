// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/job.h"

namespace penstock::app::bench {

const std::vector<Job>& all_jobs() {
  static const std::vector<Job> jobs = {reference_job(), arithmetic_job(),  columns_job(),
                                        waits_job(),     small_files_job(), huge_file_job()};
  return jobs;
}

}  // namespace penstock::app::bench
