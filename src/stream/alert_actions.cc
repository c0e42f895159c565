// SPDX-License-Identifier: MIT
#include "stream/alert_actions.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "platform/http_post.h"
#include "platform/machine.h"
#include "platform/process.h"
#include "store/json_fields.h"
#include "stream/table.h"

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds kLook{50};  // how often it looks whether all is to be dropped

std::vector<std::string> environment_with(const std::string& alert, const std::string& event, const std::string& json) {
  std::vector<std::string> variables = environment();
  std::erase_if(variables, [](const std::string& variable) { return variable.starts_with("PENSTOCK_ALERT"); });
  variables.push_back("PENSTOCK_ALERT=" + alert);
  variables.push_back("PENSTOCK_ALERT_EVENT=" + event);
  variables.push_back("PENSTOCK_ALERT_JSON=" + json);
  return variables;
}

Status run_alert_command(const AlertRule& rule, const std::string& event, const std::string& json,
                         const std::atomic<bool>& stop) {
  SpawnOptions options;
  PENSTOCK_ASSIGN(options.program, program_of_alert(rule));
  options.words = rule.command;
  options.env = environment_with(rule.name, event, json);
  PENSTOCK_ASSIGN(ChildProcess child, ChildProcess::spawn(options));
  const Clock::time_point deadline = Clock::now() + rule.timeout;
  while (!child.has_ended()) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now());
    if (left.count() <= 0 || stop) {
      child.signal_group(SIGKILL);
      child.reap();
      if (stop) return Error(ErrorCode::kCancelled, "the run was over before it had ended");
      return Error(ErrorCode::kTimeout, fmt::format("it did not end within {}",
                                                    duration_text(static_cast<double>(rule.timeout.count()) / 1e3)));
    }
    // Where the end cannot be waited for it looks more often.
    const Milliseconds most = child.exit_descriptor() >= 0 ? kLook : Milliseconds(2);
    pollfd ended = {child.exit_descriptor(), POLLIN, 0};
    ::poll(&ended, 1, static_cast<int>(std::min(left, most).count()));
  }
  const ExitStatus exit = child.reap();
  if (exit.ok()) return {};
  return Error(ErrorCode::kUserCode, "it ended with " + exit.to_text());
}

}  // namespace

Result<std::string> program_of_alert(const AlertRule& rule) { return find_program(rule.command.front()); }

std::string event_json(const AlertRule& rule, const AlertEvent& event, const std::string& pipeline) {
  nlohmann::ordered_json json = {{"version", 1},
                                 {"pipeline", pipeline},
                                 {"alert", event.alert},
                                 {"event", event.fired ? "fired" : "cleared"},
                                 {"when", rule.when},
                                 {"host", this_machine().host},
                                 {"seconds", event.seconds}};
  json["values"] = nlohmann::ordered_json::object();
  for (const auto& [metric, value] : event.values) json["values"][metric] = value;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

AlertActions::~AlertActions() {
  stop_ = true;
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void AlertActions::take(const AlertRule& rule, const AlertEvent& event, std::size_t number) {
  if (rule.command.empty() && rule.webhook.empty()) return;
  Work work{rule, number, event.fired ? "fired" : "cleared", event_json(rule, event, pipeline_)};
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMostWaiting) {
      const std::string dropped = fmt::format("dropped: {} actions waited already", kMostWaiting);
      if (!rule.command.empty()) done_.push_back({number, {"command", dropped}});
      if (!rule.webhook.empty()) done_.push_back({number, {"webhook", dropped}});
      return;
    }
    try {
      if (!thread_.joinable()) thread_ = std::thread([this] { this->work(); });
    } catch (const std::system_error& error) {
      const std::string why = std::string("there is no thread for it: ") + error.what();
      if (!rule.command.empty()) done_.push_back({number, {"command", why}});
      if (!rule.webhook.empty()) done_.push_back({number, {"webhook", why}});
      return;
    }
    waiting_.push_back(std::move(work));
    left_ = std::max(left_, rule.timeout);
  }
  changed_.notify_all();
}

void AlertActions::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return end_ || !waiting_.empty(); });
    if (end_) return;
    const Work work = std::move(waiting_.front());
    waiting_.pop_front();
    busy_ = true;
    lock.unlock();
    do_actions(work);
    lock.lock();
    busy_ = false;
    if (waiting_.empty()) left_ = Milliseconds(0);
    changed_.notify_all();
  }
}

void AlertActions::do_actions(const Work& work) {
  if (!work.rule.command.empty())
    note(work.number, "command", run_alert_command(work.rule, work.event, work.json, stop_));
  if (!work.rule.webhook.empty())
    note(work.number, "webhook", post_json(work.rule.webhook, work.json, work.rule.timeout, stop_));
}

void AlertActions::note(std::size_t number, std::string kind, const Status& status) {
  const std::lock_guard lock(mutex_);
  done_.push_back({number, {std::move(kind), status ? std::string() : status.error().message()}});
}

std::vector<AlertActions::Done> AlertActions::finish(const StopSignal* stop) {
  std::unique_lock lock(mutex_);
  constexpr Milliseconds kGrace{1000};  // so that an action whose time is over can say so itself
  const Clock::time_point deadline = Clock::now() + left_ + kGrace;
  const auto all_done = [this] { return waiting_.empty() && !busy_; };
  while (!changed_.wait_for(lock, kLook, all_done)) {
    if (Clock::now() < deadline && (stop == nullptr || !stop->cancelled())) continue;
    for (const Work& work : waiting_) {
      const std::string dropped = "dropped: the run was over";
      if (!work.rule.command.empty()) done_.push_back({work.number, {"command", dropped}});
      if (!work.rule.webhook.empty()) done_.push_back({work.number, {"webhook", dropped}});
    }
    waiting_.clear();
    stop_ = true;  // what is under way notes by itself that it was ended
    changed_.wait(lock, all_done);
    break;
  }
  return std::move(done_);
}

}  // namespace penstock
