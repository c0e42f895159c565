// SPDX-License-Identifier: MIT
#include "executor/worker_nursery.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <vector>

#include "platform/clock.h"
#include "platform/file.h"
#include "platform/process.h"

namespace penstock {
namespace {

struct Question {
  enum class Kind : std::uint32_t { kSpawn, kEnd };
  Kind kind = Kind::kSpawn;
  std::uint32_t worker = 0;
  std::uint64_t memory_limit = 0;
  pid_t pid = 0;
};

struct Answer {
  pid_t pid = 0;  // negative: an error number
  int status = 0;
  double cpu_seconds = 0;
};

constexpr std::size_t kDescriptors = 3;

union DescriptorRoom {
  cmsghdr header;
  char bytes[CMSG_SPACE(kDescriptors * sizeof(int))];
};

bool send_question(int socket, const Question& question, const std::array<int, kDescriptors>* descriptors) {
  iovec text{const_cast<Question*>(&question), sizeof question};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  DescriptorRoom room{};
  if (descriptors != nullptr) {
    message.msg_control = room.bytes;
    message.msg_controllen = sizeof room.bytes;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(kDescriptors * sizeof(int));
    std::memcpy(CMSG_DATA(header), descriptors->data(), kDescriptors * sizeof(int));
  }
  return uninterrupted([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); }) == sizeof question;
}

bool receive_question(int socket, Question& question, std::array<int, kDescriptors>& descriptors) {
  descriptors.fill(-1);
  iovec text{&question, sizeof question};
  DescriptorRoom room{};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = room.bytes;
  message.msg_controllen = sizeof room.bytes;
  if (uninterrupted([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); }) != sizeof question) return false;
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(kDescriptors * sizeof(int))) {
    std::memcpy(descriptors.data(), CMSG_DATA(header), kDescriptors * sizeof(int));
  }
  return true;
}

void limit_memory(std::uint64_t bytes) {
  if (bytes == 0) return;
  const rlimit limit{bytes, bytes};
  ::setrlimit(RLIMIT_DATA, &limit);
}

// In the worker. The parent-death signal is lost when the nursery ended before it was asked for.
[[noreturn]] void work(pid_t nursery, const Question& question, const std::array<int, kDescriptors>& descriptors,
                       const WorkerNursery::Serve& serve) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != nursery) ::_exit(1);
  ::prctl(PR_SET_NAME, fmt::format("worker/{}", question.worker).c_str());
  limit_memory(question.memory_limit);
  auto link = WorkerLink::adopt(Descriptor(descriptors[0]), descriptors[1], descriptors[2]);
  if (!link) ::_exit(1);
  // The system's limit is on what is the worker's alone.
  if (question.memory_limit > 0) (*link)->memory()->limit_to(question.memory_limit);
  serve(question.worker, **link);
  std::fflush(nullptr);
  ::_exit(0);
}

Answer spawn_worker(int socket, const Question& question, const std::array<int, kDescriptors>& descriptors,
                    const WorkerNursery::Serve& serve) {
  const pid_t nursery = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(socket);
    work(nursery, question, descriptors, serve);
  }
  const int why = errno;
  for (const int descriptor : descriptors) ::close(descriptor);
  return {pid > 0 ? pid : -why, 0, 0};
}

Answer reap(pid_t pid) {
  Answer answer;
  rusage usage{};
  const pid_t ended = uninterrupted([&] { return ::wait4(pid, &answer.status, 0, &usage); });
  answer.pid = ended < 0 ? -errno : ended;
  answer.cpu_seconds = cpu_seconds(usage);
  return answer;
}

// In the nursery: answers questions until its owner is gone; workers then follow by their parent-death signal.
[[noreturn]] void run_nursery(int socket, const WorkerNursery::Serve& serve) {
  ::prctl(PR_SET_NAME, "nursery");
  // What is sent to all processes of a group, by a terminal or by whoever stops a service, is for the program to act
  // on.
  for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) ::signal(signal, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  Question question;
  std::array<int, kDescriptors> descriptors;
  while (receive_question(socket, question, descriptors)) {
    const Answer answer = question.kind == Question::Kind::kSpawn ? spawn_worker(socket, question, descriptors, serve)
                                                                  : reap(question.pid);
    if (::send(socket, &answer, sizeof answer, MSG_NOSIGNAL) < 0) break;
  }
  ::_exit(0);
}

bool receive_answer(int socket, Answer& answer) {
  return uninterrupted([&] { return ::recv(socket, &answer, sizeof answer, 0); }) == sizeof answer;
}

