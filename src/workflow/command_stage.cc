// SPDX-License-Identifier: MIT
#include "workflow/command_stage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <map>

#include "platform/file.h"
#include "workflow/command_log.h"

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;

const char* variable(const std::string& name) { return std::getenv(name.c_str()); }

bool of_locale(std::string_view name) {
  return name == "LANG" || name == "LANGUAGE" || name == "TZ" || name.starts_with("LC_");
}

// Needed to run at all, without a say in the result.
constexpr const char* kPassed[] = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LD_LIBRARY_PATH"};

std::vector<std::string> environment_of(const FileStage& stage, const CommandAttempt& attempt) {
  std::map<std::string, std::string> variables;
  for (const char* const name : kPassed) {
    if (const char* const value = variable(name)) variables[name] = value;
  }
  for (const auto& [name, value] : result_environment(stage))
    variables[name] = insert_folders_in_text(value, attempt.folders);
  variables["PENSTOCK_RUN"] = attempt.run_id;
  variables["PENSTOCK_STAGE"] = stage.name;
  if (attempt.folders.item) variables["PENSTOCK_ITEM"] = *attempt.folders.item;
  variables["PENSTOCK_ATTEMPT"] = std::to_string(attempt.number);
  std::vector<std::string> list;
  for (const auto& [name, value] : variables) list.push_back(fmt::format("{}={}", name, value));
  return list;
}

