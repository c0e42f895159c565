// SPDX-License-Identifier: MIT
#include "platform/machine.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/clock.h"

namespace penstock {
namespace {

TEST(Machine, NamesSystemCoresAndMemory) {
  const Machine machine = this_machine();
  EXPECT_FALSE(machine.host.empty());
  EXPECT_EQ(machine.system.rfind("Linux ", 0), 0U) << machine.system;
  EXPECT_GE(machine.cores, 1U);
  EXPECT_GT(machine.memory_bytes, 1U << 20);
}

TEST(Process, ThisOneRuns) { EXPECT_TRUE(is_running(this_process())); }

TEST(Process, AnotherOneWithTheSameNumberIsNotIt) {
  ProcessIdentity other = this_process();
  ++other.start_ticks;
  EXPECT_FALSE(is_running(other));
}

TEST(Process, OneOfAnEarlierBootDoesNotRun) {
  ProcessIdentity other = this_process();
  other.boot = "00000000-0000-0000-0000-000000000000";
  EXPECT_FALSE(is_running(other));
}

TEST(Process, HasAMarkOfItsOwn) {
  const ProcessIdentity process = {4711, 5, "boot"};
  EXPECT_EQ(mark_of(process).substr(0, 5), "4711-");
  EXPECT_EQ(mark_of(process).size(), 13U);
  EXPECT_NE(mark_of(process), mark_of({4711, 6, "boot"}));
  EXPECT_NE(mark_of(process), mark_of({4711, 5, "boof"}));
  EXPECT_EQ(this_process_mark(), mark_of(this_process()));
}

TEST(Process, DoesNotRunOnceItEnded) {
  int pipes[2];
  ASSERT_EQ(::pipe(pipes), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(pipes[1]);
    char byte;
    (void)!::read(pipes[0], &byte, 1);  // until the parent closes its end
    ::_exit(0);
  }
  ::close(pipes[0]);
  const ProcessIdentity identity = process_with(child);
  EXPECT_TRUE(is_running(identity));
  ::close(pipes[1]);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(is_running(identity));
}

TEST(Machine, CountsItsRunningThreads) { EXPECT_GE(threads_running(), 1U); }  // this one

TEST(Clock, TellsTimeOnAProcessorFromTimeThatPasses) {
  const std::int64_t before = thread_cpu_ns();
  const std::int64_t begin = now_ns();
  while (thread_cpu_ns() - before < 1'000'000) {
  }
  EXPECT_GE(now_ns() - begin, 900'000);  // the clocks differ a little
  EXPECT_GE(thread_delay_ns(), 0);
}

}  // namespace
}  // namespace penstock
