// SPDX-License-Identifier: MIT
// A run that is killed behind any batch goes on from its last checkpoint, and what it makes is what an undisturbed run
// makes: in every strategy, for every operator that keeps something, and from one strategy to another.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <penstock/pipeline_file.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <ostream>

#include "base/thorough.h"
#include "platform/link_file.h"
#include "sample_pipelines.h"
#include "stream/checkpoint_file.h"
#include "stream/stream_kit.h"

namespace penstock::conformance {
namespace {

namespace fs = std::filesystem;

using Files = std::map<std::string, std::string>;

Files all_files(const std::string& folder) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), folder).string()] = testing::read_text(entry.path().string());
  }
  return files;
}

/// Without what runs that were killed left half-written.
Files outputs_in(const std::string& folder) {
  Files files = all_files(folder);
  std::erase_if(files, [](const auto& file) { return file.first.ends_with(".tmp") || file.first.ends_with(".part"); });
  return files;
}

// ---- The end of the process ----------------------------------------------------------------------------------------

/// Counted by all processes of a run.
struct Fate {
  std::atomic<std::int64_t> batches{0};  // that went by
  std::atomic<std::int64_t> last{0};     // with which the process ends; 0: with none
  std::atomic<pid_t> process{0};
};

Fate& fate() {
  static auto* const shared =
      new (::mmap(nullptr, sizeof(Fate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Fate;
  return *shared;
}

/// Passes batches on, and kills the run behind one of them, whichever of its processes that meets.
class Mortal final : public Operator {
 public:
  Result<StreamType> bind(const StreamType& input) override { return input; }
  OperatorTraits traits() const override { return {.stateless = true, .light = true, .rows = RowEffect::kKeeps}; }
  Status process(Batch batch, Emitter& out) override {
    if (fate().batches.fetch_add(1) + 1 == fate().last.load()) {
      ::kill(fate().process.load(), SIGKILL);
      for (;;) ::pause();
    }
    out.emit(std::move(batch));
    return {};
  }
};

class MortalFactory final : public OperatorFactory {
 public:
  Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<Mortal>(); }
};

StepOptions options_of(const Pipeline::Step& step) {
  return {.name = step.name,
          .on_error = step.on_error,
          .timeout = step.timeout,
          .light = step.light,
          .stateless = step.stateless,
          .on = step.on};
}

/// The same pipeline with a mortal step behind its source.
Pipeline mortal(const Pipeline& pipeline) {
  Pipeline copy(pipeline.name());
  const auto factory = std::make_shared<const MortalFactory>();
  for (const Pipeline::Step& step : pipeline.steps()) {
    const Pipeline::StepId input = step.input == Pipeline::kNone ? Pipeline::kNone : step.input + 1;
    if (step.factory != nullptr) {
      copy.add(step.op, step.factory, options_of(step), input);
    } else {
      copy.add(step.op, step.options, options_of(step), input);
    }
    if (copy.last() == 0) copy.add("mortal", factory, {.name = "mortal"}, 0);
  }
  return copy;
}

/// Runs in a process of its own that ends with batch `last`. Returns whether it was killed.
bool run_mortal(const Pipeline& pipeline, const RunOptions& options, std::int64_t last) {
  fate().batches.store(0);
  fate().last.store(last);
  const pid_t child = ::fork();
  if (child == 0) {
    fate().process.store(::getpid());
    const RunOutcome outcome = pipeline.run_to_outcome(options);
    if (!outcome.status) std::cerr << outcome.status.error().to_text() << "\n";
    ::_exit(outcome.status ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  fate().last.store(0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

// ---- The pipelines -------------------------------------------------------------------------------------------------

struct Job {
  std::string name;
  std::string text;  // a pipeline file, with IN and OUT for the folders
};

void PrintTo(const Job& job, std::ostream* out) { *out << job.name; }

constexpr const char* kOrders = R"(
[[operator]]
op = "csv.read"
path = "IN/orders.csv"
types = { price = "float64", score = "float64" }
on_error = "quarantine"
)";

std::vector<Job> jobs() {
  const std::string orders = kOrders;
  const std::string to_csv = "[[operator]]\nop = \"csv.write\"\npath = \"OUT/out.csv\"\n";
  const std::string to_lines = "[[operator]]\nop = \"text.write\"\npath = \"OUT/out.txt\"\n";
  return {
      {"rows", orders + "[[operator]]\nop = \"filter\"\nwhere = \"qty > 1\"\n" + to_csv},
      {"several_files",
       "[[operator]]\nop = \"csv.read\"\npath = [\"IN/part-*.csv\", \"IN/orders.csv\"]\n"
       "types = { price = \"utf8\" }\non_error = \"skip\"\n" +
           to_csv},
      {"compressed",
       "[[operator]]\nop = \"csv.read\"\npath = \"IN/orders.csv.gz\"\ntypes = { price = \"utf8\" }\n"
       "on_error = \"skip\"\n" +
           to_csv},
      {"long_rows",
       "[[operator]]\nop = \"csv.read\"\npath = \"IN/long.csv\"\nmax_row_bytes = 500\n"
       "on_error = \"quarantine\"\n" +
           to_csv},
      {"lines",
       "[[operator]]\nop = \"text.read\"\npath = [\"IN/lines.txt\", \"IN/marked.txt\", \"IN/lines.txt\"]\n"
       "number = true\n" +
           to_csv},
      {"paragraphs",
       "[[operator]]\nop = \"text.read\"\npath = [\"IN/packages.txt\", \"IN/marked.txt\"]\n"
       "separator = \"blank\"\n" +
           to_lines},
      {"from_match_to_match",
       "[[operator]]\nop = \"text.read\"\npath = \"IN/packages.txt\"\nstart = \"^Package\"\n" + to_lines},
      {"objects",
       "[[operator]]\nop = \"json.read\"\npath = \"IN/events.jsonl\"\nschema = { id = \"int64\", weight = "
       "\"float64\" }\non_error = \"quarantine\"\n[[operator]]\nop = \"json.write\"\npath = \"OUT/a.json\"\n"
       "format = \"array\"\n[[operator]]\nop = \"json.write\"\npath = \"OUT/b.jsonl\"\n"},
      {"numbers", "[[operator]]\nop = \"generate\"\nrecords = 3000\n" + to_csv},
      {"windows",
       "[[operator]]\nop = \"generate\"\nrecords = 3000\n"
       "[[operator]]\nop = \"derive\"\nset = { w = \"id - id % 70\" }\n"
       "[[operator]]\nop = \"aggregate\"\nby = [\"w\", \"category\"]\nwindow = \"w\"\n"
       "compute = { n = \"count()\", s = \"sum(value1)\" }\n" +
           to_csv},
      {"late_rows",
       "[[operator]]\nop = \"generate\"\nrecords = 3000\n"
       "[[operator]]\nop = \"derive\"\nset = { w = \"if(id % 41 = 0, id - 100, id - id % 70)\" }\n"
       "[[operator]]\nop = \"aggregate\"\nby = [\"w\"]\nwindow = \"w\"\ncompute = { n = \"count()\" }\n"
       "on_error = \"quarantine\"\n" +
           to_csv},
      {"one_group", orders + R"toml([[operator]]
op = "aggregate"
compute = { n = "count()", s = "sum(price)", q = "sum(qty)", m = "mean(score)", d = "std(price)", lo = "min(note)", hi = "max(ts)", p = "quantile(price, 0.9)", x = "exact_quantile(score, 0.5)" }
)toml" + to_csv},
      {"groups_by_text", orders + R"toml([[operator]]
op = "aggregate"
by = ["category"]
compute = { n = "count(score)", s = "sum(score)", q = "mean(qty)", d = "std(score)", lo = "min(price)", hi = "max(note)", p = "quantile(score, 0.5)", x = "exact_quantile(price, 0.25)" }
)toml" + to_csv},
      {"groups_by_number", orders +
                               "[[operator]]\nop = \"aggregate\"\nby = [\"score\"]\ncompute = { n = \"count()\", s = "
                               "\"sum(price)\" }\n" +
                               to_csv},
      {"groups_by_two", orders +
                            "[[operator]]\nop = \"aggregate\"\nby = [\"score\", \"category\"]\ncompute = { n = "
                            "\"count()\", hi = \"max(name)\" }\n" +
                            to_csv},
      {"distinct", orders + "[[operator]]\nop = \"distinct\"\nby = [\"score\", \"qty\"]\n" + to_csv},
      {"top", orders + "[[operator]]\nop = \"top\"\nby = [\"price\", \"name\"]\nn = 70\n" + to_csv},
      {"sample_rows", orders + "[[operator]]\nop = \"sample\"\nn = 50\nseed = 3\n" + to_csv},
      {"sample_fraction", orders + "[[operator]]\nop = \"sample\"\nfraction = 0.3\n" + to_csv},
      {"head", orders + "[[operator]]\nop = \"head\"\nn = 1500\n" + to_csv},
      {"moving", orders +
                     "[[operator]]\nop = \"numeric\"\ncolumns = [\"price\", \"score\"]\nsteps = [{ moving_mean = "
                     "21 }, { moving_max = 4 }]\nsuffix = \"_m\"\n" +
                     to_csv},
      {"collected", orders + "[[operator]]\nop = \"collect\"\nlimit = 900\n" + to_csv},
      {"rejected_twice", orders + R"toml([[operator]]
op = "validate"
rules = { cheap = "price < 300", scored = "score is not null" }
on_error = "quarantine"
)toml" + to_csv},
  };
}

void write_job_inputs(const std::string& in) {
  write_sample_inputs(in);
  const std::string orders = testing::read_text(in + "/orders.csv");
  const std::string header = orders.substr(0, orders.find('\n') + 1);
  for (int part = 0; part < 3; ++part) {
    std::ofstream(fmt::format("{}/part-{}.csv", in, part))
        << (part == 1 ? "\xEF\xBB\xBF" : "") << header << orders.substr(header.size(), 9000) << "\n";
  }
  ASSERT_EQ(std::system(fmt::format("gzip -k '{}/orders.csv'", in).c_str()), 0);
  std::ofstream long_rows(in + "/long.csv");
  long_rows << "id,text\n";
  for (int i = 0; i < 900; ++i)
    long_rows << i << ",\"" << std::string(i % 90 == 80 ? 400'000U : 20U, 'x') << (i % 50 == 0 ? "\ny" : "") << "\"\n";
  std::ofstream(in + "/marked.txt") << "\xEF\xBB\xBF"
                                       "first\n\nlast, without an end";
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

// ---- The tests -----------------------------------------------------------------------------------------------------

class Killed : public ::testing::TestWithParam<Job> {
 protected:
  void SetUp() override {
    fs::create_directory(in_);
    write_job_inputs(in_);
  }

  Pipeline pipeline() const {
    const std::string text = replaced(replaced(GetParam().text, "IN", in_), "OUT", out_);
    const Result<PipelineFile> file = parse_pipeline_file(text, "job.toml");
    EXPECT_TRUE(file) << (file ? "" : file.error().to_text());
    return mortal(make_pipeline(*file, file->stages.front(), "unused"));
  }

  RunOptions options(const std::string& strategy, const std::string& run) const {
    RunOptions options;
    options.strategy = {strategy, 2};
    options.batch_size = 16;
    options.artifacts = out_;
    options.checkpoints.interval = std::chrono::microseconds(1);
    options.checkpoints.folder = folder_.file(run);
    return options;
  }

  void empty_out() const {
    fs::remove_all(out_);
    fs::create_directory(out_);
  }

  // Where the disk costs nothing: every batch has a checkpoint.
  const bool in_memory_ = ::access("/dev/shm", W_OK) == 0 && ::setenv("TMPDIR", "/dev/shm", 1) == 0;
  testing::TemporaryFolder folder_;
  const std::string in_ = folder_.file("in");
  const std::string out_ = folder_.file("out");
};

std::string results_of(const Report& report) {
  std::string text;
  for (const StepResult& result : report.results) text += result.rows;
  for (const StepReport& step : report.steps)
    text += fmt::format("\n{}: {} in, {} out, {} rejected ({}) {}", step.name, step.records_in, step.records_out,
                        step.records_rejected, step.first_rejection, step.op == "collect" ? step.note : "");
  return text;
}

TEST_P(Killed, GoesOnToTheSameBytes) {
  const Pipeline pipeline = this->pipeline();
  const Result<Plan> plan = pipeline.plan(options("serial", "plan"));
  ASSERT_TRUE(plan) << plan.error().to_text();
  ASSERT_EQ(plan->no_checkpoints, "");

  empty_out();
  fate().batches.store(0);
  const RunOutcome undisturbed = pipeline.run_to_outcome(options("serial", "undisturbed"));
  ASSERT_TRUE(undisturbed.status) << undisturbed.status.error().to_text();
  EXPECT_GT(undisturbed.report.checkpoints.written, 0U);
  EXPECT_FALSE(fs::exists(folder_.file("undisturbed"))) << "checkpoints of a run that has ended";
  const Files expected = all_files(out_);
  const std::string results = results_of(undisturbed.report);
  const std::int64_t batches = fate().batches.load();
  ASSERT_GT(batches, 10);

  int killed = 0;
  int went_on = 0;
  const std::vector<std::string> strategies = {"serial", "threads", "parallel", "processes", "async", "hybrid", "auto"};
  const std::int64_t points = testing::is_thorough() ? batches : 2;
  for (std::size_t s = 0; s < strategies.size(); ++s) {
    for (std::int64_t point = 1; point <= points; ++point) {
      const std::int64_t last =
          testing::is_thorough() ? point : (point * (batches - 1) / points + static_cast<int>(s) % 3);
      const std::string& then = strategies[(s + static_cast<std::size_t>(point)) % strategies.size()];
      SCOPED_TRACE(fmt::format("{} killed with batch {} of {}, then {}", strategies[s], last, batches, then));
      fs::remove_all(folder_.file("first"));
      empty_out();
      if (!run_mortal(pipeline, options(strategies[s], "first"), last)) continue;
      ++killed;
      RunOptions again = options(then, "second");
      again.checkpoints.resume_from = {folder_.file("first")};
      const RunOutcome outcome = pipeline.run_to_outcome(again);
      ASSERT_TRUE(outcome.status) << outcome.status.error().to_text();
      went_on += outcome.report.checkpoints.resumed_from.empty() ? 0 : 1;
      EXPECT_EQ(outcome.report.checkpoints.note, "");
      Files files = all_files(out_);
      // Killed before its first checkpoint, it left what nobody takes up.
      if (outcome.report.checkpoints.resumed_from.empty())
        std::erase_if(files,
                      [](const auto& file) { return file.first.ends_with(".tmp") || file.first.ends_with(".part"); });
      std::vector<std::string> names;
      for (const auto& [name, bytes] : files) names.push_back(name);
      ASSERT_EQ(files.size(), expected.size()) << ::testing::PrintToString(names);
      for (const auto& [name, bytes] : expected) ASSERT_TRUE(files.at(name) == bytes) << name << " differs";
      if (GetParam().name != "head") {
        EXPECT_EQ(results_of(outcome.report), results);
      }
      EXPECT_FALSE(fs::exists(folder_.file("first"))) << "checkpoints that nobody needs";
    }
  }
  EXPECT_GT(killed, 0);
  EXPECT_GT(went_on, 0);  // not all: there is no checkpoint before every thread has begun
  std::cerr << fmt::format("{}: {} runs were killed, {} went on from a checkpoint\n", GetParam().name, killed, went_on);
}

INSTANTIATE_TEST_SUITE_P(Jobs, Killed, ::testing::ValuesIn(jobs()), [](const auto& job) { return job.param.name; });

/// One job, killed in the middle, for what may have become of its checkpoints and inputs.
class AfterAKill : public Killed {
 protected:
  void SetUp() override {
    Killed::SetUp();
    empty_out();
    fate().batches.store(0);
    ASSERT_TRUE(pipeline().run_to_outcome(options("serial", "undisturbed")).status);
    expected_ = all_files(out_);
    empty_out();
    ASSERT_TRUE(run_mortal(pipeline(), options("serial", "first"), fate().batches.load() / 2));
    checkpoints_ = list_checkpoints(folder_.file("first"));
    ASSERT_EQ(checkpoints_.size(), 2U);
  }

  RunOutcome go_on() const {
    RunOptions again = options("threads", "second");
    again.checkpoints.resume_from = {folder_.file("first")};
    return pipeline().run_to_outcome(again);
  }
  void expect_the_same() const {
    const Files files = all_files(out_);
    for (const auto& [name, bytes] : expected_) EXPECT_TRUE(files.at(name) == bytes) << name << " differs";
  }

  Files expected_;
  std::vector<std::string> checkpoints_;
};

void cut_in_half(const std::string& path) { fs::resize_file(path, fs::file_size(path) / 2); }

void change_a_byte(const std::string& path) {
  std::string bytes = testing::read_text(path);
  bytes[bytes.size() / 3] ^= 1;
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST_P(AfterAKill, ADamagedCheckpointGivesWayToTheOneBefore) {
  change_a_byte(checkpoints_[0]);
  const RunOutcome outcome = go_on();
  ASSERT_TRUE(outcome.status) << outcome.status.error().to_text();
  EXPECT_EQ(outcome.report.checkpoints.resumed_from, checkpoints_[1]);
  EXPECT_NE(outcome.report.checkpoints.note.find("is damaged: its digest does not fit; an earlier one was used"),
            std::string::npos)
      << outcome.report.checkpoints.note;
  expect_the_same();
}

TEST_P(AfterAKill, WithoutAWholeCheckpointTheRunBeginsAnew) {
  cut_in_half(checkpoints_[0]);
  cut_in_half(replaced(checkpoints_[1], ".json", ".state"));
  const RunOutcome outcome = go_on();
  ASSERT_TRUE(outcome.status) << outcome.status.error().to_text();
  EXPECT_EQ(outcome.report.checkpoints.resumed_from, "");
  EXPECT_NE(outcome.report.checkpoints.note.find("the run began anew"), std::string::npos)
      << outcome.report.checkpoints.note;
  expect_the_same();
}

TEST_P(AfterAKill, AHalfWrittenOutputThatIsGoneMakesItBeginAnew) {
  const Result<Checkpoint> checkpoint = read_checkpoint(checkpoints_[0]);
  ASSERT_TRUE(checkpoint) << checkpoint.error().to_text();
  ASSERT_FALSE(checkpoint->files.empty());
  fs::remove(checkpoint->files.front());
  const RunOutcome outcome = go_on();
  ASSERT_TRUE(outcome.status) << outcome.status.error().to_text();
  EXPECT_EQ(outcome.report.checkpoints.resumed_from, "");
  EXPECT_NE(outcome.report.checkpoints.note.find("no such file"), std::string::npos) << outcome.report.checkpoints.note;
  expect_the_same();
}

TEST_P(AfterAKill, AChangedInputMakesItBeginAnew) {
  std::ofstream(in_ + "/orders.csv", std::ios::app) << "99999,2024-03-01T10:00:00Z,books,Late,1.00,1,1,plain\n";
  const RunOutcome outcome = go_on();
  ASSERT_TRUE(outcome.status) << outcome.status.error().to_text();
  EXPECT_EQ(outcome.report.checkpoints.resumed_from, "");
  EXPECT_NE(outcome.report.checkpoints.note.find("is of another job: file " + in_ + "/orders.csv was "),
            std::string::npos)
      << outcome.report.checkpoints.note;
  EXPECT_NE(testing::read_text(out_ + "/out.csv").find("99999"), std::string::npos);
}

TEST_P(AfterAKill, AResumeThatIsKilledCanBeResumed) {
  std::vector<std::string> earlier = {folder_.file("first")};
  for (int i = 0; i < 4; ++i) {
    RunOptions again = options(i % 2 == 0 ? "parallel" : "serial", fmt::format("again-{}", i));
    again.checkpoints.resume_from = earlier;
    run_mortal(pipeline(), again, 2 + i);
    earlier.insert(earlier.begin(), again.checkpoints.folder);
  }
  RunOptions last = options("serial", "last");
  last.checkpoints.resume_from = earlier;
  const RunOutcome outcome = pipeline().run_to_outcome(last);
  ASSERT_TRUE(outcome.status) << outcome.status.error().to_text();
  EXPECT_NE(outcome.report.checkpoints.resumed_from, "");
  EXPECT_TRUE(outputs_in(out_) == expected_);
}

TEST_P(AfterAKill, APublishedOutputIsNotTakenUpAgain) {
  // As if the run had been killed between its commit and the removal of its checkpoints.
  const Result<Checkpoint> checkpoint = read_checkpoint(checkpoints_[0]);
  ASSERT_TRUE(checkpoint);
  for (const std::string& file : checkpoint->files) fs::create_hard_link(file, file + ".published");
  Files published;
  for (const std::string& file : checkpoint->files) published[file] = testing::read_text(file + ".published");
  ASSERT_TRUE(go_on().status);
  for (const std::string& file : checkpoint->files) {
    EXPECT_EQ(testing::read_text(file + ".published"), published[file]);
    fs::remove(file + ".published");
  }
  EXPECT_TRUE(all_files(out_) == expected_);
}

INSTANTIATE_TEST_SUITE_P(Job, AfterAKill, ::testing::Values(jobs().back()),
                         [](const auto& job) { return job.param.name; });

// ---- What cannot go on ---------------------------------------------------------------------------------------------

std::string obstacle(const std::string& text) {
  const Result<PipelineFile> file = parse_pipeline_file(text, "job.toml");
  if (!file) return file.error().to_text();
  const Result<Plan> plan = make_pipeline(*file, file->stages.front(), "unused").plan();
  return plan ? plan->no_checkpoints : plan.error().to_text();
}

TEST(WithoutCheckpoints, ThePlanSaysWhy) {
  const std::string source = "[[operator]]\nop = \"generate\"\nrecords = 10\n";
  const std::string sink = "[[operator]]\nop = \"csv.write\"\npath = \"out.csv\"\n";
  EXPECT_EQ(obstacle(source + sink), "");
  EXPECT_EQ(obstacle(source + "[[operator]]\nop = \"normalize\"\ncolumns = [\"value1\"]\n" + sink),
            "\"normalize\" keeps what it cannot save");
  EXPECT_EQ(obstacle(source + "[[operator]]\nop = \"exec\"\ncommand = [\"cat\"]\n" + sink),
            "\"exec\" keeps what it cannot save");
  EXPECT_EQ(obstacle(source + "[[operator]]\nop = \"csv.write\"\npath = \"/dev/null\"\n"),
            "\"csv.write\" cannot take back what it wrote behind a checkpoint");
}

TEST(WithoutCheckpoints, ARunOnlySaysSoWhenItWasToGoOn) {
  testing::TemporaryFolder folder;
  Pipeline pipeline("p");
  pipeline.add("generate", Options{{"records", 10}}, {}, Pipeline::kNone);
  pipeline.add("normalize", Options{{"columns", OptionValue::List{"value1"}}});
  RunOptions options;
  options.checkpoints.interval = std::chrono::microseconds(1);
  options.checkpoints.folder = folder.file("checkpoints");
  const Result<Report> report = pipeline.run(options);
  ASSERT_TRUE(report) << report.error().to_text();
  EXPECT_EQ(report->checkpoints.written, 0U);
  EXPECT_EQ(report->checkpoints.note, "");
}

}  // namespace
}  // namespace penstock::conformance