// As one word, whatever is in it.
std::string quoted_for_shell(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

Error at_command(Error error, const FileStage& stage) {
  return std::move(error).at(stage.name).at(stage.command.place.to_text());
}

/// The reading end of a pipe into a log.
class Reader {
 public:
  Status open(const std::string& path, std::uint64_t limit) {
    PENSTOCK_ASSIGN(pipe_, make_pipe("for " + path));
    ::fcntl(pipe_.reading.get(), F_SETFL, O_NONBLOCK);
    log_ = CommandLog::to(path, limit);
    return {};
  }
  int writing_end() const { return pipe_.writing.get(); }
  void close_writing_end() { pipe_.writing.close(); }
  int descriptor() const { return pipe_.reading.get(); }
  const CommandLog& log() const { return log_; }

  /// Takes what is there, at most `rounds` times a block: what writes without end must not hold us up.
  Status drain(int rounds) {
    static thread_local char block[64 * 1024];
    for (int i = 0; i < rounds && pipe_.reading.is_open(); ++i) {
      const ssize_t size = ::read(descriptor(), block, sizeof block);
      if (size > 0) {
        PENSTOCK_TRY(log_.add({block, static_cast<std::size_t>(size)}));
      } else if (size == 0 || (errno != EINTR && errno != EAGAIN)) {
        pipe_.reading.close();  // all writers have closed it
      } else if (errno == EAGAIN) {
        break;
      }
    }
    return {};
  }
  Status end() {
    constexpr int kMostRounds = 64;  // what is left in the pipe, and some more
    Status status = drain(kMostRounds);
    pipe_ = Pipe();
    const Status closed = log_.close();
    return status ? closed : status;
  }

 private:
  Pipe pipe_;
  CommandLog log_;
};

class CommandRun {
 public:
  CommandRun(const FileStage& stage, const CommandAttempt& attempt) : stage_(stage), attempt_(attempt) {}

  CommandEnd run() {
    Status started = start();
    if (!started) {
      end_.status = std::move(started);
      return std::move(end_);
    }
    Status logged = watch();
    end_.exit = child_->reap();
    for (Reader* const reader : {&out_, &err_}) {
      if (reader == &out_ && stdout_file_.is_open()) continue;
      const Status ended = reader->end();
      if (logged) logged = ended;
    }
    if (stdout_file_.is_open()) {
      const Status closed = stdout_file_.close();
      if (logged) logged = closed;
    }
    judge(std::move(logged));
    return std::move(end_);
  }

 private:
  Status start() {
    const StageCommand& command = stage_.command;
    PENSTOCK_ASSIGN(SpawnOptions options, words());
    options.env = environment_of(stage_, attempt_);
    options.folder = attempt_.folders.artifacts;
    File input;
    if (!command.stdin_path.empty()) {
      Result<File> opened = File::open(insert_folders_in_text(command.stdin_path, attempt_.folders));
      if (!opened) return at_command(std::move(opened.error()), stage_);
      input = std::move(*opened);
      options.stdin_fd = input.descriptor();
    }
    PENSTOCK_TRY(err_.open(attempt_.log_path + ".stderr.txt", command.log_limit));
    options.stderr_fd = err_.writing_end();
    if (command.stdout_path.empty()) {
      PENSTOCK_TRY(out_.open(attempt_.log_path + ".stdout.txt", command.log_limit));
      options.stdout_fd = out_.writing_end();
    } else {
      const std::string path = attempt_.folders.artifacts + "/" + command.stdout_path;
      PENSTOCK_ASSIGN(stdout_file_, File::create(path));
      options.stdout_fd = stdout_file_.descriptor();
    }
    Result<ChildProcess> child = ChildProcess::spawn(options);
    if (!child) return at_command(std::move(child.error()), stage_);
    child_.emplace(std::move(*child));
    out_.close_writing_end();
    err_.close_writing_end();
    return {};
  }

  Result<SpawnOptions> words() const {
    SpawnOptions options;
    options.program = attempt_.program;
    if (options.program.empty()) {
      PENSTOCK_ASSIGN(options.program, program_of(stage_, attempt_.folders));
    }
    StageFolders folders = attempt_.folders;
    if (stage_.command.shell) {
      options.words = {"sh", "-c"};
      if (folders.item) folders.item = quoted_for_shell(*folders.item);
    }
    for (const std::string& word : stage_.command.words) options.words.push_back(insert_folders_in_text(word, folders));
    return options;
  }

  // Reads what it prints until it has ended; first asks it to end, then makes it, when its time is over.
  // Most commands end soon and print little: so long only their end is waited for, as they close what they print to
  // before they end, and to be woken up for that costs as much as some of them take.
  Status watch() {
    if (ends_within(kSoon)) return {};
    Status status;
    while (!child_->has_ended()) {
      pollfd waits[3] = {
          {child_->exit_descriptor(), POLLIN, 0}, {out_.descriptor(), POLLIN, 0}, {err_.descriptor(), POLLIN, 0}};
      ::poll(waits, 3, patience());
      for (Reader* const reader : {&out_, &err_}) {
        constexpr int kRounds = 16;
        const Status drained = reader->drain(kRounds);
        if (!drained && status) {  // the disk is full: the command must not go on into nothing
          status = drained;
          ask_to_end();
        }
      }
      look_at_time();
    }
    return status;
  }

  static constexpr int kSoon = 2;  // ms; in that time a pipe may fill up, and then it is emptied

  bool ends_within(int milliseconds) const {
    pollfd end{child_->exit_descriptor(), POLLIN, 0};
    return end.fd >= 0 && ::poll(&end, 1, std::min(milliseconds, patience())) == 1;
  }

  // Milliseconds; short enough to see a cancel in time, and where the end cannot be waited for, that.
  int patience() const {
    constexpr int kMost = 50;
    int most = child_->exit_descriptor() >= 0 ? kMost : 2;
    const auto until = kill_at_ ? kill_at_ : attempt_.deadline;
    if (!until) return most;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, most));
  }

  void look_at_time() {
    const Clock::time_point now = Clock::now();
    if (kill_at_) {
      if (now >= *kill_at_) child_->signal_group(SIGKILL);
      return;
    }
    const bool cancelled = (attempt_.cancelled != nullptr && attempt_.cancelled->load()) ||
                           (attempt_.stop != nullptr && attempt_.stop->cancelled());
    if (cancelled) {
      end_.cancelled = true;
    } else if (attempt_.deadline && now >= *attempt_.deadline) {
      end_.timed_out = true;
    } else {
      return;
    }
    ask_to_end();
  }

  void ask_to_end() {
    if (kill_at_) return;
    // A run that is cancelled has little patience itself.
    constexpr std::chrono::milliseconds kMostWhenCancelled{500};
    const auto grace =
        end_.cancelled ? std::min(kMostWhenCancelled, stage_.command.kill_after) : stage_.command.kill_after;
    child_->signal_group(SIGTERM);
    kill_at_ = Clock::now() + grace;
  }

  void judge(Status logged) {
    if (end_.cancelled) {
      end_.status = at_command(Error(ErrorCode::kCancelled, "the command was cancelled"), stage_);
    } else if (end_.timed_out) {
      end_.status = at_command(
          Error(ErrorCode::kTimeout, fmt::format("the command did not end in time, and was ended with all that it had "
                                                 "started ({})",
                                                 end_.exit->to_text())),
          stage_);
    } else if (!logged) {
      end_.status = at_command(std::move(logged.error()), stage_);
    } else if (!end_.exit->ok()) {
      constexpr std::size_t kMostShown = 600;
      const std::string said = err_.log().tail(kMostShown);
      end_.status =
          at_command(Error(ErrorCode::kUserCode, fmt::format("the command failed with {}{}{}", end_.exit->to_text(),
                                                             said.empty() ? "" : "; it said:\n", said))
                         .hint(said.empty() ? "it wrote nothing to standard error"
                                            : fmt::format("its output is in {}.stderr.txt", attempt_.log_path)),
                     stage_);
    }
  }

  const FileStage& stage_;
  const CommandAttempt& attempt_;
  CommandEnd end_;
  Reader out_;
  Reader err_;
  File stdout_file_;
  std::optional<ChildProcess> child_;
  std::optional<Clock::time_point> kill_at_;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> result_environment(const FileStage& stage) {
  std::map<std::string, std::string> variables;
  for (const std::string_view entry : environment_in_place()) {
    const std::string_view name = entry.substr(0, entry.find('='));
    if (of_locale(name) && name.size() < entry.size()) variables[std::string(name)] = entry.substr(name.size() + 1);
  }
  for (const std::string& name : stage.command.pass_env) {
    if (const char* const value = variable(name)) variables[name] = value;
  }
  for (const auto& [name, text] : stage.command.env) variables[name] = text;
  return {variables.begin(), variables.end()};
}

