// SPDX-License-Identifier: MIT
#include "workflow/parallel_hash.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "executor/executor.h"
#include "platform/machine.h"

namespace penstock {
namespace {

// About a millisecond of hashing; a thread costs a tenth of that.
constexpr std::int64_t kLeastBytes = std::int64_t{1} << 20;

struct Work {
  std::vector<std::string> paths;
  DigestIndex& index;
  std::vector<std::optional<FileDigest>> digests;  ///< As `paths`; each is written by the one that took its path.
  std::atomic<std::size_t> next{0};

  void take_all() {
    for (std::size_t i = next.fetch_add(1); i < paths.size(); i = next.fetch_add(1)) {
      Result<FileDigest> digest = index.digest(paths[i]);
      if (digest) digests[i] = std::move(*digest);
    }
  }
};

class HashTask final : public Task {
 public:
  explicit HashTask(Work& work) : work_(work) {}
  void work() noexcept override { work_.take_all(); }
  std::string name() const override { return "hash"; }

 private:
  Work& work_;
};

}  // namespace

FileDigests hash_in_parallel(const std::vector<std::string>& paths, DigestIndex& index) {
  std::vector<std::pair<std::int64_t, std::string>> unknown;
  for (const std::string& path : paths) {
    const std::int64_t size = index.bytes_to_hash(path);
    if (size >= kLeastBytes) unknown.emplace_back(size, path);
  }
  FileDigests taken;
  if (unknown.size() < 2) return taken;
  // The largest first, so that none of them is begun last.
  std::sort(unknown.begin(), unknown.end(), std::greater<>());
  Work work{{}, index, {}};
  for (auto& [size, path] : unknown) work.paths.push_back(std::move(path));
  work.digests.resize(work.paths.size());
  const std::size_t threads = std::min<std::size_t>(work.paths.size(), this_machine().cores);
  std::vector<std::shared_ptr<Task>> tasks;
  for (std::size_t i = 1; i < threads; ++i) tasks.push_back(std::make_shared<HashTask>(work));
  const std::unique_ptr<Executor> executor = make_thread_executor();
  const bool several = !tasks.empty();
  if (several) (void)executor->start(std::move(tasks));  // those that did start are enough
  work.take_all();
  if (several) executor->wait();
  for (std::size_t i = 0; i < work.paths.size(); ++i) {
    if (work.digests[i]) taken.emplace(std::move(work.paths[i]), std::move(*work.digests[i]));
  }
  return taken;
}

}  // namespace penstock
