// SPDX-License-Identifier: MIT
#include "workflow/repeat_run.h"

#include <unistd.h>

#include "store/run_grounds.h"
#include "store/run_store.h"

namespace penstock {

Result<std::optional<RepeatedRun>> repeat_run(const FileRunOptions& options) {
  const std::int64_t begin = now_micros();
  std::optional<RunGrounds> grounds = RunGrounds::read(options.store, options.request);
  bool renewed = false;
  if (!grounds || !grounds->hold(options.store, renewed)) return std::optional<RepeatedRun>();
  RunStore store(options.store);
  Result<RunFolder> run =
      store.create_repeat(grounds->run_id, {begin, options.program, options.command}, grounds->durable);
  if (!run && run.error().code() == ErrorCode::kNotFound) return std::optional<RepeatedRun>();
  if (!run) return std::move(run.error());
  PENSTOCK_TRY(run->publish_latest());
  // A removal beside it may have taken the new run as well.
  if (::access((run->path() + "/run.json").c_str(), F_OK) != 0) return std::optional<RepeatedRun>();
  grounds->mark_used(options.store, options.request);
  if (renewed) (void)grounds->rewrite(options.store, options.request);  // it only saves time
  return std::optional(RepeatedRun{run->id(), run->path(), grounds->run_id, grounds->stages});
}

}  // namespace penstock
