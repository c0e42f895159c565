// SPDX-License-Identifier: MIT
// The operator `exec`, with real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/stream.h>
#include <penstock/testing.h>

namespace penstock {
namespace {

using ::testing::ElementsAre;
using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::in_batches_of;
using testing::run_operator;
using ::testing::StartsWith;
using testing::table;

RecordBatch numbered(std::int64_t rows) {
  std::vector<std::vector<testing::Value>> values;
  for (std::int64_t row = 0; row < rows; ++row) values.push_back({row, std::string("text ") + std::to_string(row)});
  return table({{"n", Type::kInt64}, {"t", Type::kUtf8}}, values);
}

OptionValue command(std::initializer_list<const char*> words) {
  OptionValue::List list;
  for (const char* const word : words) list.emplace_back(word);
  return list;
}
OptionValue shell(const char* script) { return command({"/bin/sh", "-c", script}); }

TEST(Exec, PassesRecordsThroughAProgram) {
  const RecordBatch input = numbered(100);
  const HarnessResult result = run_operator("exec", {{"command", command({"cat"})}}, input);
  ASSERT_EQ(result.error(), "");
  ASSERT_EQ(result.num_rows(), 100U);
  for (std::size_t row = 0; row < 100; ++row) EXPECT_EQ(result.rows()[row], input.row_to_json(row));
}

TEST(Exec, KeepsOneProgramForTheWholeInput) {
  // It counts its lines: one program sees all of them.
  const Options options = {{"command", shell("i=0; while read -r line; do i=$((i+1)); echo \"{\\\"i\\\":$i}\"; done")},
                           {"schema", OptionValue::Table{{"i", "int64"}}}};
  const HarnessResult result = run_operator("exec", options, in_batches_of(numbered(20), 3), {.batch_size = 3});
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.rows().front(), "{\"i\":1}");
  EXPECT_EQ(result.rows().back(), "{\"i\":20}");
}

TEST(Exec, DropsAndRejectsAsTheProgramSays) {
  const Options options = {
      {"command", shell("while read -r line; do case $line in *:3,*) echo null;; *:4,*) echo '\"no fours\"';; "
                        "*:5,*) echo 'what?';; *) echo \"$line\";; esac; done")}};
  const HarnessResult result = run_operator("exec", options, numbered(8), {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 5U);
  ASSERT_EQ(result.rejections.size(), 2U);
  EXPECT_EQ(result.rejections[0].record, 4U);
  EXPECT_EQ(result.rejections[0].reason, "no fours");
  EXPECT_EQ(result.rejections[0].raw, "{\"n\":4,\"t\":\"text 4\"}");
  EXPECT_THAT(result.rejections[1].reason, StartsWith("the program answered \"what?\": "));
}

TEST(Exec, MovesMoreThanThePipesHold) {
  const std::string big(300'000, 'x');
  std::vector<std::vector<testing::Value>> values;
  for (std::int64_t row = 0; row < 10; ++row) values.push_back({row, big});
  const RecordBatch input = table({{"n", Type::kInt64}, {"t", Type::kUtf8}}, values);
  const HarnessResult result = run_operator("exec", {{"command", command({"cat"})}}, input);
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.rows()[9], input.row_to_json(9));
}

TEST(Exec, SaysHowTheProgramEnded) {
  EXPECT_THAT(run_operator("exec", {{"command", shell("read -r line; exit 3")}}, numbered(5)).error(),
              HasSubstr("the program /bin/sh ended before it had answered: exit code 3"));
  EXPECT_THAT(run_operator("exec", {{"command", shell("read -r line; kill -9 $$")}}, numbered(5)).error(),
              HasSubstr("killed by signal 9 (Killed)"));
  EXPECT_THAT(run_operator("exec", {{"command", shell("cat; exit 4")}}, numbered(5)).error(),
              HasSubstr("the program /bin/sh ended with exit code 4"));
  EXPECT_THAT(run_operator("exec", {{"command", shell("cat; echo more")}}, numbered(5)).error(),
              HasSubstr("wrote a line without being asked"));
}

TEST(Exec, TakesNoLineForAnAnswerThatWasWrittenWithoutBeingAsked) {
  // A greeting would move every answer to the next record.
  for (const bool stateless : {false, true}) {
    const Options options = {{"command", shell("echo '{}'; cat")}, {"stateless", stateless}};
    EXPECT_THAT(run_operator("exec", options, in_batches_of(numbered(20), 5), {.batch_size = 5}).error(),
                HasSubstr("wrote a line without being asked"));
  }
}

TEST(Exec, DoesNotWaitForWhatTheProgramLeftBehind) {
  // The sleeping one holds the other end of the pipe; it ends with its group.
  const Options options = {{"command", shell("sleep 1000 & exec cat")}};
  EXPECT_EQ(run_operator("exec", options, numbered(5)).error(), "");
}

TEST(Exec, SaysThatAProgramClosedItsOutput) {
  EXPECT_THAT(run_operator("exec", {{"command", shell("exec 1>&-; exec sleep 1000")}}, numbered(5)).error(),
              HasSubstr("ended before it had answered: it closed its streams"));
}

TEST(Exec, TakesNoLineWithoutEnd) {
  EXPECT_THAT(run_operator("exec", {{"command", shell("read -r line; exec cat /dev/zero")}}, numbered(5)).error(),
              HasSubstr("answers with a line of more than 64 MiB"));
}

TEST(Exec, NamesTheProgramThatIsNotThere) {
  EXPECT_THAT(run_operator("exec", {{"command", command({"no-such-program-here"})}}, numbered(1)).error(),
              HasSubstr("no-such-program-here"));
  EXPECT_EQ(run_operator("exec", {{"command", OptionValue::List()}}, numbered(1)).error(),
            "option \"command\" names no program");
}

TEST(Exec, GivesWordsToTheProgramAsTheyAre) {
  // A shell would have made something of these.
  const RecordBatch input = numbered(1);
  const HarnessResult result = run_operator("exec", {{"command", command({"sed", "-u", "s/$(exit 1);*/&/"})}}, input);
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 1U);
}

TEST(Exec, RunsUnderEveryStrategyWhenItIsStateless) {
  for (const StrategyInfo& strategy : all_strategies()) {
    std::vector<std::string> lines;
    RunOptions options;
    options.strategy = {strategy.name, 3};
    options.batch_size = 7;
    Pipeline pipeline("exec");
    pipeline.add("generate", {{"records", 200}});
    pipeline.add("exec", {{"command", command({"cat"})}, {"stateless", true}});
    pipeline.add("collect");
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << strategy.name << ": " << report.error().to_text();
    ASSERT_EQ(report->results.size(), 1U);
    EXPECT_THAT(report->results[0].rows, StartsWith("[{\"id\":0,"));
    EXPECT_EQ(report->steps[1].records_out, 200U);
  }
}

}  // namespace
}  // namespace penstock
