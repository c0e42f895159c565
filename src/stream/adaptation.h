// SPDX-License-Identifier: MIT
// Completes a plan while it runs: measures, and gives segments threads and workers when that pays.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "executor/executor.h"
#include "stream/assembly.h"
#include "stream/load_meter.h"
#include "stream/memory_advice.h"
#include "stream/sizing.h"

namespace penstock {

class Monitor;

/// The segments behind one source, the root. They begin in the thread of the root, one inside the other. Behind every
/// batch of the source, when no batch is on its way, it looks at what was measured. When sharing the work pays, every
/// segment gets a thread, and those that can be shared as many workers as they need; later more, when they turn out to
/// be what all others wait for. While memory is short nobody gets more workers, and batches become smaller.
///
/// Used by the root's worker.
class Adaptation final : public BoundaryWatch {
 public:
  /// `roots`: how many sources share the cores. `monitor` may be null.
  Adaptation(Run& run, std::size_t root, std::size_t roots, Executor& executor, Monitor* monitor);

  bool begin() override;
  void at_boundary() override;
  void ended() override;

 private:
  struct Part {
    std::size_t segment = 0;
    LoadMeter::Unit unit;
    SharedLoad load;
    std::int64_t wall_seen_ns = 0;
    std::int64_t waited_seen_ns = 0;
    std::string reason;   // of the plan, before anything was measured
    std::string decided;  // the same, with what was measured
  };

  PlanSegment& plan_of(const Part& part) const { return run_.plan.segments[part.segment]; }
  Segment& first_worker_of(const Part& part) const { return *run_.segments[part.segment].workers.front(); }

  void measure();
  bool memory_is_short();
  void shorten_queues();
  std::uint64_t records_read() const;
  bool grow_batches(std::int64_t batch_ns);
  void forget(double keep);
  std::vector<SegmentLoad> loads() const;
  void decide();
  void spread();
  void say_what_was_decided();
  std::vector<std::shared_ptr<Segment>> more_workers(Part& part, std::uint32_t count);
  void start(const std::vector<std::shared_ptr<Segment>>& workers);
  void look_at_workers();
  void help(Part& part, std::int64_t elapsed_ns, bool cores_are_free);

  Run& run_;
  const std::uint32_t cores_;
  const bool is_alone_;            // no other source: what belongs to the whole run is its to decide
  const bool may_set_batch_size_;  // nothing that comes out depends on it, and the user left it open
  bool sets_batch_size_;           // it still looks for the best one
  struct {
    std::size_t size = 0;
    double record_ns = 0;
    bool worth_a_batch = false;
  } smaller_;  // the batches before these
  std::uint64_t records_seen_ = 0;
  bool saw_a_batch_ = false;
  Executor& executor_;
  Monitor* const monitor_;
  std::deque<Part> parts_;  // the root first, each behind what feeds it
  LoadMeter meter_;
  std::int64_t seen_ns_ = 0;   // how much was measured when it looked last
  std::int64_t batches_ = 0;   // that were measured
  std::int64_t skip_ = 0;      // so many batches more go by unmeasured
  std::int64_t delay_ns_ = 0;  // that the thread had waited for a processor when measuring began
  int in_favour_ = 0;          // decisions in a row
  struct Decision {
    Sizing sizing;
    std::vector<SegmentLoad> loads;
    std::int64_t batches = 0;
  } last_;
  bool spread_ = false;
  MemoryAdvice memory_;  // when it looked last
  std::int64_t memory_looked_ns_ = 0;
  std::string held_back_;  // why there are fewer workers than there might be; empty: nothing held it back
  std::int64_t looked_ns_ = 0;
  double cpu_seen_ = 0;
};

}  // namespace penstock
