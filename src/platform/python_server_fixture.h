// SPDX-License-Identifier: MIT
// A server in Python, for tests of what talks to one.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "platform/descriptor.h"
#include "platform/process.h"

namespace penstock::testing {

/// A script that prints its port on a line and ends with its standard input: it runs as long as the object lives.
class PythonServer {
 public:
  explicit PythonServer(const std::string& script) {
    int in[2];
    int out[2];
    EXPECT_EQ(::pipe2(in, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    input_ = Descriptor(in[1]);
    const Descriptor reading(in[0]);
    const Descriptor writing(out[1]);
    const Descriptor answers(out[0]);
    SpawnOptions options;
    options.program = find_program("python3", "/usr/bin:/bin").value();
    options.words = {"python3", script};
    options.stdin_fd = reading.get();
    options.stdout_fd = writing.get();
    options.stderr_fd = STDERR_FILENO;
    server_.emplace(ChildProcess::spawn(options).value());
    std::string port;
    for (char c = 0; ::read(answers.get(), &c, 1) == 1 && c != '\n';) port += c;
    url = "http://127.0.0.1:" + port;
  }

  std::string url;

 private:
  Descriptor input_;
  std::optional<ChildProcess> server_;
};

}  // namespace penstock::testing
