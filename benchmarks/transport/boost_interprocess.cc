// SPDX-License-Identifier: MIT
#include <boost/interprocess/ipc/message_queue.hpp>
#include <string>

#include "workload.h"

namespace penstock::benchmark::transport {
namespace {

namespace ipc = boost::interprocess;

/// A queue under a name of its own; the name goes at once, since children inherit the mapping.
class Queue {
 public:
  Queue(const char* name, std::size_t depth, std::size_t size)
      : name_(std::string("penstock-benchmark-") + name + std::to_string(::getpid())),
        queue_(ipc::create_only, name_.c_str(), depth, size) {
    ipc::message_queue::remove(name_.c_str());
  }
  void send(const void* from, std::size_t size) { queue_.send(from, size, 0); }
  void receive(void* to, std::size_t size) {
    std::size_t received = 0;
    unsigned priority = 0;
    queue_.receive(to, size, received, priority);
  }

 private:
  std::string name_;
  ipc::message_queue queue_;
};

template <std::size_t size, bool answers>
Outcome queue(std::uint64_t blocks) {
  Shared& common = shared();
  Queue there("there", 8, size);
  Queue back("back", 8, 8);
  const pid_t pid = start_reader(common, [&] {
    std::vector<std::uint64_t> block(size / 8);
    std::uint64_t total = 0;
    for (std::uint64_t i = 0; i < blocks; ++i) {
      there.receive(block.data(), size);
      total += sum(block.data(), size);
      if (answers) back.send(block.data(), 8);
    }
    return total;
  });
  std::uint64_t answer = 0;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    there.send(source(size).data(), size);
    if (answers) back.receive(&answer, 8);
  }
  wait_for(pid);
  return {common.result};
}

const Register contenders({
    {kRoundTripSmall, "Boost.Interprocess: message_queue", queue<kKiB, true>, false, 50'000},
    {kRoundTripLarge, "Boost.Interprocess: message_queue", queue<kMiB, true>, false, 2'000},
    {kStreamCopied, "Boost.Interprocess: message_queue", queue<kMiB, false>, false, 5'000},
});

}  // namespace
}  // namespace penstock::benchmark::transport
