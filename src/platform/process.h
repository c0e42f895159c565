// SPDX-License-Identifier: MIT
// Starts programs and ends them with all that they started.
#pragma once

#include <penstock/result.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "platform/descriptor.h"

namespace penstock {

/// A program to start.
struct SpawnOptions {
  std::string program;                  ///< Path of the file.
  std::vector<std::string> words = {};  ///< argv, the program's name first.
  std::vector<std::string> env = {};    ///< "NAME=value"; nothing else is passed on.
  std::string folder = {};              ///< Its working folder; empty: that of the caller.
  int stdin_fd = -1;                    ///< -1: /dev/null, here and below.
  int stdout_fd = -1;
  int stderr_fd = -1;
  bool outlives_thread = false;  ///< It is not killed when the thread that starts it ends.
};

/// How a program ended.
struct ExitStatus {
  int code = 0;    ///< Meaningless when `signal` is not 0.
  int signal = 0;  ///< That killed it, or 0.

  bool ok() const noexcept { return code == 0 && signal == 0; }
  /// "exit code 3", "killed by signal 9 (Killed)".
  std::string to_text() const;
};

/// A running program, the leader of its own process group. Used by one thread, the one that started it, which must
/// outlive it: the kernel kills the program when that thread ends, also with the whole process by SIGKILL.
class ChildProcess {
 public:
  /// Starts the program without a copy of this process (vfork): the cost, about 0.5 ms, does not grow with its memory.
  /// No descriptor is passed on but the three. kNotFound, kPermissionDenied … say why the program cannot run.
  static Result<ChildProcess> spawn(const SpawnOptions& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  /// Kills the group and reaps the program, if that was not done.
  ~ChildProcess();

  int pid() const noexcept { return pid_; }
  /// Becomes readable when the program has ended; -1 on kernels that know no such thing.
  int exit_descriptor() const noexcept { return pidfd_.get(); }
  /// Says whether it has ended, without taking its status.
  bool has_ended() const noexcept;
  /// Sends a signal to all processes of its group. Safe until `reap`: its number is not given to another before.
  void signal_group(int signal) const noexcept;
  /// Waits for its end, kills what is left of its group, and returns how it ended.
  ExitStatus reap() noexcept;

 private:
  ChildProcess(int pid, Descriptor pidfd) noexcept : pid_(pid), pidfd_(std::move(pidfd)) {}
  int pid_ = -1;
  Descriptor pidfd_;
};

/// Returns the environment of this process, as `SpawnOptions::env` takes it.
std::vector<std::string> environment();
/// The same without copies: valid as long as nobody changes the environment.
std::vector<std::string_view> environment_in_place();

/// Returns a descriptor of the process, which becomes readable when it has ended; closed where the kernel knows no such
/// thing.
Descriptor open_process(int pid) noexcept;

/// Returns the file that `name` means: as it is with a '/' in it, or else the first executable one in the folders of
/// `search` (as in PATH). kNotFound says where was looked.
Result<std::string> find_program(const std::string& name, const std::string& search);
/// The same with the PATH of this process.
Result<std::string> find_program(const std::string& name);

}  // namespace penstock