Result<std::string> FoundPrograms::find(const std::string& name, const std::string& search) {
  const std::pair key(name, search);
  {
    const std::lock_guard lock(mutex_);
    const auto known = paths_.find(key);
    if (known != paths_.end()) return known->second;
  }
  PENSTOCK_ASSIGN(std::string path, find_program(name, search));
  const std::lock_guard lock(mutex_);
  return paths_[key] = std::move(path);
}

Result<std::string> program_of(const FileStage& stage, const StageFolders& folders, FoundPrograms* known) {
  if (stage.command.shell) return std::string("/bin/sh");
  std::string search = variable("PATH") != nullptr ? variable("PATH") : "/usr/local/bin:/usr/bin:/bin";
  for (const auto& [name, text] : stage.command.env) {
    if (name == "PATH") search = insert_folders_in_text(text, folders);
  }
  const std::string name = insert_folders_in_text(stage.command.words.front(), folders);
  Result<std::string> found = known != nullptr ? known->find(name, search) : find_program(name, search);
  if (!found) return at_command(std::move(found.error()), stage);
  // The command begins in another folder than this program.
  if (!found->starts_with('/')) {
    char here[PATH_MAX];
    if (::getcwd(here, sizeof here) == nullptr) return file_error(errno, "look at", "the working folder");
    *found = std::string(here) + "/" + *found;
  }
  return found;
}

bool is_named_by_placeholder(const StageCommand& command) {
  return !command.shell && command.words.front().find('{') != std::string::npos;
}

CommandEnd run_command(const FileStage& stage, const CommandAttempt& attempt) {
  return CommandRun(stage, attempt).run();
}

}  // namespace penstock
