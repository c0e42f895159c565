// SPDX-License-Identifier: MIT
#include "operators/async/async_rows.h"

#include <fmt/format.h>

#include <limits>

#include "base/check.h"
#include "base/utf8.h"
#include "data/column_layout.h"

namespace penstock {
namespace {

constexpr std::size_t kMostTextBytes = std::size_t{8} << 20;  // in one batch that goes out, and one row more

// A batch whose rows are in flight: it lives as long as one of them.
struct RowsInHand {
  RecordBatch rows;
  std::vector<Column> arguments;
  RowFailures failures;
};

class RowCalls final : public Operator, private detail::AsyncWork {
 public:
  RowCalls(RowCallsOptions options, std::unique_ptr<RowCall> call)
      : options_(std::move(options)),
        call_(std::move(call)),
        window_(*this, options_.limits),
        places_(window_.slots()) {}
  ~RowCalls() override { window_.drop_all(); }

  Result<StreamType> bind(const StreamType& input) override;
  OperatorTraits traits() const override { return window_.traits(); }
  std::string note() const override { return window_.note(); }
  Status open(OperatorContext& context) override {
    context_ = &context;
    builder_.emplace(schema_, *context.pool);
    window_.open(context);
    return {};
  }
  Status process(Batch batch, Emitter& out) override;
  Result<bool> idle(Emitter& out, bool may_wait) override { return window_.idle(out, may_wait); }
  Status finish(Emitter& out) override { return window_.finish(out); }
  void abort() noexcept override { window_.drop_all(); }

 private:
  struct Place {
    std::shared_ptr<const RowsInHand> batch;
    std::uint32_t row = 0;
    Task<Result<RowValues>> task;
    std::optional<Error> failure;
    RowValues values;
  };

  bool begin(std::uint32_t slot, detail::Continuation then) override;
  std::optional<Error> end(std::uint32_t slot) override;
  void drop(std::uint32_t slot) noexcept override { places_[slot].task.reset(); }
  std::size_t put(std::uint32_t slot) override;
  std::string raw(std::uint32_t slot) override { return places_[slot].batch->rows.row_to_json(places_[slot].row); }
  void forget(std::uint32_t slot) noexcept override { places_[slot] = Place(); }
  void flush(Emitter& out) override {
    text_bytes_ = 0;
    if (builder_->num_rows() > 0) out.emit(builder_->finish());
  }

  const RowCallsOptions options_;
  const std::unique_ptr<RowCall> call_;
  detail::AsyncWindow window_;
  std::vector<Place> places_;
  std::vector<Expression> expressions_;
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
  std::optional<RecordBatchBuilder> builder_;
  std::size_t text_bytes_ = 0;  // in the builder, roughly
};

Result<StreamType> RowCalls::bind(const StreamType& input) {
  if (!input.is_record_batch() || input.schema == nullptr) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} needs record batches", options_.op));
  }
  PENSTOCK_TRY(window_.check());
  for (const RowArgument& argument : options_.arguments) {
    Result<Expression> expression = Expression::compile(argument.expression, input.schema);
    if (!expression) return Error(std::move(expression).error()).at(argument.option).at(argument.place);
    if (expression->type() != Type::kUtf8) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("option \"{}\" must be a text, found {}", argument.option,
                                                            to_string(expression->type())))
          .at(argument.place);
    }
    expressions_.push_back(std::move(*expression));
  }
  std::vector<Field> fields = input.schema->fields();
  fields.insert(fields.end(), options_.columns.begin(), options_.columns.end());
  PENSTOCK_ASSIGN(schema_, make_schema(std::move(fields)));
  return StreamType::of_schema(schema_);
}

Status RowCalls::process(Batch batch, Emitter& out) {
  auto in_hand = std::make_shared<RowsInHand>();
  in_hand->rows = std::move(batch.record_batch());
  for (const Expression& expression : expressions_)
    in_hand->arguments.push_back(expression.evaluate(in_hand->rows, *context_->pool, in_hand->failures));
  return window_.take_all(in_hand->rows.num_rows(), out, [&](std::uint32_t slot, std::size_t row) {
    places_[slot].batch = in_hand;
    places_[slot].row = static_cast<std::uint32_t>(row);
  });
}

bool RowCalls::begin(std::uint32_t slot, detail::Continuation then) {
  Place& place = places_[slot];
  for (const RowFailures::Failure& failure : place.batch->failures.all()) {
    if (failure.row != place.row) continue;
    place.failure = Error(ErrorCode::kInvalidArgument, failure.reason);
    return true;
  }
  RowArguments arguments;
  for (const Column& column : place.batch->arguments) {
    arguments.emplace_back();
    if (!column.is_null(place.row)) arguments.back() = std::string(column.text(place.row));
  }
  place.task = call_->call(std::move(arguments));
  return place.task.start(then);
}

