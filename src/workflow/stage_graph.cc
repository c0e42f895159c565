// SPDX-License-Identifier: MIT
#include "workflow/stage_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/nearest_name.h"
#include "platform/file.h"
#include "stream/output_paths.h"
#include "workflow/stage_keys.h"
#include "workflow/stage_paths.h"
#include "workflow/stage_streams.h"
#include "workflow/when.h"

namespace penstock {
namespace {

// Stands for the folder of a run; no path of a file can be below it by accident.
constexpr const char* kRunFolder = "/\x01run";

class GraphBuilder {
 public:
  explicit GraphBuilder(const PipelineFile& file) : file_(file) {
    const std::size_t count = file.stages.size();
    for (std::size_t i = 0; i < count; ++i) index_.emplace(file.stages[i].name, i);
    graph_.needs.resize(count);
    graph_.dependents.resize(count);
    graph_.fallback.assign(count, StageGraph::kNone);
    graph_.fallback_of.assign(count, StageGraph::kNone);
    graph_.runs_with.assign(count, StageGraph::kNone);
  }

  Result<StageGraph> build() {
    for (std::size_t i = 0; i < file_.stages.size(); ++i) PENSTOCK_TRY(check_names(i));
    PENSTOCK_TRY(add_fallbacks());
    PENSTOCK_TRY(add_streams());
    for (std::size_t i = 0; i < file_.stages.size(); ++i) PENSTOCK_TRY(add_edges(i));
    if (file_.stages.size() > 1) PENSTOCK_TRY(add_edges_of_files());
    share_needs_of_fallbacks();
    PENSTOCK_TRY(check_cycles());
    for (std::size_t i = 0; i < file_.stages.size(); ++i) {
      for (const StageGraph::Edge& edge : graph_.needs[i]) graph_.dependents[edge.stage].push_back(i);
    }
    PENSTOCK_TRY(check_resources());
    for (const FileStage& stage : file_.stages) PENSTOCK_TRY(check_when(stage, file_.params));
    make_waves();
    return std::move(graph_);
  }

 private:
  const FileStage& stage(std::size_t i) const { return file_.stages[i]; }

