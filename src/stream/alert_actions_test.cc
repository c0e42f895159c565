// SPDX-License-Identifier: MIT
// Commands and webhooks of alerts: what they get, that they never hold anybody up, and what becomes of those that hang.
#include "stream/alert_actions.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::read_text;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

AlertRule shell(const std::string& script, std::chrono::milliseconds timeout = 60s) {
  return {.name = "hot \"one\"", .when = "cpu_usage > 90", .command = {"sh", "-c", script}, .timeout = timeout};
}

const AlertEvent kFired{.alert = "hot \"one\"", .fired = true, .seconds = 1.5, .values = {{"cpu_usage", 97.5}}};

std::vector<std::string> failures(std::vector<AlertActions::Done> done) {
  std::vector<std::string> texts;
  for (const AlertActions::Done& each : done) texts.push_back(each.action.failure);
  return texts;
}

TEST(AlertActions, RunTheCommandWithTheEvent) {
  const TemporaryFolder folder;
  AlertActions actions("orders");
  const std::string to = folder.file("said");
  actions.take(
      shell("printf '%s|%s|%s' \"$PENSTOCK_ALERT\" \"$PENSTOCK_ALERT_EVENT\" \"$PENSTOCK_ALERT_JSON\" > " + to), kFired,
      7);
  const std::vector<AlertActions::Done> done = actions.finish(nullptr);
  ASSERT_THAT(done, SizeIs(1));
  EXPECT_EQ(done[0].event, 7U);
  EXPECT_EQ(done[0].action.kind, "command");
  EXPECT_EQ(done[0].action.failure, "");
  const std::string said = read_text(to);
  const std::string begin = "hot \"one\"|fired|";
  ASSERT_THAT(said, StartsWith(begin));
  const auto json = nlohmann::json::parse(said.substr(begin.size()));
  EXPECT_EQ(json["pipeline"], "orders");
  EXPECT_EQ(json["alert"], "hot \"one\"");
  EXPECT_EQ(json["event"], "fired");
  EXPECT_EQ(json["when"], "cpu_usage > 90");
  EXPECT_EQ(json["values"]["cpu_usage"], 97.5);
}

TEST(AlertActions, SayHowACommandFailed) {
  AlertActions actions("orders");
  actions.take(shell("exit 3"), kFired, 0);
  actions.take({.name = "x", .command = {"/no/such/program"}}, kFired, 1);
  EXPECT_THAT(failures(actions.finish(nullptr)),
              ElementsAre("it ended with exit code 3", HasSubstr("/no/such/program")));
}

TEST(AlertActions, EndACommandWhoseTimeIsOverWithAllThatItStarted) {
  AlertActions actions("orders");
  actions.take(shell("sleep 1000 & sleep 1000", 20ms), kFired, 0);
  EXPECT_THAT(failures(actions.finish(nullptr)), ElementsAre("it did not end within 20.0 ms"));
}

TEST(AlertActions, AreDroppedWhenTooManyWait) {
  AlertActions actions("orders");
  // One is at work, and as many as may wait; the last is one too many, and perhaps the one before it.
  constexpr std::size_t kTaken = AlertActions::kMostWaiting + 2;
  for (std::size_t i = 0; i < kTaken; ++i) actions.take(shell("sleep 1000"), kFired, i);
  StopSignal stop;
  stop.request(StopSignal::State::kCancel);
  const std::vector<std::string> texts = failures(actions.finish(&stop));
  EXPECT_THAT(texts, SizeIs(kTaken));
  EXPECT_THAT(texts, Contains(HasSubstr("dropped: 16 actions waited already")));
}

TEST(AlertActions, DoNotOutliveARunThatIsCancelled) {
  AlertActions actions("orders");
  actions.take(shell("sleep 1000"), kFired, 0);
  actions.take(shell("sleep 1000"), kFired, 1);
  StopSignal stop;
  stop.request(StopSignal::State::kCancel);
  const std::vector<std::string> texts = failures(actions.finish(&stop));
  ASSERT_THAT(texts, SizeIs(2));
  for (const std::string& text : texts) EXPECT_THAT(text, HasSubstr("the run was over"));
}

TEST(AlertActions, AreDroppedWithTheirOwner) {
  AlertActions actions("orders");
  actions.take(shell("sleep 1000"), kFired, 0);
}

TEST(AlertActions, AreNoneForARuleThatHasNone) {
  AlertActions actions("orders");
  actions.take({.name = "x"}, kFired, 0);
  EXPECT_THAT(actions.finish(nullptr), IsEmpty());
}

}  // namespace
}  // namespace penstock
