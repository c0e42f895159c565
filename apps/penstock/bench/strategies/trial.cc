// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/trial.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>

#include "apps/penstock/bench/strategies/counters.h"
#include "platform/clock.h"
#include "platform/descriptor.h"
#include "store/json_fields.h"

namespace penstock::app::bench {
namespace {

using Json = nlohmann::ordered_json;
using Clock = Answer::Clock;

constexpr std::uint64_t kKiB = 1024;  // the unit of ru_maxrss

rusage usage_of(int who) {
  rusage usage = {};
  ::getrusage(who, &usage);
  return usage;
}

std::uint32_t worker_processes_in(const Plan& plan) {
  std::uint32_t sum = 0;
  for (const PlanSegment& segment : plan.segments) sum += segment.worker == "process" ? segment.workers : 0;
  return sum;
}

std::vector<StepTimes> step_times(const Report& report) {
  std::vector<StepTimes> steps;
  for (const StepReport& step : report.steps) {
    steps.push_back({step.name, step.batches, step.busy_seconds, step.wait_seconds, step.blocked_seconds, step.fused});
  }
  return steps;
}

// ---- In the process of the run

Status run_job(const Job& job, const JobInput& input, const Contender& contender, Answer& answer, Sample& sample) {
  if (contender.is_naive()) return job.naive(input, answer);
  const RunOutcome outcome = job.pipeline(input, answer).run_to_outcome(contender.options());
  sample.steps = step_times(outcome.report);
  sample.worker_processes = worker_processes_in(outcome.report.plan);
  return outcome.status;
}

Result<Sample> measure(const Job& job, const JobInput& input, const Contender& contender) {
  Answer answer;
  Sample sample;
  const Counters counters = Counters::start();
  const rusage before = usage_of(RUSAGE_SELF);
  const Clock::time_point begin = Clock::now();
  PENSTOCK_TRY(run_job(job, input, contender, answer, sample));
  sample.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const rusage after = usage_of(RUSAGE_SELF);
  const rusage of_workers = usage_of(RUSAGE_CHILDREN);
  sample.cpu_seconds =
      cpu_seconds(after) - cpu_seconds(before) + cpu_seconds(of_workers);  // workers have ended with the run
  sample.first_seconds = answer.first_seconds(begin);
  sample.digest = answer.digest();
  sample.memory_before_bytes = static_cast<std::uint64_t>(before.ru_maxrss) * kKiB;
  sample.memory_bytes = (static_cast<std::uint64_t>(after.ru_maxrss) +
                         static_cast<std::uint64_t>(of_workers.ru_maxrss) * sample.worker_processes) *
                        kKiB;
  sample.counters = counters.read();
  sample.counters_missing = counters.missing();
  sample.counters["page_faults"] = static_cast<double>(after.ru_minflt - before.ru_minflt + of_workers.ru_minflt);
  sample.counters["context_switches"] =
      static_cast<double>(after.ru_nvcsw - before.ru_nvcsw + after.ru_nivcsw - before.ru_nivcsw + of_workers.ru_nvcsw +
                          of_workers.ru_nivcsw);
  return sample;
}

Json sample_to_json(const Sample& sample) {
  Json steps = Json::array();
  for (const StepTimes& step : sample.steps) {
    steps.push_back({step.name, step.batches, step.busy_seconds, step.wait_seconds, step.blocked_seconds, step.fused});
  }
  return {{"seconds", sample.seconds},
          {"cpu_seconds", sample.cpu_seconds},
          {"first_seconds", sample.first_seconds},
          {"memory_bytes", sample.memory_bytes},
          {"memory_before_bytes", sample.memory_before_bytes},
          {"worker_processes", sample.worker_processes},
          {"digest", sample.digest},
          {"steps", std::move(steps)},
          {"counters", sample.counters},
          {"counters_missing", sample.counters_missing}};
}

[[noreturn]] void work_and_tell(const Job& job, const JobInput& input, const Contender& contender, int pipe) {
  Json told;
  try {
    const Result<Sample> sample = measure(job, input, contender);
    told = sample ? sample_to_json(*sample) : Json{{"error", sample.error().to_text()}};
  } catch (const std::exception& error) {  // of the naive program, which is plain C++
    told = Json{{"error", error.what()}};
  }
  const std::string text = told.dump(-1, ' ', false, Json::error_handler_t::replace);
  ::_exit(write_all(pipe, text) ? 0 : 1);
}

// ---- In the process that waits

Sample sample_from(const Json& told) {
  Sample sample;
  sample.seconds = told.at("seconds");
  sample.cpu_seconds = told.at("cpu_seconds");
  sample.first_seconds = told.at("first_seconds");
  sample.memory_bytes = told.at("memory_bytes");
  sample.memory_before_bytes = told.at("memory_before_bytes");
  sample.worker_processes = told.at("worker_processes");
  sample.digest = told.at("digest");
  for (const Json& step : told.at("steps")) {
    sample.steps.push_back({step.at(0), step.at(1), step.at(2), step.at(3), step.at(4), step.at(5)});
  }
  for (const auto& [name, value] : told.at("counters").items()) sample.counters[name] = value;
  sample.counters_missing = told.at("counters_missing");
  return sample;
}

Error failed_run(const Job& job, const Contender& contender, const std::string& why) {
  return Error(ErrorCode::kInternal, fmt::format("the job \"{}\" failed under {}: {}", job.name, contender.name, why));
}

// Ends the child and all that it started, whatever the way out.
class Child {
 public:
  explicit Child(pid_t number) : number_(number) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (reaped_) return;
    ::kill(-number_, SIGKILL);
    ::kill(number_, SIGKILL);  // when it has not yet made its group
    reap();
  }
  int reap() {
    if (!reaped_) uninterrupted([this] { return ::waitpid(number_, &status_, 0); });
    reaped_ = true;
    return status_;
  }

 private:
  const pid_t number_;
  int status_ = 0;
  bool reaped_ = false;
};

}  // namespace

RunOptions Contender::options() const {
  RunOptions options;
  options.strategy = {name, workers};
  options.batch_size = batch_size;
  options.queue_depth = queue_depth;
  return options;
}

Result<Sample> run_trial(const Job& job, const JobInput& input, const Contender& contender, Interrupts& interrupts) {
  PENSTOCK_TRY(interrupts.check());
  PENSTOCK_ASSIGN(Pipe pipe, make_pipe("to a run"));
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t number = ::fork();
  if (number < 0) return Error(ErrorCode::kResourceExhausted, fmt::format("cannot fork: {}", std::strerror(errno)));
  if (number == 0) {
    ::setpgid(0, 0);  // Ctrl-C reaches the parent alone, which ends the group
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    interrupts.forget();
    pipe.reading.close();
    work_and_tell(job, input, contender, pipe.writing.get());
  }
  Child child(number);
  pipe.writing.close();
  PENSTOCK_ASSIGN(const std::string text, interrupts.read_all(pipe.reading.get()));
  const int status = child.reap();
  const Json told = Json::parse(text, nullptr, false);
  if (told.is_object() && told.contains("error")) return failed_run(job, contender, text_in(told, "error"));
  if (told.is_object()) return sample_from(told);
  return failed_run(job, contender,
                    WIFSIGNALED(status) ? fmt::format("killed by {}", ::strsignal(WTERMSIG(status)))
                                        : fmt::format("its process ended with code {}", WEXITSTATUS(status)));
}

}  // namespace penstock::app::bench
