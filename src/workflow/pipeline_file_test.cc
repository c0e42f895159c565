// SPDX-License-Identifier: MIT

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/pipeline_file.h>

#include "workflow/run_settings.h"
#include "workflow/toml_text.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Operators of their own, so that these tests say nothing about the real ones.
class Passing : public Operator {
 public:
  Result<StreamType> bind(const StreamType& input) override { return input; }
  Status process(Batch batch, Emitter& out) override {
    out.emit(std::move(batch));
    return {};
  }
};

Result<std::unique_ptr<Operator>> make_passing(const Options&) { return std::make_unique<Passing>(); }

void add_test_operators() {
  static const bool added = [] {
    OperatorInfo read;
    read.name = "test.read";
    read.role = OperatorInfo::Role::kSource;
    read.options = {{.name = "path", .kind = OptionKind::kText, .doc = "", .required = true},
                    {.name = "rows", .kind = OptionKind::kInteger, .doc = ""}};
    read.make = make_passing;
    Registry::global().add(read).value();
    OperatorInfo set;
    set.name = "test.set";
    set.options = {{.name = "set", .kind = OptionKind::kExpressions, .doc = ""},
                   {.name = "by", .kind = OptionKind::kTexts, .doc = ""}};
    set.make = make_passing;
    Registry::global().add(set).value();
    return true;
  }();
  ASSERT_TRUE(added);
}

class PipelineFileTest : public ::testing::Test {
 protected:
  void SetUp() override { add_test_operators(); }

  static std::string error_of(std::string_view text, const ParamOverrides& overrides = {}) {
    const auto file = parse_pipeline_file(text, "a.toml", overrides);
    return file ? "no error" : file.error().to_text();
  }
};

constexpr std::string_view kRead = "[[operator]]\nop = \"test.read\"\npath = \"x\"\n";

TEST_F(PipelineFileTest, OperatorsAloneAreAStageNamedAfterTheFile) {
  const PipelineFile file = parse_pipeline_file(kRead, "some/orders.v2.toml").value();
  EXPECT_EQ(file.name, "orders_v2");
  ASSERT_EQ(file.stages.size(), 1U);
  EXPECT_EQ(file.stages[0].name, "orders_v2");
  ASSERT_EQ(file.stages[0].steps.size(), 1U);
  EXPECT_EQ(file.stages[0].steps[0].op, "test.read");
  EXPECT_EQ(*file.stages[0].steps[0].options.find("path")->as_text(), "x");
}

TEST_F(PipelineFileTest, KeepsWhereEveryValueStands) {
  const PipelineFile file = parse_pipeline_file(kRead, "a.toml").value();
  EXPECT_EQ(file.stages[0].steps[0].options.find("path")->place.to_text(), "a.toml:3:8");
  EXPECT_EQ(file.stages[0].steps[0].options.origin.to_text(), "a.toml:1:1");
}

TEST_F(PipelineFileTest, KeepsTablesInTheOrderInWhichTheyWereWritten) {
  const std::string text =
      std::string(kRead) + "[[operator]]\nop = \"test.set\"\nset = { z = \"1\", a = \"2\", m = \"3\" }\n";
  const PipelineFile file = parse_pipeline_file(text, "a.toml").value();
  std::vector<std::string> names;
  for (const auto& entry : *file.stages[0].steps[1].options.find("set")->as_table()) names.push_back(entry.name);
  EXPECT_THAT(names, ElementsAre("z", "a", "m"));
}

TEST_F(PipelineFileTest, AnOperatorReadsFromTheOneBeforeUnlessItSaysOtherwise) {
  const std::string text = std::string(kRead) +
                           "name = \"in\"\n"
                           "[[operator]]\nop = \"test.set\"\n"
                           "[[operator]]\nop = \"test.set\"\ninput = \"in\"\nname = \"other\"\n"
                           "[[operator]]\nop = \"test.set\"\ninput = \"test.set\"\n";
  const PipelineFile file = parse_pipeline_file(text, "a.toml").value();
  const auto& steps = file.stages[0].steps;
  EXPECT_EQ(steps[0].input, Pipeline::kNone);
  EXPECT_EQ(steps[1].input, 0U);
  EXPECT_EQ(steps[2].input, 0U);
  EXPECT_EQ(steps[3].input, 1U);
}

TEST_F(PipelineFileTest, GeneralKeysAreNotOptions) {
  const std::string text =
      std::string(kRead) + "on_error = { action = \"skip\", max_attempts = 3 }\ntimeout = \"1.5s\"\nlight = true\n";
  const PipelineFile file = parse_pipeline_file(text, "a.toml").value();
  const FileStep& step = file.stages[0].steps[0];
  EXPECT_EQ(step.on_error.action, ErrorPolicy::Action::kSkip);
  EXPECT_EQ(step.on_error.max_attempts, 3U);
  EXPECT_EQ(step.timeout, std::chrono::milliseconds(1500));
  EXPECT_TRUE(step.light);
  EXPECT_EQ(step.options.entries().size(), 1U);
}

