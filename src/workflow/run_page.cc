// SPDX-License-Identifier: MIT
#include "workflow/run_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/xml_text.h"
#include "data/timestamp_text.h"
#include "platform/file.h"
#include "store/json_fields.h"
#include "stream/table.h"
#include "workflow/key_record.h"
#include "workflow/stored_json.h"

namespace penstock {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostDrawn = 300;      // stages in pictures
constexpr std::size_t kMostRows = 1000;      // of each table
constexpr std::size_t kMostLogBytes = 4096;  // of each log
constexpr std::size_t kMostLogs = 100;
constexpr std::size_t kMostText = 400;  // of one value

std::string shortened_html(std::string_view text) {
  const std::size_t end = std::min(text.size(), kMostText);
  return xml_text(text.substr(0, end)) + (end < text.size() ? "…" : "");
}

const Json& array_in(const Json& object, const char* name) {
  static const Json none = Json::array();
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_array() ? *found : none;
}

// A stage as a bar of the timeline.
struct Bar {
  std::string stage;
  std::string status;
  double begin = 0;  // seconds since the first one began
  double seconds = 0;
};

struct Timeline {
  std::vector<Bar> bars;
  double seconds = 0;
};

Timeline timeline_of(const Json& manifest) {
  Timeline timeline;
  for (const Json& stage : array_in(manifest, "stages")) {
    const std::string started = text_in(stage, "started_at");
    std::int64_t micros = 0;
    if (started.empty() || parse_timestamp(started, micros) != ParseOutcome::kOk) continue;
    timeline.bars.push_back({text_in(stage, "stage"), text_in(stage, "status"), static_cast<double>(micros) / 1e6,
                             number_in<double>(stage, "duration_seconds")});
  }
  std::stable_sort(timeline.bars.begin(), timeline.bars.end(),
                   [](const Bar& a, const Bar& b) { return a.begin < b.begin; });
  const double zero = timeline.bars.empty() ? 0 : timeline.bars.front().begin;
  for (Bar& bar : timeline.bars) {
    bar.begin -= zero;
    timeline.seconds = std::max(timeline.seconds, bar.begin + bar.seconds);
  }
  return timeline;
}

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --done: #2e9e5b; --cached: #3b82c4; --failed: #d64545; --other: #a98b2f }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100%; font-size: 13px } th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
td.n, th.n { text-align: right; white-space: nowrap } th { font-weight: 600 }
code, pre { font: 12px/1.4 ui-monospace, monospace } pre { background: var(--soft); padding: .6rem; overflow-x: auto; white-space: pre-wrap }
.wide { overflow-x: auto } .status { font-weight: 600 }
.done, .fallback { color: var(--done) } .cached { color: var(--cached) } .failed, .cancelled { color: var(--failed) } .skipped, .not_run, .drained, .lost, .running { color: var(--other) }
svg text { font: 12px system-ui, sans-serif; fill: currentColor } svg .edge { stroke: var(--line); fill: none } svg rect.node { fill: var(--soft); stroke: currentColor }
svg rect.done, svg rect.fallback { fill: var(--done) } svg rect.cached { fill: var(--cached) } svg rect.failed, svg rect.cancelled { fill: var(--failed) } svg rect.bar { fill: var(--other) }
)";

class Page {
 public:
  Page(const RunStore& store, std::string id) : store_(store), id_(std::move(id)) {}

  Result<std::string> make() {
    PENSTOCK_ASSIGN(stored_, store_.read(id_));
    PENSTOCK_ASSIGN(run_, read_json_object(store_, id_, "run.json"));
    PENSTOCK_ASSIGN(manifest_, read_json_object(store_, id_, "manifest.json"));
    metrics_ = read_json_object(store_, id_, "metrics.json").value_or(Json::object());
    for (const Json& stage : array_in(manifest_, "stages")) stages_[text_in(stage, "stage")] = &stage;
    add_head();
    add_stages();
    add_graph();
    add_timeline();
    add_operators();
    add_artifacts();
    add_logs();
    add_settings();
    html_ += "</body></html>\n";
    return std::move(html_);
  }

