// SPDX-License-Identifier: MIT
#include "stream/alert_watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "platform/http_post.h"
#include "stream/alert_actions.h"
#include "stream/table.h"

namespace penstock {

const std::vector<AlertMetric>& alert_metrics() {
  static const std::vector<AlertMetric> metrics = {
      {"cpu_usage", "processor time of the program and its worker processes, in percent of the cores that it may use"},
      {"memory", "resident memory of the program and its worker processes, in percent of what it may use"},
      {"memory_bytes", "the same in bytes"},
      {"in_flight_bytes", "bytes of records in flight"},
      {"throughput", "records per second that the sources read since the sample before"},
      {"records", "records that the sources have read"},
      {"errors", "records that were rejected"},
      {"queue", "batches in the fullest channel, in percent of its depth; 0 without channels"},
      {"blocked",
       "part of the time since the sample before that the operator which waited most waited for the next one to take "
       "its output, in percent"},
      {"seconds", "time since the start"}};
  return metrics;
}

namespace {

const SchemaPtr& metric_schema() {
  static const SchemaPtr schema = [] {
    std::vector<Field> fields;
    for (const AlertMetric& metric : alert_metrics()) fields.push_back({std::string(metric.name), Type::kFloat64});
    return *make_schema(std::move(fields));
  }();
  return schema;
}

Result<Expression> compile_alert(std::string_view field, const std::string& text) {
  Result<Expression> compiled = Expression::compile(text, metric_schema());
  if (!compiled) return std::move(compiled).error().at(std::string(field));
  if (compiled->type() == Type::kBool) return compiled;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("a condition must be true or false, but \"{}\" is a number", text))
      .at(std::string(field))
      .hint("compare it with a limit, for instance cpu_usage > 90");
}

std::int64_t nanoseconds(std::chrono::milliseconds time) { return std::chrono::nanoseconds(time).count(); }

Error wrong_field(std::string_view field, std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message)).at(std::string(field));
}

Status check_webhook(const std::string& url) {
  if (url.empty()) return {};
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!url.starts_with(scheme) || url.size() == scheme.size()) continue;
    Status there = http_is_there();
    return there ? there : std::move(there).error().at("webhook");
  }
  return wrong_field("webhook", fmt::format("a webhook begins with http:// or https://, but is \"{}\"", url));
}

}  // namespace

Status check_alert(const AlertRule& rule) {
  if (rule.when.empty()) {
    return wrong_field("when", "an alert has no condition without \"when\"")
        .hint("for instance when = \"cpu_usage > 90\"");
  }
  if (rule.name.empty()) return wrong_field("name", "an alert needs a name");
  PENSTOCK_TRY(AlertWatch::make(rule));
  if (rule.hold.count() < 0) return wrong_field("for", "a time is not negative");
  if (rule.timeout.count() <= 0) return wrong_field("timeout", "a timeout is more than 0");
  if (!rule.command.empty()) {
    if (Result<std::string> program = program_of_alert(rule); !program) return std::move(program).error().at("command");
  }
  return check_webhook(rule.webhook);
}

RecordBatch metric_row(const MetricValues& values) {
  RecordBatchBuilder builder(metric_schema(), BufferPool::shared());
  const auto list = values.list();
  for (std::size_t i = 0; i < list.size(); ++i) builder.column(i).append_float64(list[i]);
  return builder.finish();
}

Result<AlertWatch> AlertWatch::make(const AlertRule& rule) {
  PENSTOCK_ASSIGN(Expression when, compile_alert("when", rule.when));
  std::optional<Expression> clear;
  if (!rule.clear.empty()) {
    PENSTOCK_ASSIGN(clear, compile_alert("clear", rule.clear));
  }
  return AlertWatch(rule, std::move(when), std::move(clear));
}

AlertWatch::AlertWatch(const AlertRule& rule, Expression when, std::optional<Expression> clear)
    : name_(rule.name),
      when_(std::move(when)),
      clear_(std::move(clear)),
      hold_ns_(nanoseconds(rule.hold)),
      clear_hold_ns_(nanoseconds(rule.clear_hold.count() < 0 ? rule.hold : rule.clear_hold)) {}

bool AlertWatch::holds(const Expression& condition, const RecordBatch& row) {
  RowFailures failures;
  condition.select(row, BufferPool::shared(), rows_, failures);
  return !rows_.empty();
}

std::optional<AlertEvent> AlertWatch::look(const MetricValues& values, const RecordBatch& row, std::int64_t now_ns) {
  const Expression& looked_at = fired_ && clear_ ? *clear_ : when_;
  const bool wanted = !(fired_ && !clear_);  // without `clear` it is over when `when` does not hold
  if (holds(looked_at, row) != wanted) {
    since_ns_.reset();
    return std::nullopt;
  }
  if (!since_ns_) since_ns_ = now_ns;
  if (now_ns - *since_ns_ < (fired_ ? clear_hold_ns_ : hold_ns_)) return std::nullopt;
  fired_ = !fired_;
  since_ns_.reset();
  AlertEvent event{.alert = name_, .fired = fired_, .seconds = values.seconds};
  for (const std::size_t column : looked_at.columns())
    event.values.emplace_back(alert_metrics()[column].name, values.list()[column]);
  return event;
}

std::string AlertEvent::to_text() const {
  std::string text =
      fmt::format("alert \"{}\" {} after {}", alert, fired ? "fired" : "is over", duration_text(seconds));
  for (std::size_t i = 0; i < values.size(); ++i)
    text += fmt::format("{} {} = {:.6g}", i == 0 ? ":" : ",", values[i].first, values[i].second);
  return text;
}

}  // namespace penstock
