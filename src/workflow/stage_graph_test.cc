// SPDX-License-Identifier: MIT
#include "workflow/stage_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "workflow/when.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

PipelineFile file_of(std::string_view text) { return parse_pipeline_file(text, "w.toml").value(); }

std::string error_of(std::string_view text) {
  const auto file = parse_pipeline_file(text, "w.toml");
  return file ? "no error" : file.error().to_text();
}

std::string stage(std::string_view name, std::string_view keys = "") {
  return "[[stage]]\nname = \"" + std::string(name) + "\"\ncommand = [\"true\"]\n" + std::string(keys);
}

TEST(StageKeys, ReadsACommandWithAllThatBelongsToIt) {
  const PipelineFile file = file_of(R"([run]
max_parallel = 3
on_failure = "continue"
resources = { gpu = 2, memory = "2GiB" }
[params]
level = 7
[[stage]]
name = "make"
command = ["gzip", "-{params.level}", "{inputs.data}", "{outputs.packed}"]
inputs = { data = "a.csv", extra = { from = "b.csv", optional = true } }
outputs = { packed = "a.csv.gz", parts = "parts/" }
stdout = "list.txt"
env = { LEVEL = 3, NAME = "x" }
pass_env = ["HOME"]
retry = { max_attempts = 3, backoff = "constant", delay = "10ms", jitter = 0, retry_on = ["timeout", "exit:75"] }
timeout = "5s"
resources = { gpu = 1, memory = "1GiB" }
version = "1.2"
code = "declared"
)");
  EXPECT_EQ(file.workflow.max_parallel, 3U);
  EXPECT_EQ(file.workflow.on_failure, OnFailure::kContinue);
  const FileStage& made = file.stages.at(0);
  EXPECT_THAT(made.command.words, ElementsAre("gzip", "-7", "{inputs.data}", "{artifacts}/a.csv.gz"));
  ASSERT_EQ(made.inputs.size(), 2U);
  EXPECT_EQ(made.inputs[0].path, "a.csv");
  EXPECT_TRUE(made.inputs[1].optional);
  ASSERT_EQ(made.outputs.size(), 3U);
  EXPECT_EQ(made.outputs[0].path, "a.csv.gz");
  EXPECT_TRUE(made.outputs[1].folder);
  EXPECT_EQ(made.command.stdout_path, "list.txt");
  EXPECT_THAT(made.command.env, ElementsAre(std::pair("LEVEL", "3"), std::pair("NAME", "x")));
  EXPECT_EQ(made.retry.max_attempts, 3U);
  EXPECT_FALSE(made.retry.exponential);
  EXPECT_THAT(made.retry.retry_on, ElementsAre("timeout", "exit:75"));
  EXPECT_EQ(made.timeout, std::chrono::seconds(5));
  EXPECT_EQ(*made.resources.at(1).value.as_integer(), std::int64_t{1} << 30);
  EXPECT_TRUE(made.cache);
  EXPECT_TRUE(made.code_declared);
}

TEST(StageKeys, AFileOfOperatorsAloneIsNotCached) {
  EXPECT_FALSE(file_of("[[operator]]\nop = \"csv.read\"\npath = \"a\"\n").stages[0].cache);
}

TEST(StageGraph, ReferencesAreEdgesAndWavesFollow) {
  const PipelineFile file =
      file_of(stage("last", "inputs = { l = \"left.artifacts\", r = \"right.outputs.out\" }\n") +
              stage("left", "outputs = [\"l\"]\ninputs = { s = \"first.output\" }\n") +
              "[[stage]]\nname = \"right\"\ncommand = [\"cat\", \"{first.artifacts}/f\"]\noutputs = { out = \"r\" }\n" +
              stage("first", "outputs = [\"f\"]\n") + stage("tidy", "finally = true\n"));
  const StageGraph graph = make_stage_graph(file).value();
  EXPECT_THAT(graph.waves, ElementsAre(ElementsAre(3), ElementsAre(1, 2), ElementsAre(0), ElementsAre(4)));
  EXPECT_EQ(graph.needs[0].size(), 2U);
  EXPECT_THAT(graph.dependents[3], ElementsAre(1, 2));
  EXPECT_THAT(graph.downstream_of(1), ElementsAre(true, true, false, false, false));
}

