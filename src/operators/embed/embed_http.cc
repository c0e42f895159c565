// SPDX-License-Identifier: MIT
// embed.http: vectors by a server. docs/guide/images.md says what is sent and what is to be answered.
#include <fmt/format.h>
#include <penstock/async_io.h>
#include <penstock/async_window.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/printable.h"
#include "operators/embed/embed_operators.h"
#include "operators/embed/vector_column.h"

namespace penstock {
namespace {

constexpr std::size_t kMostTextPerValue = 32;  // of JSON, in a response

struct EmbedHttpOptions {
  VectorColumnOptions columns;
  std::string url;
  std::vector<HttpHeader> headers;
  std::uint32_t dimension = 0;
  std::size_t batch = 0;
  detail::AsyncLimits limits;
};

Error wrong_answer(const std::string& url, std::string_view what) {
  return Error(ErrorCode::kDataLoss, fmt::format("{}: the server answered {}", url, what)).retryable(false);
}

Error wrong_count(const std::string& url, std::size_t found, std::size_t tensors, std::uint32_t dimension) {
  return wrong_answer(url,
                      fmt::format("{} values for {} tensors, {} for each were expected", found, tensors, dimension));
}

// {"vectors": [[…], …]}
Result<std::vector<float>> vectors_of_json(const HttpResponse& response, std::size_t tensors, std::uint32_t dimension) {
  simdjson::dom::parser parser;
  simdjson::dom::array vectors;
  const auto failed = parser.parse(response.body)["vectors"].get(vectors);
  if (failed)
    return wrong_answer(response.url, fmt::format("no {{\"vectors\": …}}: {}", simdjson::error_message(failed)));
  std::vector<float> values;
  for (const simdjson::dom::element vector : vectors) {
    simdjson::dom::array numbers;
    if (vector.get(numbers)) return wrong_answer(response.url, "a vector that is no list of numbers");
    if (numbers.size() != dimension) {
      return wrong_answer(response.url,
                          fmt::format("a vector of {} values, {} were expected", numbers.size(), dimension));
    }
    for (const simdjson::dom::element number : numbers) {
      double value = 0;
      if (number.get(value)) return wrong_answer(response.url, "a vector with a value that is no number");
      values.push_back(static_cast<float>(value));
    }
  }
  if (vectors.size() == tensors) return values;
  return wrong_answer(response.url, fmt::format("{} vectors for {} tensors", vectors.size(), tensors));
}

Result<std::vector<float>> vectors_of(const HttpResponse& response, std::size_t tensors, std::uint32_t dimension) {
  if (response.status != 200) {
    const bool may_change = response.status >= 500 || response.status == 429 || response.status == 408;
    const std::string said = printable(std::string_view(response.body).substr(0, 200));
    return Error(ErrorCode::kUnavailable, fmt::format("{}: the server answered {}{}{}", response.url, response.status,
                                                      said.empty() ? "" : ": ", said))
        .retryable(may_change);
  }
  if (response.content_type.starts_with("application/json")) return vectors_of_json(response, tensors, dimension);
  std::vector<float> values(response.body.size() / sizeof(float));
  if (response.body.size() % sizeof(float) != 0 || values.size() != tensors * dimension)
    return wrong_count(response.url, values.size(), tensors, dimension);
  std::memcpy(values.data(), response.body.data(), response.body.size());
  return values;
}

Task<Result<std::vector<float>>> ask(HttpRequest request, std::size_t tensors, std::uint32_t dimension) {
  Task<Result<HttpResponse>> fetching = fetch(std::move(request));
  const Result<HttpResponse> response = co_await std::move(fetching);
  if (!response) co_return response.error();
  co_return vectors_of(*response, tensors, dimension);
}

/// A request for some rows of a batch is a call of the window.
class EmbedHttp final : public Operator, private detail::AsyncWork {
 public:
  explicit EmbedHttp(EmbedHttpOptions options)
      : options_(std::move(options)), window_(*this, options_.limits), calls_(window_.slots()) {}
  ~EmbedHttp() override { window_.drop_all(); }

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(column_, find_tensors("embed.http", input, options_.columns));
    PENSTOCK_TRY(window_.check());
    tensor_ = (*input.schema)[column_].tensor;
    PENSTOCK_ASSIGN(schema_, with_vectors(input, options_.columns, options_.dimension));
    return StreamType::of_schema(schema_);
  }
  OperatorTraits traits() const override { return window_.traits(); }
  std::string note() const override {
    return fmt::format("up to {} requests of {} tensors at once, in one thread", options_.limits.max_concurrent,
                       options_.batch);
  }
  Status open(OperatorContext& context) override {
    context_ = &context;
    builder_.emplace(schema_, *context.pool);
    window_.open(context);
    return {};
  }
  Status process(Batch batch, Emitter& out) override {
    const auto rows = std::make_shared<const RecordBatch>(std::move(batch.record_batch()));
    const std::size_t calls = (rows->num_rows() + options_.batch - 1) / options_.batch;
    return window_.take_all(calls, out, [&](std::uint32_t slot, std::size_t call) {
      calls_[slot].rows = rows;
      calls_[slot].begin = call * options_.batch;
      calls_[slot].end = std::min(rows->num_rows(), calls_[slot].begin + options_.batch);
    });
  }
  Result<bool> idle(Emitter& out, bool may_wait) override { return window_.idle(out, may_wait); }
  Status finish(Emitter& out) override { return window_.finish(out); }
  void abort() noexcept override { window_.drop_all(); }

