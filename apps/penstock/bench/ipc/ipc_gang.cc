// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/ipc/ipc_gang.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "platform/futex.h"

namespace penstock::app {
namespace {

constexpr std::size_t kTotals = 16;
constexpr std::size_t kFirstPage = 4096;

std::uint32_t number_from(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? 0 : static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

std::string text_from(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? std::string() : std::string(text);
}

std::size_t bytes_for(std::uint32_t ranks, std::uint32_t iterations) {
  const std::size_t doubles = std::size_t{ranks} * (Gang::kSeries * std::size_t{iterations} + kTotals);
  return (kFirstPage + doubles * sizeof(double) + kFirstPage - 1) / kFirstPage * kFirstPage;
}

}  // namespace

struct Gang::Words {
  std::atomic<std::uint32_t> ready{0};
  std::atomic<std::uint32_t> arrived{0};
  std::atomic<std::uint32_t> round{0};
  std::atomic<std::uint32_t> failed{0};  // 1: somebody writes why; 2: it is there
  char why[1024] = {};
  char said[1024] = {};
};

MpiPlace mpi_place() {
  MpiPlace place;
  const std::uint32_t open_mpi = number_from("OMPI_COMM_WORLD_SIZE");
  const std::uint32_t mpich = number_from("PMI_SIZE");
  if (open_mpi > 0) {
    place = {number_from("OMPI_COMM_WORLD_RANK"), open_mpi, number_from("OMPI_COMM_WORLD_LOCAL_SIZE") == open_mpi,
             text_from("OMPI_MCA_ess_base_jobid")};
  } else if (mpich > 0) {
    place = {number_from("PMI_RANK"), mpich, number_from("MPI_LOCALNRANKS") == mpich, {}};
  }
  // The launcher is the parent of all ranks of a machine.
  place.job += fmt::format("-{}", ::getppid());
  return place;
}

Result<std::unique_ptr<Gang>> Gang::join(const MpiPlace& place, std::uint32_t ranks, std::uint32_t iterations) {
  const std::size_t bytes = bytes_for(place.ranks > 0 ? place.ranks : ranks, iterations);
  if (place.ranks > 0) return join_job(place, bytes, iterations);
  PENSTOCK_ASSIGN(SharedRegion region, SharedRegion::create_anonymous("penstock-bench", bytes));
  PENSTOCK_TRY(region.allocate(0, bytes));
  PENSTOCK_TRY(region.map());
  auto gang = std::unique_ptr<Gang>(new Gang(std::move(region), 0, ranks, iterations));
  new (&gang->words()) Words;
  return gang;
}

// Rank 0 makes the file; the others find it when it is ready, and its name goes when all have.
Result<std::unique_ptr<Gang>> Gang::join_job(const MpiPlace& place, std::size_t bytes, std::uint32_t iterations) {
  const std::string path = fmt::format("/dev/shm/penstock-bench{}", place.job);
  SharedRegion region;
  if (place.rank == 0) {
    PENSTOCK_ASSIGN(region, SharedRegion::create_file(path, bytes, 0600));
    PENSTOCK_TRY(region.allocate(0, bytes));
    PENSTOCK_TRY(region.map());
    new (region.data()) Words;
    reinterpret_cast<Words*>(region.data())->ready.store(1, std::memory_order_release);
  }
  constexpr int kTries = 30'000;
  for (int tries = 0; region.data() == nullptr; ++tries) {
    Result<SharedRegion> opened = SharedRegion::open_file(path);
    if (opened && opened->size_bytes() == bytes && opened->map() &&
        reinterpret_cast<Words*>(opened->data())->ready.load(std::memory_order_acquire) == 1) {
      region = std::move(*opened);
    } else if (tries == kTries) {
      return Error(ErrorCode::kTimeout, "rank 0 did not begin").hint("do all ranks have the same options?");
    } else {
      ::usleep(1000);
    }
  }
  auto gang = std::unique_ptr<Gang>(new Gang(std::move(region), place.rank, place.ranks, iterations));
  gang->under_mpiexec_ = true;
  const bool all_here = gang->meet();
  if (place.rank == 0) ::unlink(path.c_str());
  if (!all_here) return Error(ErrorCode::kUnavailable, gang->failure());
  return gang;
}

Status Gang::fork_others(const std::function<int(std::uint32_t)>& work) {
  if (under_mpiexec_) return {};
  std::fflush(nullptr);
  for (std::uint32_t rank = 1; rank < ranks_; ++rank) {
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) return Error(ErrorCode::kResourceExhausted, fmt::format("cannot fork: {}", std::strerror(errno)));
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(1);
      rank_ = rank;
      children_.clear();
      ::_exit(work(rank));
    }
    children_.push_back(child);
  }
  return {};
}

void Gang::wait_for_others() noexcept {
  for (const pid_t child : std::exchange(children_, {})) ::waitpid(child, nullptr, 0);
}

Gang::~Gang() {
  for (const pid_t child : children_) ::kill(child, SIGKILL);
  wait_for_others();
}

void Gang::look_at_children() noexcept {
  for (pid_t& child : children_) {
    if (::waitpid(child, nullptr, WNOHANG) != child) continue;
    std::swap(child, children_.back());
    children_.pop_back();
    return fail("one of the processes that measure has died");
  }
}

bool Gang::meet() noexcept {
  constexpr std::int64_t kSlice = 100'000'000;
  Words& common = words();
  const std::uint32_t round = common.round.load(std::memory_order_acquire);
  if (common.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == ranks_) {
    common.arrived.store(0, std::memory_order_relaxed);
    common.round.fetch_add(1, std::memory_order_release);
    futex_wake_all(common.round);
  }
  while (common.round.load(std::memory_order_acquire) == round) {
    if (common.failed.load(std::memory_order_acquire) != 0) return false;
    futex_wait(common.round, round, kSlice);
    if (common.round.load(std::memory_order_acquire) == round) look_at_children();
  }
  return common.failed.load(std::memory_order_acquire) == 0;
}

void Gang::fail(const std::string& why) noexcept {
  Words& common = words();
  std::uint32_t nobody = 0;
  if (common.failed.compare_exchange_strong(nobody, 1)) {
    std::strncpy(common.why, why.c_str(), sizeof common.why - 1);
    common.failed.store(2, std::memory_order_release);
  }
  futex_wake_all(common.round);
}

bool Gang::has_failed() const noexcept { return words().failed.load(std::memory_order_relaxed) != 0; }

std::string Gang::failure() const {
  return words().failed.load(std::memory_order_acquire) == 2 ? std::string(words().why) : std::string();
}

void Gang::say(const std::string& text) noexcept { std::strncpy(words().said, text.c_str(), sizeof Words::said - 1); }

std::string Gang::heard() const { return words().said; }

std::span<double> Gang::totals(std::uint32_t rank) noexcept {
  auto* const all = reinterpret_cast<double*>(region_.data() + kFirstPage);
  return {all + rank * (kSeries * std::size_t{iterations_} + kTotals), kTotals};
}

std::span<double> Gang::samples(std::uint32_t rank, std::uint32_t series) noexcept {
  return {totals(rank).data() + kTotals + series * std::size_t{iterations_}, iterations_};
}

}  // namespace penstock::app
