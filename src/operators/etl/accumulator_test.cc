// SPDX-License-Identifier: MIT
// Groups and their accumulators merge: rows split among any number of workers, merged in any order, give the same bits.
#include "operators/etl/accumulator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "operators/etl/group_table.h"
#include "operators/etl/random_table.h"

namespace penstock {
namespace {

using testing::random_table;

struct Measure {
  AggregateCall call;
  std::size_t column;
};

std::vector<Measure> all_measures(const SchemaPtr& schema) {
  std::vector<Measure> measures;
  for (const char* const text :
       {"count(word)", "sum(word)", "mean(word)", "sum(real)", "mean(real)", "std(word)", "std(real)", "min(word)",
        "max(real)", "min(text)", "max(text)", "max(at)", "quantile(word, 0.3)", "quantile(real, 0.9)",
        "exact_quantile(real, 0.5)", "exact_quantile(word, 0.5)"}) {
    AggregateCall call = *parse_aggregate(text, schema);
    const std::size_t column = call.argument->columns()[0];
    measures.push_back({std::move(call), column});
  }
  return measures;
}

// What one worker gathers.
class Worker {
 public:
  Worker(std::vector<KeyColumn> keys, std::vector<Measure> measures)
      : table_(std::move(keys)), measures_(std::move(measures)) {
    for (const Measure& measure : measures_) {
      accumulators_.push_back(make_accumulator(accumulator_kind(measure.call), measure.call.argument->type()));
    }
  }

  void add(const RecordBatch& batch) {
    std::vector<std::uint32_t> groups;
    table_.add(batch, groups);
    for (std::size_t m = 0; m < measures_.size(); ++m) {
      const Column& column = batch.column(measures_[m].column);
      std::vector<std::uint32_t> rows;
      std::vector<std::uint32_t> groups_of_rows;
      for (std::uint32_t row = 0; row < column.size(); ++row) {
        if (column.is_null(row)) continue;
        rows.push_back(row);
        groups_of_rows.push_back(groups[row]);
      }
      accumulators_[m]->resize(table_.size());
      accumulators_[m]->add(column.take(rows, BufferPool::shared()), groups_of_rows);
    }
  }

  void merge(Worker& other) {
    std::vector<std::uint32_t> groups;
    table_.merge(other.table_, groups);
    for (std::size_t m = 0; m < measures_.size(); ++m) {
      accumulators_[m]->resize(table_.size());
      accumulators_[m]->merge(*other.accumulators_[m], groups);
    }
  }

  // The groups in the order of their keys; floats as their bits, since NaN has some.
  std::vector<std::string> results(const Schema& schema, const std::vector<KeyColumn>& keys) {
    std::vector<ColumnBuilder> builders;
    for (const KeyColumn& key : keys) builders.emplace_back(schema[key.index].type, BufferPool::shared());
    const std::vector<std::uint32_t> groups = table_.sorted();
    for (const std::uint32_t group : groups) table_.append_key(group, builders);
    for (std::size_t m = 0; m < measures_.size(); ++m) {
      builders.emplace_back(measures_[m].call.type, BufferPool::shared());
      const Status appended = accumulators_[m]->append(measures_[m].call, groups, builders.back());
      EXPECT_TRUE(appended);
    }
    std::vector<std::string> results(groups.size());
    for (ColumnBuilder& builder : builders) {
      const Column column = builder.finish();
      for (std::size_t row = 0; row < column.size(); ++row) results[row] += text_of(column, row) + " ";
    }
    return results;
  }

 private:
  static std::string text_of(const Column& column, std::size_t row) {
    if (column.is_null(row)) return "null";
    switch (column.type()) {
      case Type::kUtf8: return "'" + std::string(column.text(row)) + "'";
      case Type::kBool: return get_bit(column.bits(), row) ? "true" : "false";
      case Type::kFloat64: return std::to_string(std::bit_cast<std::uint64_t>(column.float64s()[row]));
      default: return std::to_string(column.int64s()[row]);
    }
  }

