// SPDX-License-Identifier: MIT
// posix_spawn can neither set the parent-death signal nor a working folder everywhere, so its own way is gone here:
// vfork with all signals blocked, and in the child nothing but system calls on what was prepared before.
#include "platform/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "platform/file.h"

extern "C" char** environ;

namespace penstock {
namespace {

struct Prepared {
  const char* program;
  char* const* words;
  char* const* env;
  const char* folder;
  int descriptors[3];
  int error_pipe;
  pid_t parent;
  bool outlives_thread;
};

[[noreturn]] void give_up(const Prepared& prepared, int step) {
  const int message[2] = {errno, step};
  // Nobody could hear of a failed write.
  [[maybe_unused]] const ssize_t written = ::write(prepared.error_pipe, message, sizeof message);
  ::_exit(127);
}

enum Step : int { kSetup, kFolder, kExec };

// Runs in the child, in the memory of its parent.
[[noreturn]] void become_program(const Prepared& prepared) {
  ::setpgid(0, 0);
  if (!prepared.outlives_thread) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != prepared.parent) ::_exit(127);  // the parent died before the line above
  struct sigaction standard;
  std::memset(&standard, 0, sizeof standard);
  standard.sa_handler = SIG_DFL;
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGINT, SIGQUIT, SIGTERM, SIGHUP}) ::sigaction(signal, &standard, nullptr);
  for (int target = 0; target < 3; ++target) {
    if (::dup2(prepared.descriptors[target], target) < 0) give_up(prepared, kSetup);
  }
#ifdef SYS_close_range
  ::syscall(SYS_close_range, 3U, ~0U, 4U);  // CLOSE_RANGE_CLOEXEC; all of ours are marked anyway
#endif
  if (prepared.folder != nullptr && ::chdir(prepared.folder) != 0) give_up(prepared, kFolder);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(prepared.program, prepared.words, prepared.env);
  give_up(prepared, kExec);
}