TEST(StageGraph, AFileThatOneStageWritesAndAnotherReadsIsAnEdge) {
  const PipelineFile file =
      file_of(stage("read", "inputs = { x = \"./between.csv\" }\n") +
              "[[stage]]\nname = \"write\"\n[[stage.operator]]\nop = \"csv.read\"\npath = \"in.csv\"\n"
              "[[stage.operator]]\nop = \"csv.write\"\npath = \"between.csv\"\n");
  const StageGraph graph = make_stage_graph(file).value();
  ASSERT_EQ(graph.needs[0].size(), 1U);
  EXPECT_EQ(graph.needs[0][0].stage, 1U);
}

TEST(StageGraph, SaysWhatIsWrongAndWhere) {
  const std::pair<std::string, std::string> cases[] = {
      {stage("a", "after = [\"b\"]\n") + stage("b", "after = [\"a\"]\n"),
       "w.toml:8:10: stages need each other in a circle: a -> b -> a\n  try: each must need only stages that can run "
       "before "
       "it"},
      {stage("a", "after = [\"a\"]\n"), "w.toml:4:10: unknown stage: \"a\""},
      {stage("a") + stage("a"), "w.toml:5:8: there is a stage \"a\" already"},
      {stage("a", "after = \"bb\"\n") + stage("bbb"),
       "w.toml:4:9: unknown stage: \"bb\"\n  try: did you mean \"bbb\"?"},
      {stage("a", "inputs = { x = \"b.artifacts\" }\n"),
       "w.toml:4:16: unknown stage: \"b\"\n  try: there is no other stage"},
      {stage("a", "inputs = { x = \"b.artifacts\" }\n") + stage("b"),
       "w.toml:4:16: stage \"b\" declares no outputs\n  try: add outputs = [\"PATH\"] to stage \"b\""},
      {stage("a", "inputs = { x = \"{b.artifacts}/tabel.csv\" }\n") + stage("b", "outputs = [\"table.csv\"]\n"),
       "w.toml:4:16: stage \"b\" declares no output tabel.csv\n  try: did you mean \"table.csv\"?"},
      {stage("a", "inputs = { x = \"b.outputs.tabel\" }\n") + stage("b", "outputs = { table = \"t\" }\n"),
       "w.toml:4:16: stage \"b\" declares no output named \"tabel\"\n  try: did you mean \"table\"?"},
      {stage("a", "inputs = { x = \"{b.artifacts}/../../run.json\" }\n") + stage("b", "outputs = [\"t\"]\n"),
       "w.toml:4:16: ../../run.json cannot be an artifact of \"b\": it leads out with \"..\""},
      {stage("a", "outputs = [\"../x\"]\n"), "w.toml:4:12: \"../x\" cannot be an output: it leads out with \"..\""},
      {stage("a", "outputs = [\"/x\"]\n"), "w.toml:4:12: \"/x\" cannot be an output: it is absolute"},
      {stage("a", "outputs = [\"x/.y\"]\n"),
       "w.toml:4:12: \"x/.y\" cannot be an output: hidden names are kept for temporary files"},
      {stage("a", "outputs = [\"x\", \"x/y\"]\n"), "w.toml:4:17: outputs x and x/y collide"},
      {stage("a", "fallback = \"b\"\noutputs = [\"x\"]\n") + stage("b"),
       "w.toml:4:12: stage \"b\" cannot be the fallback of \"a\": it does not make x"},
      {stage("a", "fallback = \"b\"\n") + stage("b") + stage("c", "after = [\"b\"]\n"),
       "w.toml:11:10: stage \"b\" runs only as the fallback of \"a\"\n  try: refer to \"a\", whose artifacts are then "
       "those of "
       "its fallback"},
      {stage("a", "finally = true\n") + stage("b", "after = [\"a\"]\n"),
       "w.toml:8:10: stage \"a\" runs behind all others, so \"b\" cannot need it"},
      {stage("a", "resources = { gpu = 1 }\n"),
       "w.toml:4:21: unknown resource: \"gpu\"\n  try: [run] says how much there is: resources = { gpu = 1 }"},
      {"[run]\nresources = { gpu = 1 }\n" + stage("a", "resources = { gpu = 2 }\n"),
       "w.toml:6:21: stage \"a\" needs 2 of \"gpu\", but there are 1"},
      {stage("a", "when = \"params.x\"\n"), "w.toml:4:8/when: "},
      {"[params]\nx = 1\n" + stage("a", "when = \"params.x\"\n"),
       "w.toml:6:8: when must be true or false, but \"params.x\" is not"},
      {stage("a", "retry = { max_attempt = 2 }\n"),
       "w.toml:4:25: unknown key \"max_attempt\" in retry\n  try: did you mean \"max_attempts\"?"},
      {stage("a", "retry = { retry_on = \"timout\" }\n"),
       "w.toml:4:22: unknown cause in retry_on: \"timout\"\n  try: did you mean \"timeout\"?"},
      {stage("a", "shell = true\n") + "", "no error"},
      {"[[stage]]\nname = \"a\"\nshell = true\ncommand = [\"a\", \"b\"]\n",
       "w.toml:4:1: with shell = true the command is one text"},
      {"[[stage]]\nname = \"a\"\ntimeout = 3\n[[stage.operator]]\nop = \"csv.read\"\npath = \"x\"\n",
       "w.toml:3:1: \"timeout\" is a key of commands; the stage has no command"},
      {"[[stage]]\nname = \"a\"\ncommand = [\"cat\", \"{inputs.y}\"]\ninputs = { x = \"f\" }\n",
       "w.toml:3:19: unknown input: {inputs.y}"},
      {"[[stage]]\nname = \"inputs\"\n", "w.toml:2:8: name must be up to 100 letters"},
      {"[[stage]]\nname = \"a\"\ncommand = []\n", "w.toml:3:11: command must be a list of words"},
  };
  for (const auto& [text, expected] : cases) EXPECT_THAT(error_of(text), HasSubstr(expected)) << text;
}