std::optional<Error> RowCalls::end(std::uint32_t slot) {
  Place& place = places_[slot];
  if (place.failure) return std::exchange(place.failure, std::nullopt);
  Result<RowValues> values = place.task.take();
  place.task.reset();
  if (!values) return std::move(values).error();
  for (std::size_t i = 0; i < values->size(); ++i) {
    const RowValue& value = (*values)[i];
    if (options_.columns[i].type != Type::kUtf8 || is_utf8(value.text)) continue;
    return Error(ErrorCode::kDataLoss,
                 fmt::format("what comes into column \"{}\" is not UTF-8", options_.columns[i].name))
        .retryable(false);
  }
  place.values = std::move(*values);
  return std::nullopt;
}

std::size_t RowCalls::put(std::uint32_t slot) {
  const Place& place = places_[slot];
  const RecordBatch& rows = place.batch->rows;
  for (std::size_t c = 0; c < rows.num_columns(); ++c) {
    builder_->column(c).append_from(rows.column(c), place.row);
    if (has_offsets(rows.column(c).type())) text_bytes_ += rows.column(c).text(place.row).size();
  }
  for (std::size_t i = 0; i < options_.columns.size(); ++i) {
    ColumnBuilder& column = builder_->column(rows.num_columns() + i);
    const RowValue& value = place.values[i];
    if (value.null) {
      column.append_null();
    } else if (column.type() == Type::kUtf8) {
      column.append_text(value.text);
      text_bytes_ += value.text.size();
    } else {
      column.append_int64(value.number);
    }
  }
  forget(slot);
  return text_bytes_ > kMostTextBytes ? std::numeric_limits<std::size_t>::max() : builder_->num_rows();
}

}  // namespace

RowCall::~RowCall() = default;

std::unique_ptr<Operator> make_row_calls(RowCallsOptions options, std::unique_ptr<RowCall> call) {
  options.limits.retries_everything = false;
  return std::make_unique<RowCalls>(std::move(options), std::move(call));
}

std::vector<OptionInfo> with_call_options(std::vector<OptionInfo> own, std::int64_t max_concurrent) {
  own.push_back({.name = "max_concurrent",
                 .kind = OptionKind::kInteger,
                 .doc = "Most rows that wait at once.",
                 .default_value = max_concurrent});
  own.push_back({.name = "ordered",
                 .kind = OptionKind::kBool,
                 .doc = "false: rows leave in the order in which they are done, so a slow one holds up no others.",
                 .default_value = true});
  own.push_back({.name = "call_timeout",
                 .kind = OptionKind::kDuration,
                 .doc = "Most time for one attempt; 0: no limit.",
                 .default_value = "30s"});
  own.push_back({.name = "rate_limit",
                 .kind = OptionKind::kNumber,
                 .doc = "Most attempts begun in a second; 0: no limit.",
                 .default_value = 0});
  return own;
}

Result<std::int64_t> integer_between(const Options& options, std::string_view name, std::int64_t least,
                                     std::int64_t most) {
  const std::int64_t value = options.integer(name);
  if (value >= least && value <= most) return value;
  return Error(ErrorCode::kInvalidArgument, fmt::format("{} must be from {} to {}, found {}", name, least, most, value))
      .at(options.place(name).to_text());
}

Result<std::size_t> most_bytes(const Options& options) {
  PENSTOCK_ASSIGN(const std::int64_t bytes, integer_between(options, "max_bytes", 0, std::int64_t{1} << 40));
  return static_cast<std::size_t>(bytes);
}

Result<detail::AsyncLimits> call_limits(const Options& options) {
  detail::AsyncLimits limits;
  PENSTOCK_ASSIGN(const std::int64_t most, integer_between(options, "max_concurrent", 1, 1'000'000));
  limits.max_concurrent = static_cast<std::uint32_t>(most);
  limits.ordered = options.boolean("ordered");
  limits.timeout_ns = options.integer("call_timeout") * 1000;
  limits.rate_limit = options.number("rate_limit");
  return limits;
}

RowArgument row_argument(const Options& options, const std::string& name) {
  return {name, options.text(name), options.place(name).to_text()};
}

void add_async_operators([[maybe_unused]] Registry& registry) {
#ifdef PENSTOCK_ASYNC
  PENSTOCK_CHECK(registry.add(file_read_info()).has_value(), "two built-in operators have one name");
#endif
#ifdef PENSTOCK_HTTP
  PENSTOCK_CHECK(registry.add(http_fetch_info()).has_value(), "two built-in operators have one name");
#endif
}

}  // namespace penstock
