// SPDX-License-Identifier: MIT
// Sources that several workers read: order, numbers of rejected records, errors, memory of pieces, early ends.
#include <gmock/gmock.h>
#include <penstock/stream.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <numeric>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::calling;
using testing::counting_source;
using ::testing::ElementsAre;
using testing::error_text;
using testing::Gate;
using ::testing::HasSubstr;
using testing::keeping_sink;
using testing::numbers;
using testing::one_column;
using testing::read_text;
using testing::TemporaryFolder;

constexpr std::int64_t kPieceRecords = 10;

struct DividedOptions {
  std::int64_t records = 0;
  std::int64_t reject_every = 0;                           ///< Multiples of it are rejected; 0: none.
  std::function<Status(std::int64_t begin)> on_cut = {};   ///< Called before a piece is cut.
  std::function<Status(std::int64_t begin)> on_read = {};  ///< Called before a piece is read.
  std::int64_t forget = 0;                                 ///< So many records are not counted.
  std::atomic<int>* pieces_made = nullptr;
  std::atomic<int>* bound = nullptr;
};

// Emits 0 … records - 1, in pieces of ten.
class DividedSource final : public Source {
 public:
  explicit DividedSource(DividedOptions options) : options_(std::move(options)) {}

  Result<StreamType> bind(const StreamType&) override {
    if (options_.bound != nullptr) options_.bound->fetch_add(1);
    return StreamType::of_schema(one_column());
  }
  OperatorTraits traits() const override { return {.divisible = true}; }
  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }
  Result<Next> produce(Emitter& out) override {
    const std::int64_t end = std::min(next_ + kPieceRecords, options_.records);
    PENSTOCK_TRY(emit(next_, end, 0, out));
    next_ = end;
    return end < options_.records ? Next::kMore : Next::kEnd;
  }
  Result<std::unique_ptr<SourcePiece>> cut(std::unique_ptr<SourcePiece> spent) override {
    if (options_.on_cut) PENSTOCK_TRY(options_.on_cut(next_));
    if (next_ >= options_.records) return nullptr;
    if (spent == nullptr) {
      spent = std::make_unique<Piece>();
      if (options_.pieces_made != nullptr) options_.pieces_made->fetch_add(1);
    }
    auto& piece = static_cast<Piece&>(*spent);
    piece.begin = next_;
    piece.end = next_ = std::min(next_ + kPieceRecords, options_.records);
    return spent;
  }
  Status read(SourcePiece& source_piece, Emitter& out) override {
    const auto& piece = static_cast<Piece&>(source_piece);
    if (options_.on_read) PENSTOCK_TRY(options_.on_read(piece.begin));
    return emit(piece.begin, piece.end, piece.begin, out);
  }
  Status merge(Operator& other) override {
    read_ += static_cast<DividedSource&>(other).read_;
    return {};
  }
  std::uint64_t records_read() const noexcept override { return read_ - static_cast<std::uint64_t>(options_.forget); }

 private:
  struct Piece final : SourcePiece {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };

  Status emit(std::int64_t begin, std::int64_t end, std::int64_t first, Emitter& out) {
    RecordBatchBuilder builder(one_column(), *context_->pool);
    for (std::int64_t n = begin; n < end; ++n) {
      ++read_;
      if (options_.reject_every == 0 || n % options_.reject_every != 0) {
        builder.column(0).append_int64(n);
      } else {
        PENSTOCK_TRY(context_->errors->reject(
            {.record = static_cast<std::uint64_t>(n - first), .reason = "not wanted", .raw = std::to_string(n)}));
      }
    }
    out.emit(builder.finish());
    return {};
  }

  const DividedOptions options_;
  OperatorContext* context_ = nullptr;
  std::int64_t next_ = 0;
  std::uint64_t read_ = 0;
};

class DividedFactory final : public OperatorFactory {
 public:
  explicit DividedFactory(DividedOptions options) : options_(std::move(options)) {}
  Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<DividedSource>(options_); }

 private:
  const DividedOptions options_;
};

Pipeline reading(DividedOptions options, std::vector<std::int64_t>& out, StepOptions step = {}) {
  Pipeline pipeline("test");
  pipeline.add("source", std::make_shared<DividedFactory>(std::move(options)), std::move(step), Pipeline::kNone);
  pipeline.add("sink", calling(keeping_sink(out)));
  return pipeline;
}

