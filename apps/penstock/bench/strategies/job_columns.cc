// SPDX-License-Identifier: MIT
// Columns that go through memory once and are hardly worked on: what limits it is how fast memory is. All values are
// whole numbers, so that the plain sums of the naive program are exact too.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "apps/penstock/bench/strategies/job.h"
#include "apps/penstock/bench/strategies/operators.h"

namespace penstock::app::bench {
namespace {

struct Sale {
  std::int64_t id;
  std::int64_t quantity;
  double price;
  double weight;
  std::uint64_t shop;
};

constexpr std::uint64_t kShops = 16;

Sale sale_at(std::uint64_t index) noexcept {
  const std::uint64_t random = (index ^ index >> 7) * 0x9E3779B97F4A7C15;
  return {static_cast<std::int64_t>(index), static_cast<std::int64_t>(random >> 60),
          static_cast<double>(random >> 32 & 0xFFF), static_cast<double>(random >> 44 & 0xFF), random >> 56 & 0xF};
}

std::string shop_name(std::uint64_t shop) { return fmt::format("shop {:02}", shop); }

class SaleSource final : public Source {
 public:
  explicit SaleSource(std::uint64_t rows) : rows_(rows) {
    for (std::uint64_t i = 0; i < kShops; ++i) shops_[i] = shop_name(i);
  }
  Result<StreamType> bind(const StreamType&) override { return StreamType::of_schema(schema_); }
  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }
  Result<Next> produce(Emitter& out) override {
    if (next_ == rows_) return Next::kEnd;
    const std::uint64_t end = next_ + std::min<std::uint64_t>(context_->batch_size, rows_ - next_);
    RecordBatchBuilder builder(schema_, *context_->pool);
    for (; next_ < end; ++next_) {
      const Sale sale = sale_at(next_);
      builder.column(0).append_int64(sale.id);
      builder.column(1).append_int64(sale.quantity);
      builder.column(2).append_float64(sale.price);
      builder.column(3).append_float64(sale.weight);
      builder.column(4).append_text(shops_[sale.shop]);
    }
    out.emit(builder.finish());
    return next_ == rows_ ? Next::kEnd : Next::kMore;
  }

 private:
  const std::uint64_t rows_;
  std::uint64_t next_ = 0;
  OperatorContext* context_ = nullptr;
  std::array<std::string, kShops> shops_;
  const SchemaPtr schema_ = std::make_shared<const Schema>(std::vector<Field>{{"id", Type::kInt64},
                                                                              {"quantity", Type::kInt64},
                                                                              {"price", Type::kFloat64},
                                                                              {"weight", Type::kFloat64},
                                                                              {"shop", Type::kUtf8}});
};

class SaleSourceFactory final : public OperatorFactory {
 public:
  explicit SaleSourceFactory(std::uint64_t rows) : rows_(rows) {}
  Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<SaleSource>(rows_); }

 private:
  const std::uint64_t rows_;
};

Pipeline columns_pipeline(const JobInput& input, Answer& answer) {
  Pipeline pipeline("columns");
  pipeline.add("sales", std::make_shared<SaleSourceFactory>(input.size));
  pipeline.add("filter", Options{{"where", "quantity > 2"}});
  pipeline.add("derive",
               Options{{"set", OptionValue::Table{{"total", "price * quantity"}, {"load", "weight * quantity"}}}});
  pipeline.add("aggregate", Options{{"by", "shop"},
                                    {"compute", OptionValue::Table{{"sales", "count()"},
                                                                   {"total", "sum(total)"},
                                                                   {"load", "sum(load)"},
                                                                   {"most", "max(total)"}}}});
  pipeline.add("answer", answer_sink(answer.part(0)), {.name = "answer"});
  return pipeline;
}

struct SaleRow {
  std::int64_t id = 0;
  std::int64_t quantity = 0;
  double price = 0;
  double weight = 0;
  std::string shop;
  double total = 0;
  double load = 0;
};

struct ShopTotals {
  std::int64_t sales = 0;
  double total = 0;
  double load = 0;
  double most = 0;
};

Status naive_columns(const JobInput& input, Answer& answer) {
  std::vector<SaleRow> rows;
  for (std::uint64_t i = 0; i < input.size; ++i) {
    const Sale sale = sale_at(i);
    rows.push_back({sale.id, sale.quantity, sale.price, sale.weight, shop_name(sale.shop)});
  }
  std::vector<SaleRow> kept;
  for (const SaleRow& row : rows) {
    if (row.quantity > 2) kept.push_back(row);
  }
  for (SaleRow& row : kept) {
    row.total = row.price * static_cast<double>(row.quantity);
    row.load = row.weight * static_cast<double>(row.quantity);
  }
  std::map<std::string, ShopTotals> shops;
  for (const SaleRow& row : kept) {
    ShopTotals& shop = shops[row.shop];
    ++shop.sales;
    shop.total += row.total;
    shop.load += row.load;
    shop.most = std::max(shop.most, row.total);
  }
  Answer::Part& part = answer.part(0);
  for (const auto& [name, shop] : shops) {
    part.add(std::string_view(name));
    part.add(shop.sales);
    for (const double value : {shop.total, shop.load, shop.most}) part.add(value);
    part.end_record();
  }
  return {};
}

}  // namespace

Job columns_job() {
  return {.name = "columns",
          .what = "Memory-bound columns: five columns are made, filtered, derived from and summed by shop.",
          .unit = "rows",
          .quick_size = 1'000'000,
          .full_sizes = {2'000'000, 8'000'000},
          .pipeline = columns_pipeline,
          .naive = naive_columns};
}

}  // namespace penstock::app::bench