  // Of a file all names are right, or it would not have been read; a workflow in C++ is checked here.
  Status check_names(std::size_t i) const {
    const FileStage& each = stage(i);
    if (!is_stage_name(each.name)) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" cannot name a stage", each.name))
          .at(each.place.to_text())
          .hint("a name has up to 100 letters, digits, '_' and '-'");
    }
    if (index_.at(each.name) != i) {
      return Error(ErrorCode::kAlreadyExists, fmt::format("there is a stage \"{}\" already", each.name))
          .at(each.place.to_text());
    }
    for (const StageInput& input : each.inputs) PENSTOCK_TRY(check_known(input.stage, each, input.place));
    if (each.for_each) PENSTOCK_TRY(check_known(each.for_each->from.stage, each, each.for_each->place));
    for (const auto& [name, place] : each.after) PENSTOCK_TRY(check_known(name, each, place));
    PENSTOCK_TRY(check_known(each.fallback, each, each.fallback_place));
    for (const StageArgument& argument : each.arguments) {
      const bool known = argument.param.empty() ||
                         std::any_of(file_.params.begin(), file_.params.end(),
                                     [&](const OptionValue::Entry& param) { return param.name == argument.param; });
      if (!known)
        return Error(ErrorCode::kNotFound, fmt::format("unknown parameter: \"{}\"", argument.param)).at(each.name);
    }
    return {};
  }

  Status check_known(const std::string& name, const FileStage& by, const Place& place) const {
    if (name.empty() || index_.contains(name)) return {};
    std::vector<std::string> known;
    for (const FileStage& each : file_.stages) {
      if (&each != &by) known.push_back(each.name);
    }
    return Error(ErrorCode::kNotFound, fmt::format("unknown stage: \"{}\"", name))
        .at(by.name)
        .at(place.to_text())
        .hint(suggest_name(name, known));
  }

  Status add_fallbacks() {
    for (std::size_t i = 0; i < file_.stages.size(); ++i) {
      const std::string& name = stage(i).fallback;
      if (name.empty()) continue;
      const std::size_t other = index_.at(name);
      std::string fault;
      if (graph_.fallback_of[other] != StageGraph::kNone) {
        fault = fmt::format("it is the fallback of \"{}\"", stage(graph_.fallback_of[other]).name);
      } else if (!stage(other).when.empty() || stage(other).last || stage(other).for_each) {
        fault = "a fallback has none of when, finally and for_each";
      } else {
        fault = missing_output(stage(i), stage(other));
      }
      if (!fault.empty()) {
        return Error(ErrorCode::kInvalidArgument,
                     fmt::format("stage \"{}\" cannot be the fallback of \"{}\": {}", name, stage(i).name, fault))
            .at(stage(i).fallback_place.to_text());
      }
      graph_.fallback[i] = other;
      graph_.fallback_of[other] = i;
    }
    return {};
  }

  // Who takes a stream runs for the whole chain of those before it.
  Status add_streams() {
    for (std::size_t i = 0; i < file_.stages.size(); ++i) {
      const auto maker = index_.find(stage(i).stream_from);
      const bool joined = maker != index_.end() && stage(maker->second).streams_to == stage(i).name;
      if (!stage(i).stream_from.empty() && !joined) {
        std::vector<FileStage> stages = file_.stages;
        PENSTOCK_TRY(join_streams(stages));  // says what is wrong
        return Error(ErrorCode::kInvalidArgument, fmt::format("the stream into \"{}\" was not joined", stage(i).name))
            .at(stage(i).name)
            .hint("add its stages by Workflow::add");
      }
      if (stage(i).streams_to.empty()) continue;
      std::size_t last = i;
      while (!stage(last).streams_to.empty()) last = index_.at(stage(last).streams_to);
      graph_.runs_with[i] = last;
      if (graph_.fallback_of[i] == StageGraph::kNone) continue;
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("stage \"{}\" hands on a stream and cannot be a fallback", stage(i).name))
          .at(stage(i).place.to_text());
    }
    return {};
  }

  static std::string missing_output(const FileStage& of, const FileStage& fallback) {
    for (const StageOutput& output : of.outputs) {
      const bool there = std::any_of(fallback.outputs.begin(), fallback.outputs.end(),
                                     [&](const StageOutput& other) { return other.path == output.path; });
      if (!there && fallback.is_command()) return fmt::format("it does not make {}", output.path);
    }
    return {};
  }

  void add(std::size_t from, StageGraph::Edge edge) {
    for (StageGraph::Edge& known : graph_.needs[from]) {
      if (known.stage != edge.stage) continue;
      known.optional = known.data && edge.data ? known.optional && edge.optional
                       : known.data            ? known.optional
                                               : edge.optional;
      known.data = known.data || edge.data;
      return;
    }
    graph_.needs[from].push_back(edge);
    places_[{from, edge.stage}] = place_;
  }

  Status add_reference(std::size_t from, const std::string& name, const Place& place, StageGraph::Edge edge) {
    edge.stage = index_.at(name);
    place_ = place;
    if (graph_.runs_with[edge.stage] != StageGraph::kNone) {
      if (edge.data) {
        return Error(ErrorCode::kInvalidArgument,
                     fmt::format("stage \"{}\" hands its records to \"{}\" as a stream and keeps no artifacts", name,
                                 stage(edge.stage).streams_to))
            .at(place.to_text())
            .hint(fmt::format("end it with an operator that writes, or read what \"{}\" writes",
                              stage(edge.stage).streams_to));
      }
      edge.stage = graph_.runs_with[edge.stage];  // it has ended when that has
    }
    if (edge.stage == from) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("stage \"{}\" cannot need itself", name))
          .at(place.to_text());
    }
    if (graph_.fallback_of[edge.stage] != StageGraph::kNone) {
      const std::string& of = stage(graph_.fallback_of[edge.stage]).name;
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("stage \"{}\" runs only as the fallback of \"{}\"", name, of))
          .at(place.to_text())
          .hint(fmt::format("refer to \"{}\", whose artifacts are then those of its fallback", of));
    }
    if (stage(edge.stage).last && !stage(from).last) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("stage \"{}\" runs behind all others, so \"{}\" cannot need it", name, stage(from).name))
          .at(place.to_text());
    }
    add(from, edge);
    return {};
  }

  Status add_edges(std::size_t from) {
    for (const StageInput& input : stage(from).inputs) {
      if (input.stage.empty()) continue;
      PENSTOCK_TRY(add_reference(from, input.stage, input.place, {0, true, input.optional}));
      PENSTOCK_TRY(check_declared(stage(index_.at(input.stage)), input));
    }
    if (const auto& items = stage(from).for_each; items && !items->from.stage.empty()) {
      PENSTOCK_TRY(add_reference(from, items->from.stage, items->place, {0, true, false}));
      PENSTOCK_TRY(check_declared(stage(index_.at(items->from.stage)), items->from));
    }
    for (const auto& [name, place] : stage(from).after) PENSTOCK_TRY(add_reference(from, name, place, {}));
    return {};
  }

  // A reference to a file that no run can make is refused before anything runs.
  static Status check_declared(const FileStage& maker, const StageInput& input) {
    if (input.path.empty() && (!maker.is_command() || !maker.outputs.empty())) return {};
    if (const std::string fault = input.path.empty() ? std::string() : fault_of_artifact_path(input.path);
        !fault.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{} cannot be an artifact of \"{}\": {}", input.path, maker.name, fault))
          .at(input.place.to_text());
    }
    if (maker.for_each && !input.path.empty() && maker.fan == nullptr) {
      return Error(
                 ErrorCode::kInvalidArgument,
                 fmt::format("stage \"{}\" is done for each of a list, so {} is not one file", maker.name, input.path))
          .at(input.place.to_text())
          .hint(fmt::format("{}.artifacts has a folder for each item, in the order of the list: 00000, 00001 ...",
                            maker.name));
    }
    if (!maker.is_command()) return {};
    std::vector<std::string> known;
    for (const StageOutput& output : maker.outputs) {
      const bool inside = output.folder && input.path.starts_with(output.path + "/");
      if (output.path == input.path || inside || output.path.starts_with(input.path + "/")) return {};
      known.push_back(output.path);
    }
    return Error(ErrorCode::kNotFound, known.empty()
                                           ? fmt::format("stage \"{}\" declares no outputs", maker.name)
                                           : fmt::format("stage \"{}\" declares no output {}", maker.name, input.path))
        .at(input.place.to_text())
        .hint(known.empty() ? fmt::format("add outputs = [\"PATH\"] to stage \"{}\"", maker.name)
                            : suggest_name(input.path, known));
  }

  // A pipeline may write a file outside of the run's folder, which a later stage reads.
  Status add_edges_of_files() {
    std::map<std::string, std::size_t> writers;
    for (std::size_t i = 0; i < file_.stages.size(); ++i) {
      if (stage(i).is_command() || stage(i).function != nullptr) continue;
      const Pipeline pipeline = make_pipeline(file_, stage(i), kRunFolder);
      for (const OutputPath& output : output_paths(pipeline, options_of_stage(file_, stage(i), kRunFolder))) {
        if (output.path.starts_with(kRunFolder) || is_device(output.path)) continue;
        const auto [known, added] = writers.emplace(canonical_path(output.path), i);
        if (added || known->second == i) continue;
        return Error(ErrorCode::kInvalidArgument, fmt::format("{} is an output of stage \"{}\" and of stage \"{}\"",
                                                              output.path, stage(known->second).name, stage(i).name))
            .at(output.place.to_text())
            .hint("give each its own path");
      }
    }
    if (writers.empty()) return {};
    for (std::size_t i = 0; i < file_.stages.size(); ++i) {
      for (const std::string& path : files_read_by(file_, stage(i), kRunFolder)) {
        const auto writer = writers.find(canonical_path(path));
        if (writer == writers.end() || writer->second == i) continue;
        PENSTOCK_TRY(add_reference(i, stage(writer->second).name, stage(i).place, {0, true, false}));
      }
    }
    return {};
  }

  // A fallback begins when its stage has failed, so all that it needs must have ended by then.
  void share_needs_of_fallbacks() {
    for (std::size_t i = 0; i < file_.stages.size(); ++i) {
      if (graph_.fallback[i] == StageGraph::kNone) continue;
      for (StageGraph::Edge edge : graph_.needs[graph_.fallback[i]]) {
        edge.data = false;
        place_ = stage(i).fallback_place;
        add(i, edge);
      }
    }
  }

  Status check_cycles() {
    std::vector<char> state(file_.stages.size(), 0);  // 1: on the way, 2: done
    std::vector<std::pair<std::size_t, std::size_t>> way;
    for (std::size_t start = 0; start < file_.stages.size(); ++start) {
      if (state[start] != 0) continue;
      way.assign(1, {start, 0});
      state[start] = 1;
      while (!way.empty()) {
        auto& [at, next] = way.back();
        if (next == graph_.needs[at].size()) {
          state[at] = 2;
          way.pop_back();
          continue;
        }
        const std::size_t needed = graph_.needs[at][next++].stage;
        if (state[needed] == 1) return cycle(way, needed);
        if (state[needed] == 2) continue;
        state[needed] = 1;
        way.emplace_back(needed, 0);
      }
    }
    return {};
  }

  Error cycle(const std::vector<std::pair<std::size_t, std::size_t>>& way, std::size_t to) const {
    std::string round;
    auto at = std::find_if(way.begin(), way.end(), [&](const auto& each) { return each.first == to; });
    for (; at != way.end(); ++at) round += stage(at->first).name + " -> ";
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("stages need each other in a circle: {}{}", round, stage(to).name))
        .at(places_.at({way.back().first, to}).to_text())
        .hint("each must need only stages that can run before it");
  }

  Status check_resources() const {
    for (const FileStage& each : file_.stages) {
      for (const OptionValue::Entry& wanted : each.resources) {
        const OptionValue* there = nullptr;
        std::vector<std::string> known;
        for (const OptionValue::Entry& entry : file_.workflow.resources) {
          known.push_back(entry.name);
          if (entry.name == wanted.name) there = &entry.value;
        }
        if (there == nullptr) {
          return Error(ErrorCode::kInvalidArgument, fmt::format("unknown resource: \"{}\"", wanted.name))
              .at(wanted.value.place.to_text())
              .hint(known.empty() ? "[run] says how much there is: resources = { gpu = 1 }"
                                  : suggest_name(wanted.name, known));
        }
        if (*wanted.value.as_integer() <= *there->as_integer()) continue;
        return Error(ErrorCode::kInvalidArgument,
                     fmt::format("stage \"{}\" needs {} of \"{}\", but there are {}", each.name,
                                 *wanted.value.as_integer(), wanted.name, *there->as_integer()))
            .at(wanted.value.place.to_text());
      }
    }
    return {};
  }

  void make_waves() {
    std::vector<std::size_t> level(file_.stages.size(), 0);
    std::vector<std::size_t> open(file_.stages.size());
    std::vector<std::size_t> ready;
    std::size_t deepest = 0;
    for (std::size_t i = 0; i < open.size(); ++i) {
      open[i] = graph_.needs[i].size();
      if (open[i] == 0) ready.push_back(i);
    }
    for (std::size_t k = 0; k < ready.size(); ++k) {
      const std::size_t i = ready[k];
      if (!stage(i).last) deepest = std::max(deepest, level[i]);
      for (const std::size_t dependent : graph_.dependents[i]) {
        level[dependent] = std::max(level[dependent], level[i] + 1);
        if (--open[dependent] == 0) ready.push_back(dependent);
      }
    }
    std::map<std::size_t, std::vector<std::size_t>> waves;
    for (std::size_t i = 0; i < file_.stages.size(); ++i) {
      if (graph_.fallback_of[i] != StageGraph::kNone) continue;
      if (graph_.runs_with[i] != StageGraph::kNone) {
        const std::size_t runner = graph_.runs_with[i];
        waves[stage(runner).last ? deepest + 1 + level[runner] : level[runner]].push_back(i);
        continue;
      }
      waves[stage(i).last ? deepest + 1 + level[i] : level[i]].push_back(i);
    }
    for (auto& [at, stages] : waves) graph_.waves.push_back(std::move(stages));
  }

  const PipelineFile& file_;
  StageGraph graph_;
  std::map<std::string, std::size_t> index_;
  std::map<std::pair<std::size_t, std::size_t>, Place> places_;
  Place place_;
};

}  // namespace

Result<StageGraph> make_stage_graph(const PipelineFile& file) { return GraphBuilder(file).build(); }

std::vector<bool> StageGraph::downstream_of(std::size_t from) const {
  std::vector<bool> marked(needs.size(), false);
  std::vector<std::size_t> open = {runs_with[from] != kNone ? runs_with[from] : from};
  while (!open.empty()) {
    const std::size_t stage = open.back();
    open.pop_back();
    if (marked[stage]) continue;
    marked[stage] = true;
    open.insert(open.end(), dependents[stage].begin(), dependents[stage].end());
    if (fallback[stage] != kNone) open.push_back(fallback[stage]);
  }
  return marked;
}

}  // namespace penstock