  GroupTable table_;
  std::vector<Measure> measures_;
  std::vector<std::unique_ptr<Accumulator>> accumulators_;
};

// Integers whose sums fit, and floats of many sizes beside the awkward ones.
RecordBatch rows_to_group(std::size_t rows, std::uint64_t seed) {
  const RecordBatch awkward = random_table(rows, seed);
  ColumnBuilder words(Type::kInt64, BufferPool::shared());
  ColumnBuilder reals(Type::kFloat64, BufferPool::shared());
  for (std::size_t row = 0; row < rows; ++row) {
    Random random(seed, 1, row);
    const std::int64_t kind = random.integer(0, 9);
    if (kind == 0) {
      words.append_null();
    } else {
      words.append_int64(random.integer(-1'000'000'000'000, 1'000'000'000'000));
    }
    if (kind < 3 && row % 3 == 0) {
      reals.append_from(awkward.column(1), row);
    } else {
      reals.append_float64(std::ldexp(random.uniform(-1, 1), static_cast<int>(random.integer(-80, 80))));
    }
  }
  std::vector<Column> columns = awkward.columns();
  columns[0] = words.finish();
  columns[1] = reals.finish();
  return {awkward.schema_ptr(), std::move(columns), rows};
}

TEST(Accumulator, AnySplitMergedInAnyOrderGivesTheSameBits) {
  const std::vector<std::vector<KeyColumn>> keys_to_try = {
      {},
      {{.index = 2, .type = Type::kBool}},
      {{.index = 3, .type = Type::kUtf8}},
      {{.index = 3, .type = Type::kUtf8}, {.index = 4, .type = Type::kTimestamp}},
      {{.index = 5, .type = Type::kInt64}},
  };
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const RecordBatch rows = rows_to_group(300, seed);
    const std::vector<Measure> measures = all_measures(rows.schema_ptr());
    const std::vector<KeyColumn>& keys = keys_to_try[seed % keys_to_try.size()];
    Worker alone(keys, measures);
    alone.add(rows);
    const std::vector<std::string> expected = alone.results(*rows.schema_ptr(), keys);

    Random random(seed, 2, 0);
    std::vector<Worker> workers;
    const std::int64_t count = random.integer(1, 6);
    for (std::int64_t i = 0; i < count; ++i) workers.emplace_back(keys, measures);
    for (const RecordBatch& batch : testing::in_batches_of(rows, 17)) {
      workers[static_cast<std::size_t>(random.integer(0, count - 1))].add(batch);
    }
    while (workers.size() > 1) {  // any two of them, until one is left
      const auto from = static_cast<std::size_t>(random.integer(1, static_cast<std::int64_t>(workers.size()) - 1));
      const auto to = static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(from) - 1));
      workers[to].merge(workers[from]);
      workers.erase(workers.begin() + static_cast<std::ptrdiff_t>(from));
    }
    EXPECT_EQ(workers[0].results(*rows.schema_ptr(), keys), expected) << "seed " << seed;
  }
}

TEST(Accumulator, MergesAWorkerThatSawNothing) {
  const RecordBatch rows = rows_to_group(50, 1);
  const std::vector<KeyColumn> keys = {{.index = 3, .type = Type::kUtf8}};
  const std::vector<Measure> measures = all_measures(rows.schema_ptr());
  Worker busy(keys, measures);
  Worker idle(keys, measures);
  busy.add(rows);
  const std::vector<std::string> expected = busy.results(*rows.schema_ptr(), keys);
  busy.merge(idle);
  EXPECT_EQ(busy.results(*rows.schema_ptr(), keys), expected);
  idle.merge(busy);
  EXPECT_EQ(idle.results(*rows.schema_ptr(), keys), expected);
}

}  // namespace
}  // namespace penstock
