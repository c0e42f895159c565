// SPDX-License-Identifier: MIT
#include "stream/trace_text.h"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

namespace penstock {

// Written as text at once: a tree of JSON values takes ten times the memory, and a long run has some ten thousand
// spans.
void append_trace_events(std::string& text, const Report& report, std::size_t process, double offset_micros) {
  std::vector<std::string> names;
  for (const StepReport& step : report.steps)
    names.push_back(nlohmann::json(step.name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  const auto next = [&text] {
    if (!text.empty()) text += ",\n";
    return std::back_inserter(text);
  };
  for (std::size_t s = 0; s < report.plan.segments.size(); ++s) {
    fmt::format_to(next(), R"({{"ph":"M","pid":{},"tid":{},"name":"thread_name","args":{{"name":"segment {}"}}}})",
                   process, s, s);
  }
  for (const Report::Span& span : report.trace) {
    fmt::format_to(next(), R"({{"ph":"X","pid":{},"tid":{},"name":{},"ts":{},"dur":{}}})", process, span.segment,
                   names[span.step], static_cast<double>(span.begin_ns) / 1e3 + offset_micros,
                   static_cast<double>(span.end_ns - span.begin_ns) / 1e3);
  }
}

std::string trace_of_events(const std::string& events) {
  return "{\"traceEvents\":[" + events + "],\"displayTimeUnit\":\"ms\"}\n";
}

std::string Report::trace_to_json() const {
  std::string events;
  append_trace_events(events, *this, 1, 0);
  return trace_of_events(events);
}

}  // namespace penstock