TEST_F(PipelineFileTest, ReadsTheSettingsOfTheRun) {
  const std::string text =
      "[run]\nstrategy = \"threads\"\nworkers = 3\nbatch_size = 10_000\nqueue_depth = 5\nmemory_limit = \"512MiB\"\n"
      "timeout = \"5m\"\nmax_errors = 7\nmetrics = false\ntrace = false\n" +
      std::string(kRead);
  const RunOptions run = parse_pipeline_file(text, "a.toml").value().run;
  EXPECT_EQ(run.strategy.name, "threads");
  EXPECT_EQ(run.strategy.workers, 3U);
  EXPECT_EQ(run.batch_size, 10'000U);
  EXPECT_EQ(run.queue_depth, 5U);
  EXPECT_EQ(run.memory_limit, 512U << 20);
  EXPECT_EQ(run.timeout, std::chrono::minutes(5));
  EXPECT_EQ(run.max_errors, 7U);
  EXPECT_FALSE(run.metrics);
  EXPECT_FALSE(run.trace);
}

TEST_F(PipelineFileTest, ATimeoutAboveZeroNeverBecomesNone) {
  RunOptions run;
  set_run_setting(run, "timeout", OptionValue("1us")).value();
  EXPECT_EQ(run.timeout, std::chrono::milliseconds(1));
  set_run_setting(run, "timeout", OptionValue(0.0001)).value();
  EXPECT_EQ(run.timeout, std::chrono::milliseconds(1));
}

TEST_F(PipelineFileTest, ParametersKeepTheirKindWhenTheyAreTheWholeText) {
  const std::string text =
      "[params]\nrows = 5\nfolder = \"data\"\n[[operator]]\nop = \"test.read\"\npath = "
      "\"{params.folder}/{params.rows}.csv\"\n"
      "rows = \"{params.rows}\"\n";
  const PipelineFile file = parse_pipeline_file(text, "a.toml", {{"folder", "other"}}).value();
  const Options& options = file.stages[0].steps[0].options;
  EXPECT_EQ(*options.find("path")->as_text(), "other/5.csv");
  ASSERT_NE(options.find("rows")->as_integer(), nullptr);
  EXPECT_EQ(*options.find("rows")->as_integer(), 5);
}

TEST_F(PipelineFileTest, AnOverrideHasTheKindOfTheDefault) {
  const std::string text = "[params]\ntext = \"a\"\ncount = 1\nrate = 0.5\nflag = false\n" + std::string(kRead);
  const PipelineFile file =
      parse_pipeline_file(text, "a.toml", {{"text", "12"}, {"count", "-3"}, {"rate", "2"}, {"flag", "true"}}).value();
  EXPECT_EQ(*file.params[0].value.as_text(), "12");
  EXPECT_EQ(*file.params[1].value.as_integer(), -3);
  EXPECT_EQ(*file.params[2].value.as_number(), 2.0);
  EXPECT_EQ(*file.params[3].value.as_bool(), true);
  EXPECT_EQ(error_of(text, {{"count", "many"}}),
            "--set count=many: parameter \"count\" must be an integer, like its default 1");
  EXPECT_EQ(error_of(text, {{"coutn", "1"}}),
            "--set coutn=1: unknown parameter: \"coutn\"\n  try: did you mean \"count\"?");
}

TEST_F(PipelineFileTest, PutsTheFoldersInWhenTheRunIsKnown) {
  const std::string text =
      "[[stage]]\nname = \"one\"\n[[stage.operator]]\nop = \"test.read\"\npath = \"{artifacts}/a\"\n"
      "[[stage]]\nname = \"two\"\n[[stage.operator]]\nop = \"test.read\"\npath = \"{one.artifacts}/a\"\n"
      "on_error = { action = \"quarantine\", path = \"{run_dir}/bad.jsonl\" }\n";
  const PipelineFile file = parse_pipeline_file(text, "a.toml").value();
  ASSERT_EQ(file.stages.size(), 2U);
  EXPECT_TRUE(file.stages[0].reads.empty());
  EXPECT_THAT(file.stages[1].reads, ElementsAre("one"));
  const Pipeline one = make_pipeline(file, file.stages[0], "runs/r");
  const Pipeline two = make_pipeline(file, file.stages[1], "runs/r");
  EXPECT_EQ(*one.steps()[0].options.find("path")->as_text(), "runs/r/one/artifacts/a");
  EXPECT_EQ(*two.steps()[0].options.find("path")->as_text(), "runs/r/one/artifacts/a");
  EXPECT_EQ(two.steps()[0].on_error.quarantine_path, "runs/r/bad.jsonl");
}

TEST_F(PipelineFileTest, LeavesBracesThatAreNoPlaceholders) {
  for (const char* text : {"\\\\d{3}", "\\\\p{L}+", "{}", "{a b}", "{", "}", "}{", "{\\\"a\\\":1}", "{{x}}"}) {
    const std::string toml = "[[operator]]\nop = \"test.read\"\npath = \"" + std::string(text) + "\"\n";
    const PipelineFile file = parse_pipeline_file(toml, "a.toml").value();
    const std::string before = *file.stages[0].steps[0].options.find("path")->as_text();
    const Pipeline pipeline = make_pipeline(file, file.stages[0], "r");
    EXPECT_EQ(*pipeline.steps()[0].options.find("path")->as_text(), before);
  }
}

TEST_F(PipelineFileTest, SaysWhatIsWrongAndWhere) {
  const std::string read(kRead);
  const std::pair<std::string, const char*> cases[] = {
      {"", "a.toml: the file has no operators\n  try: add [[operator]] tables; penstock init writes an example"},
      {"nmae = \"x\"\n" + read,
       "a.toml:1:1: unknown key \"nmae\" at the top of the file\n  try: did you mean \"name\"?"},
      {"name = 7\n" + read, "a.toml:1:8: name must be a text that is not empty, but is an integer: 7"},
      {"[run]\nstrateg = \"serial\"\n" + read,
       "a.toml:2:1: unknown key \"strateg\" in [run]\n  try: did you mean \"strategy\"?"},
      {"[run]\nbatch_size = 0\n" + read, "a.toml:2:14: batch_size must be an integer from 1 to 10000000, but is 0"},
      {"[run]\ntimeout = \"soon\"\n" + read,
       "a.toml:2:11: timeout must be a duration like \"250ms\", \"1.5s\", \"5m\" or a number of seconds, but is "
       "\"soon\""},
      {"[run]\nmemory_limit = -1\n" + read,
       "a.toml:2:16: memory_limit must be a number of bytes like \"512MiB\", but is -1"},
      {"run = 7\n" + read, "a.toml:1:7: run must be a table: [run], but is an integer: 7"},
      {"[params]\nx = [1]\n" + read,
       "a.toml:2:5: x must be a text, a number, true or false, as the default of a parameter, but is a list: [1]"},
      {"[[operator]]\npath = \"x\"\n",
       "a.toml:1:1: an operator needs the key \"op\"\n  try: for instance op = \"csv.read\"; penstock ops lists all "
       "operators"},
      {"[[operator]]\nop = \"test.raed\"\n",
       "a.toml:2:6: unknown operator: \"test.raed\"\n  try: did you mean \"test.read\"?"},
      {"[[operator]]\nop = \"test.read\"\npaht = \"x\"\n",
       "a.toml:3:1: operator \"test.read\" has no option \"paht\"\n  try: did you mean \"path\"?"},
      {read + "on_eror = \"skip\"\n",
       "a.toml:4:1: operator \"test.read\" has no option \"on_eror\"\n  try: did you mean \"on_error\"?"},
      {"[[operator]]\nop = \"test.read\"\npath = 7\n",
       "a.toml:3:8: option \"path\" must be a text, but is an integer: 7"},
      {"[[operator]]\nop = \"test.set\"\n",
       "a.toml:1:1: the first operator must be a source, but \"test.set\" is a transform\n  try: begin with one that "
       "reads or "
       "makes records, for instance csv.read; penstock ops lists them"},
      {read + "input = \"x\"\n", "a.toml:4:9: input \"x\" is no earlier operator\n  try: it is the first operator"},
      {read + "[[operator]]\nop = \"test.set\"\ninput = \"test.red\"\n",
       "a.toml:6:9: input \"test.red\" is no earlier operator\n  try: did you mean \"test.read\"?"},
      {read +
           "[[operator]]\nop = \"test.set\"\n[[operator]]\nop = \"test.set\"\n[[operator]]\nop = \"test.set\"\ninput = "
           "\"test.set\"\n",
       "a.toml:10:9: input \"test.set\" may be any of 2 operators\n  try: give the one you mean a name, and use that"},
      {read + read + "input = \"test.read\"\n",
       "a.toml:7:1: \"test.read\" is a source and takes no input\n  try: remove the key input"},
      {read + "name = \"a\"\n[[operator]]\nop = \"test.set\"\nname = \"a\"\n",
       "a.toml:7:8: there is an operator named \"a\" already, at a.toml:1:1"},
      {read + "light = 1\n", "a.toml:4:9: light must be true or false, but is an integer: 1"},
      {read + "on_error = { action = \"skip\", backoff = \"soon\" }\n",
       "a.toml:4:41: on_error.backoff is \"soon\", but must be a duration like \"100ms\""},
      {"[[operator]]\nop = \"test.read\"\npath = \"{params.x}\"\n",
       "a.toml:3:8: unknown parameter: {params.x}\n  try: the file has no [params] table; parameters and their "
       "defaults stand "
       "there"},
      {"[params]\nlimit = 1\n[[operator]]\nop = \"test.read\"\npath = \"a{params.limt}\"\n",
       "a.toml:5:8: unknown parameter: {params.limt}\n  try: did you mean \"params.limit\"?"},
      {"[[operator]]\nop = \"test.read\"\npath = \"{artefacts}/x\"\n",
       "a.toml:3:8: unknown placeholder: {artefacts}\n  try: did you mean {artifacts}?"},
      {"[[operator]]\nop = \"test.read\"\npath = \"{later.artifacts}/x\"\n",
       "a.toml:3:8: unknown stage: {later.artifacts}\n  try: there is no other stage"},
      {"[[stage]]\nname = \"a\"\n" + read,
       "a.toml:3:3: a file has either [[operator]] tables or [[stage]] tables, not both\n  try: write "
       "[[stage.operator]] for the "
       "operators of a stage"},
      {"[[stage]]\nname = \"a\"\n",
       "a.toml:1:1: stage \"a\" has no operators and no command\n  try: add [[stage.operator]] tables, or command = "
       "[\"PROGRAM\", \"ARGUMENT\"]"},
      {"[[stage]]\n[[stage.operator]]\nop = \"test.read\"\n",
       "a.toml:1:1: a stage needs a name\n  try: for instance name = \"clean\""},
      {"[[stage]]\nname = \"../x\"\n[[stage.operator]]\nop = \"test.read\"\n",
       "a.toml:2:8: name must be up to 100 letters, digits, '_' and '-', as it names a folder, but is a text: "
       "\"../x\""},
      {"operator = 3\n", "a.toml:1:12: operator must be a list of tables: [[operator]], but is an integer: 3"},
      {"operator = []\n", "a.toml:1:12: operator must be a list of tables: [[operator]], but is a list: []"},
      {"stage = {}\n", "a.toml:1:9: stage must be a list of tables: [[stage]], but is a table: {}"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(error_of(text), expected) << text;
}

TEST_F(PipelineFileTest, UnknownStrategiesAreAnsweredWithTheKnownOnes) {
  EXPECT_THAT(error_of("[run]\nstrategy = \"thread\"\n" + std::string(kRead)),
              HasSubstr("a.toml:2:12: unknown strategy: \"thread\"; known: serial, threads"));
  EXPECT_THAT(error_of("[run]\nstrategy = \"thread\"\n" + std::string(kRead)), HasSubstr("did you mean \"threads\"?"));
}

TEST_F(PipelineFileTest, SyntaxErrorsShowTheLineWithACaret) {
  const std::string error = error_of("name = \"a\"\n[[operator]]\nop = \n");
  EXPECT_THAT(error, HasSubstr("a.toml:3:6: not valid TOML: "));
  EXPECT_THAT(error, HasSubstr("\n   3 | op = \n     |      ^"));
}

TEST_F(PipelineFileTest, TheSameKeyTwiceIsASyntaxError) {
  EXPECT_THAT(error_of("name = \"a\"\nname = \"b\"\n"), HasSubstr("a.toml:2:"));
}

TEST_F(PipelineFileTest, AMissingFileIsNamed) {
  const auto file = load_pipeline_file("/nowhere/a.toml");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(file.error().message(), HasSubstr("/nowhere/a.toml"));
}

TEST(SourceLine, LongLinesAreCutAroundThePlace) {
  const std::string text = "first\n" + std::string(300, 'a') + "!" + std::string(300, 'b');
  EXPECT_EQ(source_line_with_caret(text, 2, 301),
            "   2 | " + std::string(60, 'a') + "!" + std::string(39, 'b') + "\n     | " + std::string(60, ' ') + "^");
  EXPECT_EQ(source_line_with_caret("a", 2, 1), "");
}

TEST(Override, IsNameAndValue) {
  EXPECT_EQ(parse_override("a=b=c").value(), (std::pair<std::string, std::string>("a", "b=c")));
  EXPECT_EQ(parse_override("a=").value().second, "");
  EXPECT_FALSE(parse_override("a"));
  EXPECT_FALSE(parse_override("=a"));
}

TEST_F(PipelineFileTest, RefusesKeysThatWouldUseUpTheStack) {
  std::string key = "a";
  for (int i = 0; i < 100'000; ++i) key += ".a";
  for (const std::string& text : {key + " = 1\n", "[" + key + "]\n", "x = { " + key + " = 1 }\n"}) {
    const auto file = parse_pipeline_file(text, "a.toml");
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().message(), "a dotted key of more than 256 parts");
  }
}

}  // namespace
}  // namespace penstock