TEST(StageGraph, IsShownAsTextDotAndMermaid) {
  const PipelineFile file =
      file_of(stage("a", "outputs = [\"x\"]\nfallback = \"f\"\n") + stage("f", "outputs = [\"x\"]\n") +
              stage("b", "inputs = { x = \"a.artifacts\" }\n") + stage("c", "after = [\"b\"]\n"));
  const StageGraph graph = make_stage_graph(file).value();
  EXPECT_EQ(graph_to_text(file, graph),
            "wave 1\n  a (command)  or else f\nwave 2\n  b (command) <- a\nwave 3\n  c (command)  after b\n");
  EXPECT_THAT(graph_to_dot(file, graph), HasSubstr("  \"a\" -> \"b\";\n  \"b\" -> \"c\" [style = dashed];\n"));
  EXPECT_THAT(graph_to_mermaid(file, graph), HasSubstr("  s0 --> s2\n  s2 -.-> s3\n"));
}

TEST(When, IsAnExpressionOverTheParameters) {
  const auto runs = [](std::string_view when) {
    const PipelineFile file = file_of("[params]\nreport = true\ncountry = \"DE\"\nlimit = 3\n" +
                                      stage("a", "when = \"" + std::string(when) + "\"\n"));
    return holds(file.stages[0], file.params).value();
  };
  EXPECT_TRUE(runs("params.report"));
  EXPECT_FALSE(runs("not params.report"));
  EXPECT_TRUE(runs("params.country = 'DE' and params.limit > 2"));
  EXPECT_FALSE(runs("params.country = 'params.country'"));
}

}  // namespace
}  // namespace penstock