 private:
  // Parts that a very long page leaves out say so; every one is far below the limit by itself.
  bool has_room(std::size_t bytes) {
    const bool room = html_.size() + bytes < kMostPageBytes - 64 * 1024;
    if (!room && !cut_) html_ += "<p>The page ends here, as it would be too long.</p>\n";
    cut_ = cut_ || !room;
    return room;
  }

  void add_row(std::string row) {
    if (!cut_ && has_room(row.size())) html_ += row;
  }

  void end_table(std::size_t shown, std::size_t all, const char* where) {
    html_ += "</table></div>\n";
    if (all > shown) html_ += fmt::format("<p>{} more are in <code>{}</code>.</p>\n", all - shown, where);
  }

  static std::string status_html(const std::string& status) {
    return fmt::format("<span class=\"status {0}\">{0}</span>", xml_text(status));
  }

  void add_head() {
    html_ = fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n<title>{0} {1}</title>\n<style>{2}</style></head><body>\n"
        "<h1>{0}: {3}</h1>\n<p>Run <code>{1}</code> of <code>{4}</code>, begun {5}, took {6}.</p>\n",
        shortened_html(stored_.name), xml_text(id_), kStyle, status_html(stored_.status), shortened_html(stored_.file),
        xml_text(stored_.started_at), duration_text(stored_.duration_seconds));
    if (!stored_.resumes.empty())
      html_ += fmt::format("<p>It resumed run <code>{}</code>.</p>\n", xml_text(stored_.resumes));
    const auto error = run_.find("error");
    if (error != run_.end() && error->is_object())
      html_ += fmt::format("<pre class=\"failed\">{}</pre>\n", xml_text(text_in(*error, "text").substr(0, 4000)));
  }

  // What the run found of the stage, and where its key differs from the newest run before.
  std::string why_html(const std::string& stage) {
    const Result<KeyRecord> key = read_key(store_, id_, stage);
    if (!key) return {};
    std::string text = xml_text(key->decision);
    const EarlierKey earlier = newest_key(store_, earlier_runs(), stored_.name, stage);
    if (earlier.run_id.empty()) return text + "; no earlier run has a key of it";
    const std::vector<KeyDifference> differences = differences_of(earlier.fields, key->fields);
    if (differences.empty()) return text + fmt::format("; its key is that of run {}", earlier.run_id);
    text += fmt::format("; not as in run {}:", earlier.run_id);
    constexpr std::size_t kMostFields = 5;
    for (std::size_t i = 0; i < std::min(differences.size(), kMostFields); ++i) {
      text += fmt::format("<br><code>{}</code>: {} → {}", xml_text(differences[i].field),
                          xml_text(shown_value(differences[i].before)), xml_text(shown_value(differences[i].now)));
    }
    return text;
  }

  const std::vector<StoredRun>& earlier_runs() {
    if (!looked_) {
      looked_ = true;
      std::vector<StoredRun> runs = store_.list().value_or(std::vector<StoredRun>());
      const auto here = std::find_if(runs.begin(), runs.end(), [&](const StoredRun& run) { return run.id == id_; });
      constexpr std::ptrdiff_t kMostRuns = 20;
      if (here != runs.end())
        earlier_.assign(here + 1, here + 1 + std::min<std::ptrdiff_t>(runs.end() - here - 1, kMostRuns));
    }
    return earlier_;
  }

  void add_stages() {
    html_ +=
        "<h2>Stages</h2>\n<div class=\"wide\"><table><tr><th>stage</th><th>status</th><th class=\"n\">attempts</th>"
        "<th class=\"n\">took</th><th>reason</th><th>kept or not, and why</th></tr>\n";
    std::size_t shown = 0;
    const Json& stages = array_in(manifest_, "stages");
    for (const Json& stage : stages) {
      if (shown == kMostRows) break;
      ++shown;
      const std::string name = text_in(stage, "stage");
      std::string reason = shortened_html(text_in(stage, "reason"));
      const auto error = stage.find("error");
      if (error != stage.end() && error->is_object())
        reason += (reason.empty() ? "" : "<br>") + shortened_html(text_in(*error, "message"));
      add_row(fmt::format(
          "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>\n",
          xml_text(name), status_html(text_in(stage, "status")), number_in<std::uint64_t>(stage, "attempts"),
          stage.contains("started_at") ? duration_text(number_in<double>(stage, "duration_seconds")) : "", reason,
          why_html(name)));
    }
    end_table(shown, stages.size(), "manifest.json");
  }

  // Columns are waves.
  void add_graph() {
    const Json& graph = array_in(run_, "graph");
    if (graph.empty()) return;
    html_ += "<h2>Graph</h2>\n";
    if (graph.size() > kMostDrawn) {
      html_ += fmt::format(
          "<p>{} stages are too many for a picture; <code>penstock graph FILE</code> lists them.</p>\n", graph.size());
      return;
    }
    constexpr int kWide = 190;
    constexpr int kHigh = 34;
    std::map<std::string, std::pair<int, int>> places;
    std::map<int, int> rows;
    int most_rows = 0;
    int columns = 0;
    for (const Json& node : graph) {
      const int wave = std::max(number_in<int>(node, "wave"), 1);  // a fallback stands in the first column
      const int row = rows[wave]++;
      places[text_in(node, "stage")] = {(wave - 1) * kWide + 8, row * kHigh + 8};
      most_rows = std::max(most_rows, rows[wave]);
      columns = std::max(columns, wave);
    }
    std::string edges;
    std::string nodes;
    for (const Json& node : graph) {
      const std::string name = text_in(node, "stage");
      const auto [x, y] = places[name];
      for (const Json& need : array_in(node, "needs")) {
        const auto from = places.find(text_in(need, "stage"));
        if (from == places.end()) continue;
        const int x1 = from->second.first + 150;
        const int y1 = from->second.second + 12;
        const bool data = need.value("data", true);
        edges += fmt::format("<path class=\"edge\" d=\"M{} {} C{} {} {} {} {} {}\"{}/>\n", x1, y1, x1 + 20, y1, x - 20,
                             y + 12, x, y + 12, data ? "" : " stroke-dasharray=\"4 3\"");
      }
      const auto found = stages_.find(name);
      const std::string status = found == stages_.end() ? "not_run" : text_in(*found->second, "status");
      nodes += fmt::format(
          "<g><title>{0} ({1}): {2}</title><rect class=\"node\" x=\"{3}\" y=\"{4}\" width=\"150\" height=\"24\" "
          "rx=\"4\"/><rect class=\"bar {2}\" x=\"{3}\" y=\"{4}\" width=\"5\" height=\"24\"/><text x=\"{5}\" "
          "y=\"{6}\">{7}</text></g>\n",
          xml_text(name), xml_text(text_in(node, "kind")), xml_text(status), x, y, x + 10, y + 16,
          xml_text(name.size() > 20 ? name.substr(0, 19) + "." : name));
    }
    add_row(
        fmt::format("<div class=\"wide\"><svg width=\"{}\" height=\"{}\" role=\"img\" aria-label=\"graph of the "
                    "stages\">\n{}{}</svg></div>\n",
                    columns * kWide, most_rows * kHigh + 8, edges, nodes));
  }

  void add_timeline() {
    const Timeline timeline = timeline_of(manifest_);
    if (timeline.bars.empty()) return;
    html_ += fmt::format("<h2>Timeline</h2>\n<p>{} in all.</p>\n", duration_text(timeline.seconds));
    const std::size_t shown = std::min(timeline.bars.size(), kMostDrawn);
    constexpr double kWidth = 700;
    std::string bars;
    for (std::size_t i = 0; i < shown; ++i) {
      const Bar& bar = timeline.bars[i];
      const double scale = timeline.seconds > 0 ? kWidth / timeline.seconds : 0;
      bars += fmt::format(
          "<text x=\"0\" y=\"{}\">{}</text><rect class=\"bar {}\" x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" "
          "height=\"12\"><title>{}: {}, {} after {}</title></rect>\n",
          i * 18 + 12, xml_text(bar.stage.substr(0, 24)), xml_text(bar.status), 190 + bar.begin * scale, i * 18 + 2,
          std::max(bar.seconds * scale, 1.5), xml_text(bar.stage), xml_text(bar.status), duration_text(bar.seconds),
          duration_text(bar.begin));
    }
    add_row(fmt::format(
        "<div class=\"wide\"><svg width=\"900\" height=\"{}\" role=\"img\" aria-label=\"timeline\">\n{}</svg>"
        "</div>\n",
        shown * 18 + 8, bars));
    if (shown < timeline.bars.size())
      html_ += fmt::format("<p>{} more are in <code>trace.json</code>.</p>\n", timeline.bars.size() - shown);
  }

  void add_operators() {
    std::string rows;
    std::size_t shown = 0;
    std::size_t all = 0;
    for (const Json& stage : array_in(metrics_, "stages")) {
      const auto report = stage.find("report");
      if (report == stage.end()) continue;
      for (const Json& step : array_in(*report, "steps")) {
        if (++all > kMostRows) continue;
        ++shown;
        rows += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td>", xml_text(text_in(stage, "stage")),
                            xml_text(text_in(step, "name")), xml_text(text_in(step, "op")));
        for (const char* const count : {"records_in", "records_out", "records_rejected", "batches"})
          rows += fmt::format("<td class=\"n\">{}</td>", with_commas(number_in<std::uint64_t>(step, count)));
        for (const char* const time : {"busy_seconds", "wait_seconds", "blocked_seconds"})
          rows += fmt::format("<td class=\"n\">{}</td>", duration_text(number_in<double>(step, time)));
        rows += "</tr>\n";
      }
    }
    if (rows.empty()) return;
    html_ +=
        "<h2>Operators</h2>\n<div class=\"wide\"><table><tr><th>stage</th><th>operator</th><th>op</th><th "
        "class=\"n\">in</th>"
        "<th class=\"n\">out</th><th class=\"n\">rejected</th><th class=\"n\">batches</th><th class=\"n\">busy</th>"
        "<th class=\"n\">waiting</th><th class=\"n\">blocked</th></tr>\n";
    add_row(std::move(rows));
    end_table(shown, all, "metrics.json");
  }

  void add_artifacts() {
    html_ +=
        "<h2>Artifacts</h2>\n<div class=\"wide\"><table><tr><th>path</th><th>type</th><th class=\"n\">size</th>"
        "<th>SHA-256</th></tr>\n";
    std::size_t shown = 0;
    std::size_t all = 0;
    for (const Json& stage : array_in(manifest_, "stages")) {
      for (const Json& artifact : array_in(stage, "artifacts")) {
        if (++all > kMostRows) continue;
        ++shown;
        const std::string path = xml_text(text_in(artifact, "path"));
        add_row(fmt::format(
            "<tr><td><a href=\"./{0}\">{0}</a></td><td>{1}</td><td class=\"n\">{2}</td><td><code>{3}</code></td>"
            "</tr>\n",
            path, xml_text(text_in(artifact, "type")), bytes_text(number_in<std::uint64_t>(artifact, "size")),
            xml_text(text_in(artifact, "sha256").substr(0, 16))));
      }
    }
    end_table(shown, all, "manifest.json");
  }

  void add_logs() {
    namespace fs = std::filesystem;
    std::string logs;
    std::size_t shown = 0;
    for (const auto& [name, stage] : stages_) {
      std::vector<std::string> paths;
      std::error_code error;
      for (fs::directory_iterator it(stored_.path + "/" + name + "/logs", error), end; !error && it != end;
           it.increment(error)) {
        if (it->is_regular_file(error) && it->file_size(error) > 0) paths.push_back(it->path().string());
      }
      std::sort(paths.begin(), paths.end());
      for (const std::string& path : paths) {
        if (++shown > kMostLogs) continue;
        logs += log_html(path);
      }
    }
    if (logs.empty()) return;
    html_ += "<h2>Logs</h2>\n";
    add_row(std::move(logs));
    if (shown > kMostLogs)
      html_ += fmt::format("<p>{} more are in the folders of the stages.</p>\n", shown - kMostLogs);
  }

  std::string log_html(const std::string& path) const {
    const Result<File> file = File::open(path);
    const Result<FileStamp> stamp = stamp_of(path);
    if (!file || !stamp) return {};
    const auto size = static_cast<std::uint64_t>(stamp->size_bytes);
    const std::uint64_t from = size > kMostLogBytes ? size - kMostLogBytes : 0;
    std::string text(static_cast<std::size_t>(size - from), '\0');
    const Result<std::size_t> read = file->read_at(text.data(), text.size(), from);
    text.resize(read ? *read : 0);
    const std::string name = path.substr(stored_.path.size() + 1);
    return fmt::format("<details><summary><a href=\"./{0}\">{0}</a>, {1}</summary><pre>{2}{3}</pre></details>\n",
                       xml_text(name), bytes_text(size), from > 0 ? "…" : "", xml_text(valid_text(text)));
  }

  // JSON knows how to make valid UTF-8 of any bytes.
  static std::string valid_text(const std::string& bytes) {
    return Json::parse(Json(bytes).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
  }

  void add_settings() {
    html_ += "<h2>Settings</h2>\n<div class=\"wide\"><table>\n";
    const auto row = [&](const std::string& name, const Json& value) {
      add_row(fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", xml_text(name),
                          shortened_html(value.is_string() ? value.get<std::string>() : value.dump())));
    };
    for (const char* const table : {"params", "settings", "machine"}) {
      const auto found = run_.find(table);
      if (found == run_.end() || !found->is_object()) continue;
      for (const auto& [name, value] : found->items()) row(fmt::format("{}.{}", table, name), value);
    }
    for (const char* const name : {"program", "command", "folder"}) {
      if (run_.contains(name)) row(name, run_[name]);
    }
    html_ += "</table></div>\n";
  }

  const RunStore& store_;
  const std::string id_;
  StoredRun stored_;
  Json run_;
  Json manifest_;
  Json metrics_;
  std::map<std::string, const Json*> stages_;
  std::vector<StoredRun> earlier_;
  bool looked_ = false;
  bool cut_ = false;
  std::string html_;
};

}  // namespace