RunOptions with_workers(std::uint32_t workers) {
  RunOptions options;
  options.strategy = parallel(workers);
  return options;
}

std::vector<std::int64_t> first_numbers(std::size_t count) {
  std::vector<std::int64_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(Pieces, AreReadSideBySide) {
  // Each of three workers waits until all three have a piece.
  std::atomic<int> inside{0};
  Gate all_inside;
  DividedOptions options = {.records = 30};
  options.on_read = [&](std::int64_t) {
    if (inside.fetch_add(1) == 2) all_inside.open();
    all_inside.wait();
    return Status();
  };
  std::vector<std::int64_t> out;
  ASSERT_TRUE(reading(options, out).run(with_workers(3)));
  EXPECT_EQ(out, first_numbers(30));
}

TEST(Pieces, LeaveInOrder) {
  // The piece that comes first ends last.
  Gate second_read;
  DividedOptions options = {.records = 205};
  options.on_read = [&](std::int64_t begin) {
    if (begin == 0) second_read.wait();
    if (begin == kPieceRecords) second_read.open();
    return Status();
  };
  std::vector<std::int64_t> out;
  ASSERT_TRUE(reading(options, out).run(with_workers(3)));
  EXPECT_EQ(out, first_numbers(205));
}

TEST(Pieces, NumberWhatTheyRejectAmongAllRecords) {
  const auto quarantined = [](const Strategy& strategy) {
    const TemporaryFolder folder;
    std::vector<std::int64_t> out;
    const StepOptions step = {.on_error = quarantine(folder.file("bad.jsonl"))};
    const Result<Report> report = reading({.records = 95, .reject_every = 7}, out, step).run(strategy);
    EXPECT_TRUE(report) << error_text(report);
    EXPECT_EQ(report->records_in, 95U);
    EXPECT_EQ(report->records_rejected, 14U);
    EXPECT_EQ(report->records_out, 81U);
    return read_text(folder.file("bad.jsonl"));
  };
  const std::string expected = quarantined(serial);
  EXPECT_THAT(expected, HasSubstr("\"record\":91"));
  EXPECT_EQ(quarantined(parallel(3)), expected);
}

TEST(Pieces, EndTheRunWithTheFirstError) {
  // The piece at 10 fails before that at 0; to cut one fails later still.
  Gate second_failed;
  DividedOptions options = {.records = 100};
  options.on_read = [&](std::int64_t begin) -> Status {
    if (begin == 0) second_failed.wait();
    if (begin == kPieceRecords) second_failed.open();
    return Error(ErrorCode::kDataLoss, fmt::format("piece {} is broken", begin));
  };
  std::vector<std::int64_t> out;
  const Result<Report> report = reading(options, out).run(with_workers(2));
  EXPECT_THAT(error_text(report), HasSubstr("source: piece 0 is broken"));
}

TEST(Pieces, AreReadUpToTheOneThatCannotBeCut) {
  std::vector<std::int64_t> out;
  std::atomic<int> read{0};
  DividedOptions options = {.records = 100};
  options.on_cut = [](std::int64_t begin) {
    return begin < 50 ? Status() : Error(ErrorCode::kDataLoss, "the file was changed");
  };
  options.on_read = [&](std::int64_t) {
    ++read;
    return Status();
  };
  const Result<Report> report = reading(options, out).run(with_workers(2));
  EXPECT_THAT(error_text(report), HasSubstr("source: the file was changed"));
  EXPECT_EQ(read, 5);
}

TEST(Pieces, EndTheRunWhenTheSourceThrows) {
  DividedOptions options = {.records = 100};
  options.on_cut = [](std::int64_t begin) -> Status {
    if (begin == 30) throw std::runtime_error("no more");
    return {};
  };
  std::vector<std::int64_t> out;
  EXPECT_THAT(error_text(reading(options, out).run(with_workers(2))), HasSubstr("no more"));
}

TEST(Pieces, AreNotAskedForAgainAtTheEnd) {
  for (const bool fails : {false, true}) {
    int ends = 0;
    DividedOptions options = {.records = 30};
    options.on_cut = [&](std::int64_t begin) -> Status {
      if (begin < 30) return {};
      ++ends;
      return fails ? Status(Error(ErrorCode::kDataLoss, "cut short")) : Status();
    };
    std::vector<std::int64_t> out;
    EXPECT_EQ(reading(options, out).run(with_workers(4)).has_value(), !fails);
    EXPECT_EQ(ends, 1);
  }
}

TEST(Pieces, AreReadAsOneInstanceDecided) {
  // The input may change from one look at it to the next.
  std::atomic<int> bound{0};
  std::vector<std::int64_t> out;
  ASSERT_TRUE(reading({.records = 100, .bound = &bound}, out).run(with_workers(4)));
  EXPECT_EQ(bound, 1);
}

TEST(Pieces, ServeAgainWhenTheyAreSpent) {
  std::atomic<int> made{0};
  std::vector<std::int64_t> out;
  ASSERT_TRUE(reading({.records = 1000, .pieces_made = &made}, out).run(with_workers(3)));
  EXPECT_LE(made, 3);
}

TEST(Pieces, AreCountedInAllWorkers) {
  std::vector<std::int64_t> out;
  const Result<Report> report = reading({.records = 100, .forget = 1}, out).run(with_workers(3));
  EXPECT_THAT(error_text(report), HasSubstr("source: it read 99 records, but emitted 100 and rejected 0"));
}

TEST(Pieces, EndWhenTheRunIsDrained) {
  StopSignal stop;
  DividedOptions options = {.records = 1'000'000};
  options.on_read = [&](std::int64_t begin) {
    if (begin == 50) stop.request(StopSignal::State::kDrain);
    return Status();
  };
  std::vector<std::int64_t> out;
  RunOptions run = with_workers(2);
  run.stop = &stop;
  const Result<Report> report = reading(options, out).run(run);
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_EQ(report->outcome, Report::Outcome::kDrained);
  EXPECT_LT(report->records_in, 1'000'000U);
  EXPECT_EQ(out, first_numbers(report->records_in));
}

TEST(Pieces, GoOnUnderALimitOfMemory) {
  RunOptions run = with_workers(3);
  run.memory_limit = 1;
  std::vector<std::int64_t> out;
  ASSERT_TRUE(reading({.records = 200}, out).run(run));
  EXPECT_EQ(out, first_numbers(200));
}

TEST(Pieces, ComeFromTheSourceAndGoThroughTheWholeChain) {
  std::vector<std::int64_t> out;
  Pipeline pipeline("test");
  pipeline.add("source", std::make_shared<DividedFactory>(DividedOptions{.records = 100}), {}, Pipeline::kNone);
  pipeline.add("step", calling({}), {.stateless = true});
  pipeline.add("sink", calling(keeping_sink(out)));
  const Result<Plan> plan = pipeline.plan(with_workers(3));
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->segments.size(), 2U);
  EXPECT_THAT(plan->segments[0].steps, ElementsAre(0, 1));
  EXPECT_EQ(plan->segments[0].workers, 3U);
  EXPECT_THAT(plan->segments[0].reason, HasSubstr("cut into pieces"));
  ASSERT_TRUE(pipeline.run(with_workers(3)));
  EXPECT_EQ(out, first_numbers(100));
}

TEST(Pieces, AreNotCutWhereNotOneRecordTooManyMayBeRead) {
  testing::Calls few;
  few.traits.ends_early = true;
  Pipeline pipeline("test");
  pipeline.add("source", std::make_shared<DividedFactory>(DividedOptions{.records = 100}), {}, Pipeline::kNone);
  pipeline.add("few", calling(few));
  const Result<Plan> plan = pipeline.plan(with_workers(3));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->segments[0].workers, 1U);
}

TEST(Pieces, CannotComeFromASourceThatIsNotDivisible) {
  static constexpr const char* kName = "pieces of anything";
  ASSERT_TRUE(add_strategy({kName, testing::kForOneTest, [](const StrategyInput&) -> Result<Plan> {
                              Plan plan;
                              plan.segments.push_back({.steps = {0}, .workers = 2, .reason = "why not"});
                              return plan;
                            }}));
  Pipeline pipeline("test");
  pipeline.add("source", calling(counting_source(10)), {}, Pipeline::kNone);
  EXPECT_THAT(error_text(pipeline.run(Strategy{kName})), HasSubstr("several workers"));
}

}  // namespace
}  // namespace penstock
