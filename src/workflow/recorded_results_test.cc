// SPDX-License-Identifier: MIT
// Results of functions stand in the journal before they have folders: what is seen of that, and what a kill leaves.
#include <gtest/gtest.h>
#include <penstock/workflow.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "platform/file.h"
#include "store/run_store.h"

namespace penstock {
namespace {

constexpr int kLayers = 4;
constexpr int kWidth = 3;

class RecordedResults : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string form = ::testing::TempDir() + "penstock_recorded_XXXXXX";
    ASSERT_NE(::mkdtemp(form.data()), nullptr);
    folder_ = form;
    options_.store = form + "/store";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Who was called leaves a line in a file, which a kill does not take away.
  void called(const std::string& name) const {
    File file = File::create(folder_ + "/called", {.append = true}).value();
    ASSERT_TRUE(file.write_all(name + "\n"));
  }
  std::multiset<std::string> calls() const {
    std::multiset<std::string> names;
    const std::string text = read_file(folder_ + "/called").value();
    for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1)
      names.insert(text.substr(begin, text.find('\n', begin) - begin));
    return names;
  }

  /// Layers of stages, each of which adds one to what two of the layer above made. The one of this name kills the
  /// process.
  StageHandle<std::int64_t> build(Workflow& flow, const std::string& killer = {}) {
    flow.settings().max_parallel = 2;
    std::vector<StageHandle<std::int64_t>> above;
    for (int layer = 0; layer < kLayers; ++layer) {
      std::vector<StageHandle<std::int64_t>> row;
      for (int i = 0; i < kWidth; ++i) {
        const std::string name = "s" + std::to_string(layer) + "_" + std::to_string(i);
        const auto work = [this, name, killer](std::int64_t a, std::int64_t b) -> std::int64_t {
          if (name == killer) ::kill(::getpid(), SIGKILL);
          called(name);
          return a + b + 1;
        };
        row.push_back(layer == 0 ? flow.stage({.name = name}, [work]() { return work(0, 0); })
                                 : flow.stage({.name = name}, work, above[i], above[(i + 1) % kWidth]));
      }
      above = std::move(row);
    }
    return above.front();
  }

  std::string folder_;
  FileRunOptions options_;
};

TEST_F(RecordedResults, HaveTheirFoldersWhenTheRunHasEnded) {
  Workflow flow("layers");
  const auto last = build(flow);
  const FileRun run = flow.run(options_).value();
  ASSERT_EQ(run.status, "done");
  EXPECT_EQ(flow.value(run, last).value(), (1 << kLayers) - 1);
  for (const StageRun& stage : run.stages) {
    for (const char* const file : {"/output.json", "/key.json", "/artifacts/value.bin"})
      EXPECT_TRUE(std::filesystem::is_regular_file(run.path + "/" + stage.name + file)) << stage.name << file;
    EXPECT_EQ(read_file(run.path + "/" + stage.artifacts.at(0).path).value().size(), stage.artifacts[0].size_bytes);
  }
}

TEST_F(RecordedResults, AKilledRunIsResumedWithoutCallingTwice) {
  for (int layer = 0; layer < kLayers; ++layer) {
    for (int i = 0; i < kWidth; ++i) {
      std::filesystem::remove_all(options_.store);
      std::filesystem::remove(folder_ + "/called");
      called("begin");
      const std::string killer = "s" + std::to_string(layer) + "_" + std::to_string(i);
      const pid_t child = ::fork();
      if (child == 0) {
        Workflow flow("layers");
        build(flow, killer);
        (void)flow.run(options_);
        ::_exit(0);
      }
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

      const std::vector<StoredRun> runs = RunStore(options_.store).list().value();
      ASSERT_EQ(runs.size(), 1U);
      EXPECT_EQ(runs[0].status, "lost");
      const std::string journal = read_file(runs[0].path + "/journal.jsonl").value();
      Workflow flow("layers");
      const auto last = build(flow);
      options_.reuse_run = runs[0].id;
      const FileRun resumed = flow.run(options_).value();
      options_.reuse_run.clear();
      ASSERT_EQ(resumed.status, "done") << (resumed.error ? "" : resumed.error.error().to_text());
      EXPECT_EQ(flow.value(resumed, last).value(), (1 << kLayers) - 1);
      for (const StageRun& stage : resumed.stages) {
        const bool had_ended = journal.find("\"stage_ended\",\"stage\":\"" + stage.name + "\"") != std::string::npos;
        EXPECT_EQ(stage.status, had_ended ? StageStatus::kCached : StageStatus::kDone) << killer << " " << stage.name;
        if (had_ended) {
          EXPECT_EQ(calls().count(stage.name), 1U) << killer << " " << stage.name;
        }
      }
    }
  }
}

TEST_F(RecordedResults, LargeValuesAndThoseThatOthersReadAsFilesAreWrittenAtOnce) {
  Workflow flow("mixed");
  const auto large = flow.stage({.name = "large"}, []() { return std::string(100'000, 'x'); });
  const auto small = flow.stage({.name = "small"}, [](const std::string& text) { return text.size(); }, large);
  const std::string store = options_.store;
  flow.stage(
      {.name = "looks"},
      [store](std::uint64_t, const std::string&) {
        const std::string run = RunStore(store).list().value().at(0).path;
        return std::filesystem::exists(run + "/large/artifacts/value.bin") &&
               std::filesystem::exists(run + "/large/key.json") && !std::filesystem::exists(run + "/small");
      },
      small, large);
  FileStage command;
  command.name = "command";
  command.command.words = {"cat", "{read.artifacts}/value.bin"};
  command.command.stdout_path = "out";
  command.outputs.push_back({"stdout", "out", false, {}});
  command.inputs.push_back({"", "read", "value.bin", false, {}});
  const auto read = flow.stage({.name = "read"}, []() { return std::string("abc"); });
  flow.add(std::move(command));
  const FileRun run = flow.run(options_).value();
  ASSERT_EQ(run.status, "done") << (run.error ? "" : run.error.error().to_text());
  EXPECT_TRUE(flow.value(run, StageHandle<bool>{"looks"}).value());
  EXPECT_NE(read_file(run.path + "/command/artifacts/out").value().find("abc"), std::string::npos);
}

TEST_F(RecordedResults, AStageThatFailsSaysItsKey) {
  Workflow flow("fails");
  flow.stage({.name = "bad"}, []() -> Result<int> { return Error(ErrorCode::kUnavailable, "no"); });
  flow.stage({.name = "other"}, []() { return 1; });
  const FileRun run = flow.run(options_).value();
  EXPECT_EQ(run.status, "failed");
  EXPECT_TRUE(std::filesystem::exists(run.path + "/bad/key.json"));
}

TEST_F(RecordedResults, OneStageAloneIsWrittenToo) {
  Workflow flow("one");
  const auto only = flow.stage({.name = "only"}, []() { return 7; });
  const FileRun run = flow.run(options_).value();
  ASSERT_EQ(run.status, "done");
  EXPECT_EQ(flow.value(run, only).value(), 7);
}

}  // namespace
}  // namespace penstock
