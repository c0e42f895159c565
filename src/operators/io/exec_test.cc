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

RecordBatch awkward() {
  return table({{"n", Type::kInt64}, {"t", Type::kUtf8}, {"x", Type::kFloat64}},
               {{std::int64_t{1}, std::string("plain"), 0.1},
                {std::int64_t{2}, std::string("a \"quote\", a comma"), testing::Value()},
                {testing::Value(), std::string("two\nlines"), -1e300},
                {std::int64_t{4}, std::string(), 5.0},
                {std::int64_t{5}, testing::Value(), 6.0}});
}

TEST(Exec, TalksInEachFormat) {
  for (const char* const format : {"json", "csv", "blocks"}) {
    for (const std::size_t size : {1UL, 2UL, 5UL}) {
      const Options options = {{"command", command({"cat"})}, {"format", format}};
      const HarnessResult result = run_operator("exec", options, in_batches_of(awkward(), size), {.batch_size = size});
      ASSERT_EQ(result.error(), "") << format;
      ASSERT_EQ(result.num_rows(), 5U);
      for (std::size_t row = 0; row < 5; ++row) EXPECT_EQ(result.rows()[row], awkward().row_to_json(row)) << format;
    }
  }
}

TEST(Exec, InCsvAProgramOfAWordOrTwoIsEnough) {
  const Options options = {{"command", command({"sed", "-u", "-e", "1s/n/tenfold/", "-e", "1!s/,/0,/"})},
                           {"format", "csv"},
                           {"schema", OptionValue::Table{{"tenfold", "int64"}, {"t", "utf8"}}}};
  const HarnessResult result = run_operator("exec", options, in_batches_of(numbered(10), 3), {.batch_size = 3});
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.rows()[9], "{\"tenfold\":90,\"t\":\"text 9\"}");
}

TEST(Exec, InCsvRowsThatDoNotFitAreRejected) {
  const Options options = {
      {"command", shell("sed -u -e '2s/.*/one,x/' -e '3s/.*/1/' -e '4s/.*/9,\"a\"b/' -e '5s/.*/7,\xff/'")},
      {"format", "csv"}};
  const HarnessResult result = run_operator("exec", options, numbered(6), {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  ASSERT_EQ(result.rejections.size(), 4U);
  EXPECT_THAT(result.rejections[0].reason, HasSubstr("expected int64, found \"one\""));
  EXPECT_EQ(result.rejections[0].column, "n");
  EXPECT_THAT(result.rejections[1].reason, HasSubstr("the program answered \"1\""));
  EXPECT_THAT(result.rejections[2].reason, HasSubstr("the program answered "));
  EXPECT_THAT(result.rejections[3].reason, HasSubstr("it is not UTF-8"));
  EXPECT_EQ(result.rejections[3].column, "t");
  EXPECT_EQ(result.num_rows(), 2U);
}

TEST(Exec, InCsvAQuoteInsideOfACellIsAByteLikeOthers) {
  const Options options = {{"command", shell("sed -u -e '2s/.*/1,5\" disk/'")}, {"format", "csv"}};
  const HarnessResult result = run_operator("exec", options, numbered(3));
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.rows()[0], "{\"n\":1,\"t\":\"5\\\" disk\"}");
}

TEST(Exec, EndsAProgramThatNeverStops) {
  std::vector<std::vector<testing::Value>> values(3, {std::int64_t{1}, std::string(300'000, 'x')});
  const RecordBatch input = table({{"n", Type::kInt64}, {"t", Type::kUtf8}}, values);
  EXPECT_THAT(run_operator("exec", {{"command", command({"yes"})}}, input).error(),
              HasSubstr("wrote a line without being asked"));
}

TEST(Exec, InCsvTheFirstRowNamesTheColumns) {
  const Options options = {{"command", command({"sed", "-u", "1s/n/m/"})}, {"format", "csv"}};
  EXPECT_THAT(run_operator("exec", options, numbered(2)).error(),
              HasSubstr("the program's first row names the columns \"m,t\", expected n,t"));
}

TEST(Exec, InBlocksImagesAndTensorsCross) {
  const TensorType pair{TensorElement::kF32, {2}};
  RecordBatchBuilder builder(make_schema({{"photo", Type::kImage}, {"vector", Type::kTensor, pair}}).value(),
                             BufferPool::shared());
  for (int i = 0; i < 6; ++i) builder.column(0).append_image(1, 2, 3)[5] = static_cast<std::uint8_t>(i);
  for (int i = 0; i < 6; ++i) std::fill_n(builder.column(1).append_tensor().data(), 8, std::byte{64});
  const RecordBatch input = builder.finish();
  const Options options = {{"command", command({"cat"})},
                           {"format", "blocks"},
                           {"schema", OptionValue::Table{{"vector", "f32 [2]"}, {"photo", "image"}}}};
  const HarnessResult result = run_operator("exec", options, input);
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.rows()[3], "{\"vector\":[3.0039215,3.0039215],\"photo\":\"image [1, 2, 3]\"}");
  EXPECT_THAT(run_operator("exec", {{"command", command({"cat"})}}, input).error(),
              HasSubstr("exec cannot write column \"photo\": it is an image, which has no text"));
}

TEST(Exec, InBlocksWhatIsNoneIsSaid) {
  const auto error_of = [](const char* script) {
    return run_operator("exec", {{"command", shell(script)}, {"format", "blocks"}}, numbered(2)).error();
  };
  EXPECT_THAT(error_of("head -c 1 > /dev/null; printf '\\004\\0\\0\\0\\0\\0\\0\\0abcd'; exec cat > /dev/null"),
              HasSubstr("the program's answer is no batch: a block is damaged: it has 4 bytes"));
  EXPECT_THAT(error_of("head -c 1 > /dev/null; printf '\\0\\0\\0\\0\\0\\0\\0\\001'; exec cat > /dev/null"),
              HasSubstr("answers with a batch of 72057594037927936 bytes, over 2 GiB"));
  const Options options = {
      {"command", command({"cat"})}, {"format", "blocks"}, {"schema", OptionValue::Table{{"n", "float64"}}}};
  EXPECT_THAT(run_operator("exec", options, numbered(2)).error(),
              HasSubstr("has the columns n: int64, t: utf8; expected n: float64"));
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