/// The sockets of this program to its nurseries. A nursery must hold none of another one, or that one would not see
/// when its owner is gone: so a socket is made, put down here, and inherited under one lock. Never destroyed.
struct OwnSockets {
  std::mutex mutex;
  std::vector<int> sockets;

  static OwnSockets& all() {
    static auto& all = *new OwnSockets;
    return all;
  }
  void forget(int socket) { std::erase(sockets, socket); }
};

// By its descriptor, since a number can belong to another process once the nursery is gone.
void kill_process(const WorkerProcess& worker) {
#ifdef SYS_pidfd_send_signal
  if (worker.ended.is_open()) {
    ::syscall(SYS_pidfd_send_signal, worker.ended.get(), SIGKILL, nullptr, 0);
    return;
  }
#endif
  ::kill(worker.pid, SIGKILL);
}

}  // namespace

std::string WorkerEnd::to_text() const {
  if (!known) return "ended, nobody knows how";
  if (signal == SIGKILL) return "was killed by signal 9 (Killed; by the system when memory is short)";
  if (signal != 0) return fmt::format("was killed by signal {} ({})", signal, ::strsignal(signal));
  return fmt::format("ended by itself with exit code {}", exit_code);
}

Result<std::unique_ptr<WorkerNursery>> WorkerNursery::start(Serve serve) {
  std::fflush(nullptr);  // or what is still unwritten would be written by every worker too
  OwnSockets& all = OwnSockets::all();
  const std::lock_guard lock(all.mutex);
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return file_error(errno, "make", "a pair of sockets");
  }
  Descriptor own(sockets[0]);
  Descriptor other(sockets[1]);
  all.sockets.push_back(own.get());
  const pid_t parent = ::getpid();
  const bool in_main_thread = ::gettid() == parent;
  const pid_t pid = ::fork();
  if (pid == 0) {
    // The end of the socket says it too, but not to a process that is stopped. Other threads may end before the
    // program.
    if (in_main_thread) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    for (const int socket : all.sockets) ::close(socket);
    run_nursery(other.get(), serve);
  }
  if (pid < 0) {
    all.forget(own.get());
    return Error(ErrorCode::kUnavailable, fmt::format("cannot start a process: {}", std::strerror(errno)))
        .hint("allow more processes (ulimit -u), or use the strategy parallel");
  }
  return std::unique_ptr<WorkerNursery>(new WorkerNursery(pid, std::move(own)));
}

WorkerNursery::~WorkerNursery() {
  {
    const std::lock_guard lock(OwnSockets::all().mutex);
    OwnSockets::all().forget(socket_.get());
    socket_.close();
  }
  uninterrupted([&] { return ::waitpid(pid_, nullptr, 0); });
}

Result<WorkerProcess> WorkerNursery::spawn(std::uint32_t worker, std::uint64_t memory_limit) {
  WorkerProcess process;
  PENSTOCK_ASSIGN(process.link, ParentLink::create());
  Question question;
  question.worker = worker;
  question.memory_limit = memory_limit;
  const std::array<int, kDescriptors> descriptors = process.link->for_worker();
  Answer answer;
  {
    const std::lock_guard lock(mutex_);
    if (!send_question(socket_.get(), question, &descriptors) || !receive_answer(socket_.get(), answer)) {
      return Error(ErrorCode::kUnavailable, "the process that starts workers has ended").hint("was it killed?");
    }
  }
  process.link->let_go();
  if (answer.pid <= 0) {
    return Error(ErrorCode::kUnavailable, fmt::format("cannot start a worker process: {}", std::strerror(-answer.pid)))
        .hint("allow more processes (ulimit -u), or use fewer workers");
  }
  process.pid = answer.pid;
  process.ended = open_process(process.pid);
  return process;
}

WorkerEnd WorkerNursery::end(WorkerProcess& worker) {
  if (worker.pid == 0) return {};
  kill_process(worker);
  Question question;
  question.kind = Question::Kind::kEnd;
  question.pid = std::exchange(worker.pid, 0);
  Answer answer;
  {
    const std::lock_guard lock(mutex_);
    if (!send_question(socket_.get(), question, nullptr) || !receive_answer(socket_.get(), answer)) return {};
  }
  if (answer.pid <= 0) return {};
  WorkerEnd end;
  end.known = true;
  end.cpu_seconds = answer.cpu_seconds;
  if (WIFSIGNALED(answer.status)) {
    end.signal = WTERMSIG(answer.status);
  } else {
    end.exit_code = WEXITSTATUS(answer.status);
  }
  return end;
}

}  // namespace penstock
