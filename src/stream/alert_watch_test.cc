// SPDX-License-Identifier: MIT
// When alerts fire and when they are over, with a clock that the test sets.
#include "stream/alert_watch.h"

#include <gmock/gmock.h>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_text;
using ::testing::HasSubstr;
using ::testing::Pair;
using namespace std::chrono_literals;

// Hands a rule samples of one metric, a second apart, and notes what it says: '.' nothing, 'F' fires, 'C' is over.
std::string course(const AlertRule& rule, double MetricValues::* metric, const std::vector<double>& samples) {
  AlertWatch watch = AlertWatch::make(rule).value();
  std::string text;
  std::int64_t now = 1'000'000'000;
  for (const double sample : samples) {
    MetricValues values;
    values.*metric = sample;
    const std::optional<AlertEvent> event = watch.look(values, metric_row(values), now);
    text += !event ? '.' : event->fired ? 'F' : 'C';
    now += 1'000'000'000;
  }
  return text;
}

TEST(AlertWatch, FiresOnceWhenTheConditionHolds) {
  const AlertRule rule{.name = "hot", .when = "cpu_usage > 90"};
  EXPECT_EQ(course(rule, &MetricValues::cpu_usage, {10, 90, 91, 99, 95}), "..F..");
}

TEST(AlertWatch, IsOverWhenItDoesNotHoldAndMayFireAgain) {
  const AlertRule rule{.name = "hot", .when = "cpu_usage > 90"};
  EXPECT_EQ(course(rule, &MetricValues::cpu_usage, {91, 90, 10, 91, 10}), "FC.FC");
}

TEST(AlertWatch, WaitsUntilItHasHeldForItsTime) {
  const AlertRule rule{.name = "full", .when = "queue >= 100", .hold = 3s, .clear_hold = 0s};
  EXPECT_EQ(course(rule, &MetricValues::queue, {100, 100, 100, 100, 100, 0}), "...F.C");
}

TEST(AlertWatch, BeginsAnewAfterASampleInWhichItDoesNotHold) {
  const AlertRule rule{.name = "full", .when = "queue >= 100", .hold = 2s};
  EXPECT_EQ(course(rule, &MetricValues::queue, {100, 100, 50, 100, 100, 100}), ".....F");
}

TEST(AlertWatch, IsOverAfterTheSameTimeUnlessAnotherIsGiven) {
  AlertRule rule{.name = "full", .when = "queue >= 100", .hold = 2s};
  EXPECT_EQ(course(rule, &MetricValues::queue, {100, 100, 100, 0, 0, 0}), "..F..C");
  rule.clear_hold = 1s;
  EXPECT_EQ(course(rule, &MetricValues::queue, {100, 100, 100, 0, 0, 0}), "..F.C.");
}

TEST(AlertWatch, WithALowerLimitDoesNotFlutterAroundTheUpperOne) {
  const AlertRule rule{.name = "hot", .when = "cpu_usage > 90", .clear = "cpu_usage < 80"};
  EXPECT_EQ(course(rule, &MetricValues::cpu_usage, {91, 85, 91, 85, 79, 85, 91}), "F...C.F");
}

TEST(AlertWatch, SaysTheValuesThatItsConditionLooksAt) {
  AlertWatch watch = AlertWatch::make({.name = "x", .when = "cpu_usage < 50 and throughput < 1000"}).value();
  MetricValues values{.cpu_usage = 12.5, .throughput = 999, .seconds = 3.25};
  const std::optional<AlertEvent> event = watch.look(values, metric_row(values), 0);
  ASSERT_TRUE(event);
  EXPECT_THAT(event->values, ElementsAre(Pair("cpu_usage", 12.5), Pair("throughput", 999)));
  EXPECT_EQ(event->to_text(), "alert \"x\" fired after 3.25 s: cpu_usage = 12.5, throughput = 999");
}

TEST(AlertWatch, DoesNotHoldWhereItCannotBeComputed) {
  const AlertRule rule{.name = "x", .when = "int64(errors) / int64(records) > 1"};
  EXPECT_EQ(course(rule, &MetricValues::errors, {5}), ".");
}

TEST(CheckAlert, KnowsEveryMetricOfTheDocumentation) {
  for (const AlertMetric& metric : alert_metrics())
    EXPECT_TRUE(check_alert({.name = "x", .when = std::string(metric.name) + " > 1"})) << metric.name;
  EXPECT_EQ(alert_metrics().size(), MetricValues::kCount);
}

TEST(CheckAlert, NamesTheFieldAndWhatIsAllowed) {
  const auto fault = [](const AlertRule& rule) { return error_text(check_alert(rule)); };
  EXPECT_THAT(fault({.name = "x", .when = "cpu > 90"}), AllOf(HasSubstr("when"), HasSubstr("cpu_usage")));
  EXPECT_THAT(fault({.name = "x", .when = "cpu_usage > 90", .clear = "cpu_usage < 'a'"}), HasSubstr("clear"));
  EXPECT_THAT(fault({.name = "x", .when = "cpu_usage"}), HasSubstr("must be true or false"));
  EXPECT_THAT(fault({.name = "x"}), HasSubstr("has no condition"));
  EXPECT_THAT(fault({.when = "cpu_usage > 90"}), HasSubstr("needs a name"));
  EXPECT_THAT(fault({.name = "x", .when = "errors > 0", .webhook = "ftp://x"}),
              HasSubstr("a webhook begins with http:// or https://, but is \"ftp://x\""));
  EXPECT_THAT(fault({.name = "x", .when = "errors > 0", .timeout = 0s}), HasSubstr("timeout"));
  EXPECT_THAT(fault({.name = "x", .when = "errors > 0", .command = {"no_such_program_at_all"}}),
              AllOf(HasSubstr("command"), HasSubstr("no_such_program_at_all")));
}

}  // namespace
}  // namespace penstock
