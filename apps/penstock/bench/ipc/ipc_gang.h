// SPDX-License-Identifier: MIT
// Processes of one machine that measure together: started by mpiexec, or forked by the first. They share a page of
// words to meet at and room for samples; no MPI library is needed for that.
#pragma once

#include <penstock/result.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "platform/shared_region.h"

namespace penstock::app {

/// What mpiexec told this process.
struct MpiPlace {
  std::uint32_t rank = 0;
  std::uint32_t ranks = 0;  ///< 0: not started by mpiexec.
  bool one_machine = true;
  std::string job;  ///< The same for all ranks, and for nobody else.
};
/// From the environment that Open MPI and MPICH give.
MpiPlace mpi_place();

/// Used by one worker in each process.
class Gang {
 public:
  static constexpr std::uint32_t kMostRanks = 65;
  static constexpr std::uint32_t kSeries = 12;  ///< Of samples, per rank.

  /// Joins the other ranks of the mpiexec, or makes a gang whose other ranks `fork_others` starts.
  static Result<std::unique_ptr<Gang>> join(const MpiPlace& place, std::uint32_t ranks, std::uint32_t iterations);
  /// Forks the other ranks; each runs `work(rank)` and ends with what it returns. Does nothing under mpiexec.
  Status fork_others(const std::function<int(std::uint32_t)>& work);
  /// Rank 0: waits for those that it forked.
  void wait_for_others() noexcept;
  ~Gang();  ///< Ends those that still run, if it forked them.
  Gang(const Gang&) = delete;
  Gang& operator=(const Gang&) = delete;

  std::uint32_t rank() const noexcept { return rank_; }
  std::uint32_t ranks() const noexcept { return ranks_; }
  bool under_mpiexec() const noexcept { return under_mpiexec_; }

  /// Waits until all ranks are here; sleeps rather than spins, since there may be more ranks than cores. False when one
  /// of them has failed or died.
  bool meet() noexcept;
  /// Says why this rank cannot go on; all meetings end. On any thread.
  void fail(const std::string& why) noexcept;
  bool has_failed() const noexcept;
  /// What the first that failed said; empty: nobody has.
  std::string failure() const;

  /// A short text from rank 0 to all: `say` before a meeting, `heard` after it.
  void say(const std::string& text) noexcept;
  std::string heard() const;
  /// Nanoseconds or whatever the series means; written by its rank, read by rank 0 after a meeting.
  std::span<double> samples(std::uint32_t rank, std::uint32_t series) noexcept;
  /// A few words of each rank, likewise.
  std::span<double> totals(std::uint32_t rank) noexcept;

 private:
  struct Words;
  Gang(SharedRegion region, std::uint32_t rank, std::uint32_t ranks, std::uint32_t iterations) noexcept
      : region_(std::move(region)), rank_(rank), ranks_(ranks), iterations_(iterations) {}
  static Result<std::unique_ptr<Gang>> join_job(const MpiPlace& place, std::size_t bytes, std::uint32_t iterations);
  Words& words() const noexcept { return *reinterpret_cast<Words*>(region_.data()); }
  void look_at_children() noexcept;

  SharedRegion region_;
  std::uint32_t rank_;
  const std::uint32_t ranks_;
  const std::uint32_t iterations_;
  bool under_mpiexec_ = false;
  std::vector<pid_t> children_;
};

}  // namespace penstock::app
