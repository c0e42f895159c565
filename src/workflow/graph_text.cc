// SPDX-License-Identifier: MIT
// The graph of a file for people: lines, DOT, Mermaid.
#include <fmt/format.h>

#include "workflow/stage_graph.h"

namespace penstock {
namespace {

std::string needs_text(const PipelineFile& file, const StageGraph& graph, std::size_t stage) {
  std::string data;
  std::string order;
  for (const StageGraph::Edge& edge : graph.needs[stage]) {
    std::string& list = edge.data ? data : order;
    list += (list.empty() ? "" : ", ") + file.stages[edge.stage].name + (edge.optional ? " (optional)" : "");
  }
  return (data.empty() ? "" : " <- " + data) + (order.empty() ? "" : "  after " + order);
}

std::string notes_text(const PipelineFile& file, const StageGraph& graph, std::size_t i) {
  const FileStage& stage = file.stages[i];
  std::string text;
  if (stage.for_each) text += "  for each of a list";
  if (!stage.when.empty()) text += fmt::format("  when {}", stage.when);
  if (graph.fallback[i] != StageGraph::kNone) text += fmt::format("  or else {}", stage.fallback);
  if (stage.last) text += "  finally";
  return text;
}

// Quotes for DOT and Mermaid alike; stage names need none, file paths may.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"') {
      out += "'";
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      out += c == '\\' ? '/' : c;
    }
  }
  return out;
}

}  // namespace

const char* kind_of(const FileStage& stage) noexcept {
  return stage.is_command() ? "command" : stage.function != nullptr ? "function" : "pipeline";
}

std::string graph_to_text(const PipelineFile& file, const StageGraph& graph) {
  std::string text;
  for (std::size_t wave = 0; wave < graph.waves.size(); ++wave) {
    text += fmt::format("wave {}\n", wave + 1);
    for (const std::size_t i : graph.waves[wave]) {
      text += fmt::format("  {} ({}){}{}\n", file.stages[i].name, kind_of(file.stages[i]), needs_text(file, graph, i),
                          notes_text(file, graph, i));
    }
  }
  return text;
}

std::string graph_to_dot(const PipelineFile& file, const StageGraph& graph) {
  std::string text = fmt::format("digraph \"{}\" {{\n  rankdir = LR;\n  node [shape = box];\n", escaped(file.name));
  for (std::size_t i = 0; i < file.stages.size(); ++i) {
    text += fmt::format("  \"{}\" [{}];\n", file.stages[i].name,
                        file.stages[i].is_command() ? "shape = box" : "shape = box, style = rounded");
  }
  for (std::size_t i = 0; i < file.stages.size(); ++i) {
    for (const StageGraph::Edge& edge : graph.needs[i]) {
      text += fmt::format("  \"{}\" -> \"{}\"{};\n", file.stages[edge.stage].name, file.stages[i].name,
                          edge.data ? "" : " [style = dashed]");
    }
    if (graph.fallback[i] != StageGraph::kNone) {
      text += fmt::format("  \"{}\" -> \"{}\" [style = dotted, label = \"or else\"];\n", file.stages[i].name,
                          file.stages[i].fallback);
    }
  }
  return text + "}\n";
}

std::string graph_to_mermaid(const PipelineFile& file, const StageGraph& graph) {
  std::string text = "flowchart LR\n";
  for (std::size_t i = 0; i < file.stages.size(); ++i) {
    const std::string& name = file.stages[i].name;
    text += file.stages[i].is_command() ? fmt::format("  s{}[\"{}\"]\n", i, name)
                                        : fmt::format("  s{}([\"{}\"])\n", i, name);
  }
  for (std::size_t i = 0; i < file.stages.size(); ++i) {
    for (const StageGraph::Edge& edge : graph.needs[i])
      text += fmt::format("  s{} {} s{}\n", edge.stage, edge.data ? "-->" : "-.->", i);
    if (graph.fallback[i] != StageGraph::kNone) text += fmt::format("  s{} -. or else .-> s{}\n", i, graph.fallback[i]);
  }
  return text;
}

}  // namespace penstock
