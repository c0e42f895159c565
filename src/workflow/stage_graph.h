// SPDX-License-Identifier: MIT
// Who needs whom among the stages of a file.
#pragma once

#include <penstock/pipeline_file.h>

#include <cstddef>
#include <string>
#include <vector>

namespace penstock {

/// The stages of a file as a graph without cycles; indices are those of `PipelineFile::stages`.
struct StageGraph {
  struct Edge {
    std::size_t stage = 0;  ///< Who is needed.
    bool data = false;      ///< It makes what is read; otherwise it must only have ended.
    bool optional = false;  ///< What it makes may be missing.
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::vector<std::vector<Edge>> needs;              ///< By stage; each needed stage once.
  std::vector<std::vector<std::size_t>> dependents;  ///< By stage.
  std::vector<std::size_t> fallback;                 ///< By stage: its fallback, or kNone.
  std::vector<std::size_t> fallback_of;              ///< By stage: whose fallback it is, or kNone.
  std::vector<std::size_t> runs_with;  ///< By stage: the one that runs for both, as it takes its stream, or kNone.
  std::vector<std::vector<std::size_t>> waves;  ///< Topological levels; without fallbacks. `finally` stages come last.
  /// Whether the schedule calls it: no other stage has it done, as its fallback or together with itself.
  bool is_called(std::size_t stage) const { return fallback_of[stage] == kNone && runs_with[stage] == kNone; }
  /// `from` and everything that needs it, as a mark per stage.
  std::vector<bool> downstream_of(std::size_t from) const;
};

/// Builds and checks the graph. Errors at the place of the reference: kInvalidArgument for cycles (with the way round),
/// for outputs that nobody declares, for a fallback that cannot be one, for resources that there are not.
Result<StageGraph> make_stage_graph(const PipelineFile& file);

/// "command", "function" or "pipeline".
const char* kind_of(const FileStage& stage) noexcept;

/// The graph as lines of text, in the DOT language of Graphviz, or as a Mermaid flowchart.
std::string graph_to_text(const PipelineFile& file, const StageGraph& graph);
std::string graph_to_dot(const PipelineFile& file, const StageGraph& graph);
std::string graph_to_mermaid(const PipelineFile& file, const StageGraph& graph);

}  // namespace penstock
