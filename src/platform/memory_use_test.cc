// SPDX-License-Identifier: MIT
#include "platform/memory_use.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "platform/machine.h"

namespace penstock {
namespace {

constexpr std::uint64_t kMebi = std::uint64_t{1} << 20;

/// A folder that looks like the root of a system; a machine of 8000 MiB, of which 2000 are in use.
class MemoryUseTest : public ::testing::Test {
 protected:
  MemoryUseTest() {
    std::string name = (std::filesystem::temp_directory_path() / "penstock_memory_XXXXXX").string();
    root_ = mkdtemp(name.data());
    write("/proc/meminfo", "MemTotal:        8192000 kB\nMemFree:   1 kB\nMemAvailable:    6144000 kB\n");
  }
  ~MemoryUseTest() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  static std::string bytes(std::uint64_t mebi) { return std::to_string(mebi * kMebi) + "\n"; }

  std::string root_;
};

TEST_F(MemoryUseTest, IsThatOfTheMachineWhereNothingElseLimitsIt) {
  const MemoryUse use = memory_use(root_);
  EXPECT_EQ(use.limit_bytes, 8000 * kMebi);
  EXPECT_EQ(use.used_bytes, 2000 * kMebi);
  EXPECT_EQ(use.stalled_percent, 0);
  EXPECT_EQ(memory_limit_bytes(root_), 8000 * kMebi);
}

TEST_F(MemoryUseTest, IsThatOfTheGroupWithoutWhatCanBeDropped) {
  write("/proc/self/cgroup", "0::/jobs/mine\n");
  write("/sys/fs/cgroup/jobs/mine/memory.max", bytes(1000));
  write("/sys/fs/cgroup/jobs/mine/memory.current", bytes(900));
  write("/sys/fs/cgroup/jobs/mine/memory.stat", "anon 5\ninactive_file " + bytes(300) + "active_file 7\n");
  write("/sys/fs/cgroup/jobs/mine/memory.pressure",
        "some avg10=12.50 avg60=3.00 avg300=1.00 total=9\nfull avg10=1.00\n");
  const MemoryUse use = memory_use(root_);
  EXPECT_EQ(use.limit_bytes, 1000 * kMebi);
  EXPECT_EQ(use.used_bytes, 600 * kMebi);
  EXPECT_EQ(use.stalled_percent, 12.5);
}

TEST_F(MemoryUseTest, IsThatOfTheTightestOfAllGroupsAround) {
  write("/proc/self/cgroup", "0::/jobs/mine\n");
  write("/sys/fs/cgroup/jobs/mine/memory.max", bytes(1000));
  write("/sys/fs/cgroup/jobs/mine/memory.current", bytes(100));
  write("/sys/fs/cgroup/jobs/memory.max", bytes(4000));
  write("/sys/fs/cgroup/jobs/memory.current", bytes(3900));
  EXPECT_EQ(memory_use(root_).limit_bytes, 4000 * kMebi);
  EXPECT_EQ(memory_use(root_).used_bytes, 3900 * kMebi);
  EXPECT_EQ(memory_limit_bytes(root_), 1000 * kMebi);
}

TEST_F(MemoryUseTest, KnowsTheOutermostGroupOfAContainer) {
  write("/proc/self/cgroup", "0::/known/only/outside\n");
  write("/sys/fs/cgroup/memory.max", bytes(500));
  write("/sys/fs/cgroup/memory.current", bytes(490));
  EXPECT_EQ(memory_use(root_).limit_bytes, 500 * kMebi);
}

TEST_F(MemoryUseTest, KnowsGroupsOfVersion1) {
  write("/proc/self/cgroup", "11:cpu,cpuacct:/x\n9:memory:/docker/abc\n0::/\n");
  write("/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", bytes(1000));
  write("/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", bytes(800));
  write("/sys/fs/cgroup/memory/docker/abc/memory.stat", "inactive_file 1\ntotal_inactive_file " + bytes(50));
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("/sys/fs/cgroup/memory/memory.usage_in_bytes", bytes(5000));
  const MemoryUse use = memory_use(root_);
  EXPECT_EQ(use.limit_bytes, 1000 * kMebi);
  EXPECT_EQ(use.used_bytes, 750 * kMebi);
}

TEST_F(MemoryUseTest, ALimitOfMaxIsNone) {
  write("/proc/self/cgroup", "0::/\n");
  write("/sys/fs/cgroup/memory.max", "max\n");
  write("/sys/fs/cgroup/memory.current", bytes(7999));
  EXPECT_EQ(memory_use(root_).used_bytes, 2000 * kMebi);
}

TEST_F(MemoryUseTest, ThePressureOfTheMachineCountsToo) {
  write("/proc/pressure/memory", "some avg10=33.00 avg60=0.00 avg300=0.00 total=0\n");
  EXPECT_EQ(memory_use(root_).stalled_percent, 33);
}

TEST_F(MemoryUseTest, IsUnknownWhereTheSystemSaysNothing) {
  std::filesystem::remove_all(root_ + "/proc");
  EXPECT_EQ(memory_use(root_).limit_bytes, 0U);
  EXPECT_EQ(memory_limit_bytes(root_), 0U);
}

TEST(MemoryUse, OfThisProcessIsWithinItsLimit) {
  const MemoryUse use = memory_use();
  EXPECT_GT(use.limit_bytes, 0U);
  EXPECT_LE(use.used_bytes, use.limit_bytes);
  EXPECT_GE(this_machine().memory_bytes, 1U);
}

}  // namespace
}  // namespace penstock
