// SPDX-License-Identifier: MIT
// Writes down from time to time where a run is, and finds out whether another one can go on there.
// docs/decisions/0014-stream-checkpoints.md says why it is done so.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "stream/checkpoint_file.h"
#include "stream/graph.h"
#include "stream/step_metrics.h"

namespace penstock {

struct Run;

/// Returns why runs of the graph have no checkpoints; empty: they can have.
std::string why_no_checkpoints(const Graph& graph);

/// What must be the same for a run of the graph to go on where another one was: what `options` name, and the types of
/// all that flows.
Result<std::vector<std::pair<std::string, std::string>>> checkpoint_identity(const Graph& graph,
                                                                             const RunOptions& options);

/// Size and time of a file, as a text that is another one when it was changed.
Result<std::string> file_state(const std::string& path);

/// Returns in words how two identities differ first; empty: they do not.
std::string first_difference(const std::vector<std::pair<std::string, std::string>>& then,
                             const std::vector<std::pair<std::string, std::string>>& now);

/// Takes checkpoints of a run: the source's worker holds the source back until everything that it emitted has been
/// worked off, writes down what all operators keep, and goes on; another thread brings it to the disk.
class Checkpoints {
 public:
  /// `last`: the number of the last one that was written, of the run that this one goes on with. `replaced`: folders
  /// whose checkpoints nobody needs once there is a newer one.
  Checkpoints(Run& run, std::vector<std::pair<std::string, std::string>> identity, std::uint64_t last,
              std::vector<std::string> replaced);
  ~Checkpoints();

  /// By the worker that reads the source, one at a time, between two batches. Costs a look at the clock.
  void pass(WorkerClock& clock);
  /// When no worker works any more: waits for the writer and removes what a run that has ended does not need, and when
  /// it is `done` what the runs before it left.
  void end(bool done);

  std::uint64_t written() const;
  /// Why no more were written; empty while they are.
  std::string why_ended() const;

 private:
  enum class Wait : std::uint8_t { kQuiet, kNotNow, kNever };

  struct Taken {
    Checkpoint checkpoint;
    std::vector<int> descriptors;  // of files that must be on the disk first
  };

  void take();
  Wait wait_until_quiet();
  Wait wait_for_segment(std::size_t segment);
  Operator& source();
  bool source_is_open();
  bool workers_are_open() const;
  std::vector<Operator*> instances_of(std::size_t step);
  Status save_step(std::size_t step, const StateWriter& source_state, Taken& taken);
  void hand_to_writer(Taken taken);
  void write(Taken taken);
  std::string start_writer();  // why it could not; empty: it runs
  void write_all();
  void stop_writer();
  void give_up(std::string why);

  Run& run_;
  const std::string folder_;
  const std::vector<std::pair<std::string, std::string>> identity_;
  const std::int64_t interval_ns_;
  const bool waits_;
  std::int64_t due_ns_;
  std::uint64_t last_;
  std::vector<std::string> replaced_;  // of the writer
  bool ended_ = false;                 // takes no more

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Taken> to_write_;  // guarded by mutex_
  bool writing_ = false;           // guarded by mutex_
  bool stop_ = false;              // guarded by mutex_
  std::uint64_t written_ = 0;      // guarded by mutex_
  std::string why_ended_;          // guarded by mutex_
  std::thread writer_;             // not before the first one is due
};

}  // namespace penstock