[[gnu::noinline]] pid_t start(const Prepared& prepared) {
  const pid_t pid = ::vfork();
  if (pid == 0) become_program(prepared);
  return pid;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Duplicates above the standard ones, so that dup2 overwrites no source.
class Descriptors {
 public:
  ~Descriptors() {
    for (const int descriptor : all_) {
      if (descriptor >= 0) ::close(descriptor);
    }
  }
  bool add(int target, int source) {
    if (source < 0) {
      const int null = ::open("/dev/null", (target == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
      all_[target] = null < 0 || null > 2 ? null : ::fcntl(null, F_DUPFD_CLOEXEC, 3);
      if (null >= 0 && null <= 2) ::close(null);
    } else {
      all_[target] = ::fcntl(source, F_DUPFD_CLOEXEC, 3);
    }
    return all_[target] >= 0;
  }
  int operator[](int target) const { return all_[target]; }

 private:
  int all_[3] = {-1, -1, -1};
};

Error spawn_error(const SpawnOptions& options, int error, int step) {
  if (step == kFolder) return file_error(error, "enter the folder", options.folder);
  Error why = file_error(error, "run", options.program);
  if (step == kExec && error == EACCES) return std::move(why).hint("chmod +x makes it executable");
  if (step == kExec && error == ENOEXEC) {
    return Error(ErrorCode::kInvalidArgument, "cannot run " + options.program + ": it is no program")
        .hint("a script begins with a line like #!/bin/sh");
  }
  if (step == kExec && error == ENOENT) {
    return std::move(why).hint("where the file is there, the interpreter that its first line names is not");
  }
  return why;
}

int wait_uninterrupted(idtype_t type, id_t id, siginfo_t& info, int flags) {
  return uninterrupted([&] { return ::waitid(type, id, &info, flags); });
}

}  // namespace

std::string ExitStatus::to_text() const {
  if (signal == 0) return "exit code " + std::to_string(code);
  const char* const name = ::strsignal(signal);
  return "killed by signal " + std::to_string(signal) + " (" + (name != nullptr ? name : "unknown") + ")";
}

Result<ChildProcess> ChildProcess::spawn(const SpawnOptions& options) {
  Descriptors descriptors;
  int report[2];
  if (!descriptors.add(0, options.stdin_fd) || !descriptors.add(1, options.stdout_fd) ||
      !descriptors.add(2, options.stderr_fd) || ::pipe2(report, O_CLOEXEC) != 0) {
    return file_error(errno, "open descriptors for", options.program);
  }
  const std::vector<char*> words = pointers_to(options.words);
  const std::vector<char*> env = pointers_to(options.env);
  const Prepared prepared{options.program.c_str(),
                          words.data(),
                          env.data(),
                          options.folder.empty() ? nullptr : options.folder.c_str(),
                          {descriptors[0], descriptors[1], descriptors[2]},
                          report[1],
                          ::getpid(),
                          options.outlives_thread};
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  const pid_t pid = start(prepared);
  const int why = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(report[1]);
  int message[2] = {0, kSetup};
  ssize_t size = 0;
  if (pid > 0) size = uninterrupted([&] { return ::read(report[0], message, sizeof message); });
  ::close(report[0]);
  if (pid < 0) return file_error(why, "start a process for", options.program);
  if (size == sizeof message) {
    siginfo_t info;
    wait_uninterrupted(P_PID, static_cast<id_t>(pid), info, WEXITED);
    return spawn_error(options, message[0], message[1]);
  }
  return ChildProcess(pid, open_process(pid));
}

std::vector<std::string> environment() {
  const std::vector<std::string_view> all = environment_in_place();
  return {all.begin(), all.end()};
}

std::vector<std::string_view> environment_in_place() {
  std::vector<std::string_view> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

Descriptor open_process(int pid) noexcept {
#ifdef SYS_pidfd_open
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
#else
  (void)pid;
  return Descriptor();
#endif
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    signal_group(SIGKILL);
    reap();
  }
}

bool ChildProcess::has_ended() const noexcept {
  siginfo_t info;
  info.si_pid = 0;
  return wait_uninterrupted(P_PID, static_cast<id_t>(pid_), info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid != 0;
}

void ChildProcess::signal_group(int signal) const noexcept {
  ::kill(-pid_, signal);
  ::kill(pid_, signal);  // should it have left its group
}

ExitStatus ChildProcess::reap() noexcept {
  siginfo_t info;
  info.si_pid = 0;
  // While the leader is a zombie, no other group can have its number.
  wait_uninterrupted(P_PID, static_cast<id_t>(pid_), info, WEXITED | WNOWAIT);
  ::kill(-pid_, SIGKILL);
  ExitStatus status;
  if (wait_uninterrupted(P_PID, static_cast<id_t>(pid_), info, WEXITED) == 0) {
    if (info.si_code == CLD_EXITED) {
      status.code = info.si_status;
    } else {
      status.signal = info.si_status;
    }
  } else {
    status.code = 127;  // somebody else reaped it; nothing is known
  }
  pid_ = -1;
  return status;
}

Result<std::string> find_program(const std::string& name, const std::string& search) {
  if (name.find('/') != std::string::npos) return name;
  for (std::size_t begin = 0; begin <= search.size();) {
    const std::size_t end = std::min(search.find(':', begin), search.size());
    const std::string folder = end == begin ? "." : search.substr(begin, end - begin);
    std::string path = folder + "/" + name;
    struct stat info;
    if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0) return path;
    begin = end + 1;
  }
  return Error(ErrorCode::kNotFound, "no program \"" + name + "\" in the folders of PATH: " + search)
      .hint("install it, or name its path, for instance \"./" + name + "\"");
}

Result<std::string> find_program(const std::string& name) {
  const char* const search = std::getenv("PATH");
  return find_program(name, search == nullptr ? "/usr/bin:/bin" : search);
}

}  // namespace penstock