 private:
  struct Call {
    std::shared_ptr<const RecordBatch> rows;
    std::size_t begin = 0;
    std::size_t end = 0;
    Task<Result<std::vector<float>>> task;
    bool asked = false;          // a request is under way, or was
    std::vector<float> vectors;  // of the rows that have tensors; empty: there are none
  };

  const Column& tensors_of(const Call& call) const { return call.rows->column(column_); }

  std::size_t num_tensors(const Call& call) const {
    std::size_t count = 0;
    for (std::size_t row = call.begin; row < call.end; ++row) count += tensors_of(call).is_null(row) ? 0 : 1;
    return count;
  }

  HttpRequest request_for(const Call& call, std::size_t tensors) const {
    HttpRequest request(options_.url);
    request.method = "POST";
    request.headers = options_.headers;
    TensorType all = tensor_;
    all.shape.insert(all.shape.begin(), static_cast<std::int64_t>(tensors));
    request.headers.push_back({"Content-Type", "application/octet-stream"});
    request.headers.push_back({"X-Penstock-Tensor", all.to_text()});
    request.headers.push_back({"Expect", ""});  // no round trip before the body
    request.max_body_bytes = (tensors * options_.dimension + 64) * kMostTextPerValue;
    request.max_redirects = 0;  // would become a GET
    request.body.reserve(tensors * *tensor_.row_bytes());
    for (std::size_t row = call.begin; row < call.end; ++row) {
      if (tensors_of(call).is_null(row)) continue;
      const std::span<const std::byte> tensor = tensors_of(call).tensor(row);
      request.body.append(reinterpret_cast<const char*>(tensor.data()), tensor.size());
    }
    return request;
  }

  std::uint64_t records(std::uint32_t slot) const override { return calls_[slot].end - calls_[slot].begin; }

  bool begin(std::uint32_t slot, detail::Continuation then) override {
    Call& call = calls_[slot];
    const std::size_t tensors = num_tensors(call);
    call.asked = tensors > 0;
    if (!call.asked) return true;
    call.task = ask(request_for(call, tensors), tensors, options_.dimension);
    return call.task.start(then);
  }

  // A vector that is not finite makes the whole call a failed one, whose other rows `reject` keeps.
  std::optional<Error> end(std::uint32_t slot) override {
    Call& call = calls_[slot];
    if (!call.asked) return std::nullopt;
    Result<std::vector<float>> vectors = call.task.take();
    call.task.reset();
    if (!vectors) return std::move(vectors).error();
    call.vectors = std::move(*vectors);
    const Status finite = check_finite(call.vectors);
    if (finite) return std::nullopt;
    return finite.error();
  }

  void drop(std::uint32_t slot) noexcept override { calls_[slot].task.reset(); }

  std::size_t put(std::uint32_t slot) override {
    const Call& call = calls_[slot];
    std::size_t vector = 0;
    for (std::size_t row = call.begin; row < call.end; ++row)
      append(call, row, tensors_of(call).is_null(row) ? std::span<const float>() : vector_at(call, vector++));
    forget(slot);
    return builder_->num_rows();
  }

  Status reject(std::uint32_t slot, std::uint64_t record, Error error, RowErrors& errors) override {
    const Call& call = calls_[slot];
    std::size_t vector = 0;
    for (std::size_t row = call.begin; row < call.end; ++row, ++record) {
      if (tensors_of(call).is_null(row)) {
        append(call, row, {});
        continue;
      }
      Status good = call.vectors.empty() ? Status(error) : check_finite(vector_at(call, vector));
      if (good) {
        append(call, row, vector_at(call, vector++));
        continue;
      }
      ++vector;
      Rejection rejection{
          .record = record, .reason = good.error().message(), .raw = {}, .column = options_.columns.column};
      if (!errors.raw_unused()) rejection.raw = call.rows->row_to_json(row);
      Status status = errors.reject(std::move(rejection));
      if (!status) return std::move(status).error().caused_by(std::move(error));
    }
    return {};
  }

