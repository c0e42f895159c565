// SPDX-License-Identifier: MIT
// The reference job, with steps that take 10, 20 and 15 ms per batch. Derived values are rounded to thousandths, kept
// as whole numbers, so that the plain sums of the naive program are exact too.
#include <array>
#include <chrono>
#include <cmath>
#include <map>
#include <thread>

#include "apps/penstock/bench/strategies/job.h"
#include "apps/penstock/bench/strategies/operators.h"
#include "data/random.h"

namespace penstock::app::bench {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPreprocess{10};
constexpr milliseconds kTransform{20};
constexpr milliseconds kMetrics{15};
constexpr std::int64_t kSeed = 42;

Pipeline reference_pipeline(const JobInput& input, Answer& answer) {
  Pipeline pipeline("reference");
  pipeline.add("generate", Options{{"records", static_cast<std::int64_t>(input.size)}, {"seed", kSeed}});
  pipeline.add("pause", pause(kPreprocess), {.name = "preprocess"});
  pipeline.add("derive", Options{{"set", OptionValue::Table{{"zscore", "round((value1 - 100) / 15 * 1000)"},
                                                            {"value2_log1p", "round(log1p(value2) * 1000)"}}}});
  pipeline.add("pause", pause(kTransform), {.name = "transform"});
  pipeline.add("derive", Options{{"set", OptionValue::Table{{"ratio", "round(value1 / (value2 + 1) * 1000)"},
                                                            {"sum", "round((value1 + value2) * 1000)"}}}});
  pipeline.add("answer", answer_sink(answer.part(0)), {.name = "processed"});
  pipeline.add("pause", pause(kMetrics), {.name = "metrics"});
  pipeline.add("aggregate", Options{{"by", "category"},
                                    {"compute", OptionValue::Table{{"records", "count()"},
                                                                   {"zscore_sum", "sum(zscore)"},
                                                                   {"log1p_sum", "sum(value2_log1p)"},
                                                                   {"ratio_sum", "sum(ratio)"},
                                                                   {"sum_max", "max(sum)"}}}});
  pipeline.add("answer", answer_sink(answer.part(1)), {.name = "answer"});
  return pipeline;
}

struct Measured {
  std::int64_t id = 0;
  double value1 = 0;
  double value2 = 0;
  std::string category;
  double zscore = 0;
  double value2_log1p = 0;
  double ratio = 0;
  double sum = 0;
};

std::vector<Measured> generate_all(std::uint64_t records) {
  std::vector<Measured> all;
  for (std::uint64_t i = 0; i < records; ++i) {
    Measured record;
    record.id = static_cast<std::int64_t>(i);
    record.value1 = Random(kSeed, 1, i).normal(100, 15);
    record.value2 = Random(kSeed, 2, i).exponential(2);
    record.category = std::string(1, "ABCD"[Random(kSeed, 3, i).integer(0, 3)]);
    all.push_back(record);
  }
  return all;
}

// A list in, a new list out, `time` for each batch.
template <class Change>
std::vector<Measured> naive_step(const std::vector<Measured>& in, std::size_t batch_size, milliseconds time,
                                 Change change) {
  std::vector<Measured> out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (i % batch_size == 0) std::this_thread::sleep_for(time);
    Measured record = in[i];
    change(record);
    out.push_back(record);
  }
  return out;
}

struct Totals {
  std::int64_t records = 0;
  double zscore_sum = 0;
  double log1p_sum = 0;
  double ratio_sum = 0;
  double sum_max = 0;
};

void add_to_answer(const std::vector<Measured>& processed, const std::map<std::string, Totals>& metrics,
                   Answer& answer) {
  for (const Measured& each : processed) {
    Answer::Part& part = answer.part(0);
    part.add(each.id);
    for (const double value : {each.value1, each.value2}) part.add(value);
    part.add(std::string_view(each.category));
    for (const double value : {each.zscore, each.value2_log1p, each.ratio, each.sum}) part.add(value);
    part.end_record();
  }
  for (const auto& [category, totals] : metrics) {
    Answer::Part& part = answer.part(1);
    part.add(std::string_view(category));
    part.add(totals.records);
    for (const double value : {totals.zscore_sum, totals.log1p_sum, totals.ratio_sum, totals.sum_max}) part.add(value);
    part.end_record();
  }
}

Status naive_reference(const JobInput& input, Answer& answer) {
  const std::vector<Measured> generated = generate_all(input.size);
  const auto preprocessed = naive_step(generated, input.batch_size, kPreprocess, [](Measured& record) {
    record.zscore = std::round((record.value1 - 100) / 15 * 1000);
    record.value2_log1p = std::round(std::log1p(record.value2) * 1000);
  });
  const auto processed = naive_step(preprocessed, input.batch_size, kTransform, [](Measured& record) {
    record.ratio = std::round(record.value1 / (record.value2 + 1) * 1000);
    record.sum = std::round((record.value1 + record.value2) * 1000);
  });
  std::map<std::string, Totals> metrics;
  naive_step(processed, input.batch_size, kMetrics, [&metrics](const Measured& record) {
    const bool first = !metrics.contains(record.category);
    Totals& totals = metrics[record.category];
    ++totals.records;
    totals.zscore_sum += record.zscore;
    totals.log1p_sum += record.value2_log1p;
    totals.ratio_sum += record.ratio;
    totals.sum_max = first ? record.sum : std::max(totals.sum_max, record.sum);
  });
  add_to_answer(processed, metrics, answer);
  return {};
}

}  // namespace

Job reference_job() {
  return {
      .name = "reference",
      .what =
          "The reference job: its steps preprocess, transform and metrics wait 10, 20 and 15 ms per batch of 1,000.",
      .unit = "records",
      .quick_size = 10'000,
      .full_sizes = {25'000, 50'000, 100'000},
      .batch_size = 1000,
      .workers = 8,
      .most_batches = 40,
      .pipeline = reference_pipeline,
      .naive = naive_reference};
}

}  // namespace penstock::app::bench
