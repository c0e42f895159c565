// SPDX-License-Identifier: MIT
#include "platform/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "platform/file.h"

namespace penstock {
namespace {

using ::testing::HasSubstr;

SpawnOptions shell(const std::string& script) {
  SpawnOptions options;
  options.program = "/bin/sh";
  options.words = {"sh", "-c", script};
  options.env = {"PATH=/usr/bin:/bin", "GREETING=hello"};
  return options;
}

class Child : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::pipe2(pipe_, O_CLOEXEC), 0); }
  void TearDown() override {
    ::close(pipe_[0]);
    if (pipe_[1] >= 0) ::close(pipe_[1]);
  }
  // What the program and all that it started printed, to the end.
  std::string output() {
    ::close(std::exchange(pipe_[1], -1));
    std::string text;
    char buffer[256];
    for (ssize_t size = 0; (size = ::read(pipe_[0], buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(size));
    return text;
  }
  int pipe_[2] = {-1, -1};
};

TEST_F(Child, RunsAProgramWithWordsEnvironmentAndFolder) {
  SpawnOptions options = shell("echo \"$GREETING $(pwd) $1 $HOME\"");
  options.words.insert(options.words.end(), {"sh", "two words"});
  options.folder = "/";
  options.stdout_fd = pipe_[1];
  ChildProcess child = ChildProcess::spawn(options).value();
  EXPECT_TRUE(child.reap().ok());
  EXPECT_EQ(output(), "hello / two words \n");
}

TEST_F(Child, SaysHowItEnded) {
  EXPECT_EQ(ChildProcess::spawn(shell("exit 7")).value().reap().to_text(), "exit code 7");
  EXPECT_EQ(ChildProcess::spawn(shell("kill -9 $$")).value().reap().signal, SIGKILL);
}

TEST_F(Child, TheEndCanBeWaitedFor) {
  ChildProcess child = ChildProcess::spawn(shell("exit 0")).value();
  if (child.exit_descriptor() >= 0) {
    pollfd wait = {child.exit_descriptor(), POLLIN, 0};
    EXPECT_EQ(::poll(&wait, 1, -1), 1);
    EXPECT_TRUE(child.has_ended());
  }
  EXPECT_TRUE(child.reap().ok());
}

TEST_F(Child, NothingOfItsGroupOutlivesIt) {
  SpawnOptions options = shell("(trap '' TERM; while :; do sleep 1000; done) & exit 0");
  options.stdout_fd = pipe_[1];
  EXPECT_TRUE(ChildProcess::spawn(options).value().reap().ok());
  EXPECT_EQ(output(), "");  // returns only when the last writer has gone
}

TEST_F(Child, IsKilledWithItsGroupWhenItIsGivenUp) {
  SpawnOptions options = shell("trap '' TERM; sleep 1000 & echo up; while :; do sleep 1000; done");
  options.stdout_fd = pipe_[1];
  {
    const ChildProcess child = ChildProcess::spawn(options).value();
    char byte = 0;
    ASSERT_EQ(::read(pipe_[0], &byte, 1), 1);
  }
  EXPECT_EQ(output(), "p\n");
}

TEST_F(Child, DiesWithTheProcessThatStartedIt) {
  const pid_t parent = ::fork();
  if (parent == 0) {
    SpawnOptions options = shell("echo up; exec sleep 1000");
    options.stdout_fd = pipe_[1];
    const auto child = ChildProcess::spawn(options);
    ::pause();
    ::_exit(0);
  }
  char text[3];
  ASSERT_EQ(::read(pipe_[0], text, 3), 3);
  ::kill(parent, SIGKILL);
  int status = 0;
  ::waitpid(parent, &status, 0);
  EXPECT_EQ(output(), "");
}

TEST_F(Child, InheritsNoDescriptorAndNoIgnoredPipeSignal) {
  const int secret = ::open("/dev/null", O_RDONLY);  // not marked close-on-exec, on purpose
  ::signal(SIGPIPE, SIG_IGN);
  SpawnOptions options = shell("ls /proc/self/fd | wc -l; grep -c 'SigIgn:.*0000000000000000' /proc/self/status");
  options.stdout_fd = pipe_[1];
  EXPECT_TRUE(ChildProcess::spawn(options).value().reap().ok());
  EXPECT_EQ(output(), "4\n1\n");  // the three, and the one by which ls reads the folder
  ::signal(SIGPIPE, SIG_DFL);
  ::close(secret);
}

TEST_F(Child, WhatCannotRunSaysWhy) {
  SpawnOptions options = shell("");
  options.program = "/nowhere/program";
  EXPECT_THAT(ChildProcess::spawn(options).error().to_text(), HasSubstr("cannot run /nowhere/program: no such file"));
  options.program = "/etc/passwd";
  EXPECT_EQ(ChildProcess::spawn(options).error().code(), ErrorCode::kPermissionDenied);
  options = shell("");
  options.folder = "/nowhere";
  EXPECT_THAT(ChildProcess::spawn(options).error().to_text(), HasSubstr("cannot enter the folder /nowhere"));
  EXPECT_THAT(find_program("no-such-program", "/bin:/usr/bin").error().to_text(),
              HasSubstr("in the folders of PATH: /bin:/usr/bin"));
  EXPECT_EQ(find_program("sh", "/nowhere:/bin").value(), "/bin/sh");
}

}  // namespace
}  // namespace penstock