  std::span<const float> vector_at(const Call& call, std::size_t index) const {
    return std::span(call.vectors).subspan(index * options_.dimension, options_.dimension);
  }

  // An empty vector is null.
  void append(const Call& call, std::size_t row, std::span<const float> vector) {
    const std::size_t columns = call.rows->num_columns();
    for (std::size_t c = 0; c < columns; ++c) builder_->column(c).append_from(call.rows->column(c), row);
    if (vector.empty()) return builder_->column(columns).append_null();
    std::memcpy(builder_->column(columns).append_tensor().data(), vector.data(), vector.size_bytes());
  }

  std::string raw(std::uint32_t slot) override { return calls_[slot].rows->row_to_json(calls_[slot].begin); }
  void forget(std::uint32_t slot) noexcept override { calls_[slot] = Call(); }
  void flush(Emitter& out) override {
    if (builder_->num_rows() > 0) out.emit(builder_->finish());
  }

  const EmbedHttpOptions options_;
  detail::AsyncWindow window_;
  std::vector<Call> calls_;
  std::size_t column_ = 0;
  TensorType tensor_;
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
  std::optional<RecordBatchBuilder> builder_;
};

Result<std::int64_t> number_of(const Options& options, const char* name, std::int64_t most) {
  const std::int64_t value = options.integer(name);
  if (value >= 1 && value <= most) return value;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("option \"{}\" is {}, and must be from 1 to {}", name, value, most))
      .at(options.place(name).to_text());
}

Result<std::unique_ptr<Operator>> make_embed_http(const Options& options) {
  EmbedHttpOptions how;
  how.columns = vector_column_options(options);
  how.url = options.text("url");
  if (options.has("headers")) {
    for (const OptionValue::Entry& entry : options.table("headers")) {
      const std::string* const text = entry.value.as_text();
      how.headers.push_back({entry.name, text != nullptr ? *text : entry.value.to_text()});
    }
  }
  PENSTOCK_ASSIGN(const std::int64_t dimension, number_of(options, "dimension", 32'768));
  PENSTOCK_ASSIGN(const std::int64_t batch, number_of(options, "batch", 100'000));
  PENSTOCK_ASSIGN(const std::int64_t concurrent, number_of(options, "max_concurrent", 10'000));
  how.dimension = static_cast<std::uint32_t>(dimension);
  how.batch = static_cast<std::size_t>(batch);
  how.limits = {.max_concurrent = static_cast<std::uint32_t>(concurrent),
                .timeout_ns = options.integer("call_timeout") * 1000,
                .rate_limit = options.number("rate_limit"),
                .retries_everything = false};
  return std::unique_ptr<Operator>(std::make_unique<EmbedHttp>(std::move(how)));
}

}  // namespace

OperatorInfo embed_http_info() {
  std::vector<OptionInfo> options = {{.name = "url",
                                      .doc = "Where batches of tensors are posted to.",
                                      .required = true,
                                      .example = "\"http://localhost:8000/embed\""},
                                     {.name = "dimension",
                                      .kind = OptionKind::kInteger,
                                      .doc = "How many values a vector has.",
                                      .required = true,
                                      .example = "512"},
                                     {.name = "batch",
                                      .kind = OptionKind::kInteger,
                                      .doc = "Most tensors in a request, out of the batch at hand.",
                                      .default_value = 32},
                                     {.name = "headers",
                                      .kind = OptionKind::kTable,
                                      .doc = "More headers of the requests.",
                                      .example = "{ Authorization = \"Bearer 123\" }"},
                                     {.name = "max_concurrent",
                                      .kind = OptionKind::kInteger,
                                      .doc = "Most requests that wait at once.",
                                      .default_value = 4},
                                     {.name = "call_timeout",
                                      .kind = OptionKind::kDuration,
                                      .doc = "Most time for one attempt; 0: no limit.",
                                      .default_value = "60s"},
                                     {.name = "rate_limit",
                                      .kind = OptionKind::kNumber,
                                      .doc = "Most attempts begun in a second; 0: no limit.",
                                      .default_value = 0}};
  return {.name = "embed.http",
          .summary =
              "Adds the vector that a server makes of each tensor: posts batches, several at a time, and tries "
              "again what may change.",
          .options = with_vector_column(std::move(options)),
          .make = make_embed_http,
          .example =
              "op = \"embed.http\"\nurl = \"http://localhost:8000/embed\"\ndimension = 512\n"
              "on_error = { action = \"quarantine\", max_attempts = 4, backoff = \"200ms\" }\n"};
}

}  // namespace penstock