Result<std::string> run_page(const RunStore& store, const std::string& run_id) { return Page(store, run_id).make(); }

Result<std::string> run_timeline(const RunStore& store, const std::string& run_id, std::size_t columns) {
  PENSTOCK_ASSIGN(const Json manifest, read_json_object(store, run_id, "manifest.json"));
  const Timeline timeline = timeline_of(manifest);
  if (timeline.bars.empty()) return std::string();
  std::size_t name = 0;
  std::size_t status = 0;
  for (const Bar& bar : timeline.bars) {
    name = std::max(name, std::min<std::size_t>(bar.stage.size(), 30));
    status = std::max(status, bar.status.size());
  }
  constexpr std::size_t kTime = 12;
  constexpr std::size_t kLeast = 10;
  const std::size_t taken = name + status + kTime + 6;
  const std::size_t width = columns > taken + kLeast ? columns - taken : kLeast;
  std::string text;
  for (const Bar& bar : timeline.bars) {
    const double scale = timeline.seconds > 0 ? static_cast<double>(width) / timeline.seconds : 0;
    const std::size_t begin = std::min(static_cast<std::size_t>(bar.begin * scale), width - 1);
    const std::size_t length =
        std::clamp<std::size_t>(static_cast<std::size_t>(bar.seconds * scale + 0.5), 1, width - begin);
    text += fmt::format("{:<{}}  {:<{}} |{}{}{}| {}\n", bar.stage.substr(0, name), name, bar.status, status,
                        std::string(begin, ' '), std::string(length, bar.status == "cached" ? '-' : '='),
                        std::string(width - begin - length, ' '), duration_text(bar.seconds));
  }
  return text;
}

}  // namespace penstock
