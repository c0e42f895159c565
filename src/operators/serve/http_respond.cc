// SPDX-License-Identifier: MIT
// The operator `http.respond`: a sink of answers.
#ifdef PENSTOCK_SERVE
#include <fmt/format.h>

#include <optional>

#include "expression/expression.h"
#include "operators/serve/http_server.h"
#include "operators/serve/serve_operators.h"

namespace penstock {
namespace {

struct OptionText {
  std::string name;
  std::string text;
  std::string place;
};

class HttpRespond final : public Operator {
 public:
  HttpRespond(std::string server, std::string content_type, OptionText status, std::optional<OptionText> body)
      : listen_(std::move(server)),
        content_type_(std::move(content_type)),
        status_text_(std::move(status)),
        body_text_(std::move(body)) {}

  OperatorTraits traits() const override { return {.effects = true, .rows = RowEffect::kKeeps}; }

  Result<StreamType> bind(const StreamType& input) override {
    if (!input.is_record_batch() || input.schema == nullptr)
      return Error(ErrorCode::kInvalidArgument, "http.respond needs record batches");
    PENSTOCK_ASSIGN(request_, input.schema->find("request"));
    if ((*input.schema)[request_].type != Type::kInt64)
      return Error(ErrorCode::kInvalidArgument, "column \"request\" must be that of http.serve, an int64");
    PENSTOCK_ASSIGN(status_, compile(status_text_, input.schema, Type::kInt64));
    if (body_text_) {
      PENSTOCK_ASSIGN(body_, compile(*body_text_, input.schema, Type::kUtf8));
    }
    std::vector<Field> fields = input.schema->fields();
    fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(request_));
    PENSTOCK_ASSIGN(answer_schema_, make_schema(std::move(fields)));
    return input;
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    // The server may begin after this operator, in another thread, but before its first request.
    if (!server_) {
      PENSTOCK_ASSIGN(server_, HttpServer::find(listen_));
    }
    const RecordBatch& rows = batch.record_batch();
    failures_.clear();
    const Column status = status_->evaluate(rows, *context_->pool, failures_);
    const Column body = body_ ? body_->evaluate(rows, *context_->pool, failures_) : Column();
    const RecordBatch without_request = body_ ? RecordBatch() : answer_rows(rows);
    std::vector<std::uint32_t> answered;
    for (std::uint32_t row = 0; row < rows.num_rows(); ++row) {
      if (std::optional<std::string> wrong = wrong_in(rows, status, row)) {
        PENSTOCK_TRY(refuse(rows, row, std::move(*wrong)));
        continue;
      }
      ServedAnswer answer{.status = static_cast<int>(status.int64s()[row]), .content_type = content_type_};
      if (body_) {
        answer.body = body.is_null(row) ? std::string() : std::string(body.text(row));
      } else {
        answer.body = without_request.row_to_json(row) + "\n";
      }
      server_->answer(id_of(rows, row), std::move(answer));
      answered.push_back(row);
    }
    out.emit(rows.take(answered, *context_->pool));
    return {};
  }

  Status finish(Emitter&) override {
    server_.reset();
    return {};
  }
  void abort() noexcept override { server_.reset(); }

 private:
  static Result<Expression> compile(const OptionText& option, const SchemaPtr& schema, Type type) {
    Result<Expression> expression = Expression::compile(option.text, schema);
    if (!expression) return std::move(expression).error().at(option.name).at(option.place);
    if (expression->type() == type) return expression;
    return Error(ErrorCode::kInvalidArgument, fmt::format("option \"{}\" must be of type {}, found {}", option.name,
                                                          to_string(type), to_string(expression->type())))
        .at(option.place);
  }

  std::uint64_t id_of(const RecordBatch& rows, std::uint32_t row) const {
    return static_cast<std::uint64_t>(rows.column(request_).int64s()[row]);
  }

  RecordBatch answer_rows(const RecordBatch& rows) const {
    std::vector<Column> columns = rows.columns();
    columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(request_));
    return {answer_schema_, std::move(columns), rows.num_rows()};
  }

  std::optional<std::string> wrong_in(const RecordBatch& rows, const Column& status, std::uint32_t row) const {
    if (rows.column(request_).is_null(row)) return "the request is null";
    for (const RowFailures::Failure& failure : failures_.all()) {
      if (failure.row == row) return failure.reason;
    }
    if (!status.is_null(row) && status.int64s()[row] >= 200 && status.int64s()[row] <= 599) return std::nullopt;
    return "the status is not from 200 to 599";
  }

  Status refuse(const RecordBatch& rows, std::uint32_t row, std::string reason) {
    if (!rows.column(request_).is_null(row))
      server_->answer(id_of(rows, row), {.status = 500, .body = "the answer could not be made\n"});
    return context_->errors->reject({.record = row,
                                     .reason = std::move(reason),
                                     .raw = context_->errors->raw_unused() ? std::string() : rows.row_to_json(row)});
  }

  const std::string listen_;
  const std::string content_type_;
  const OptionText status_text_;
  const std::optional<OptionText> body_text_;
  std::size_t request_ = 0;
  std::optional<Expression> status_;
  std::optional<Expression> body_;
  SchemaPtr answer_schema_;
  OperatorContext* context_ = nullptr;
  std::shared_ptr<HttpServer> server_;
  RowFailures failures_;
};

Result<std::unique_ptr<Operator>> make_http_respond(const Options& options) {
  const auto option = [&](const char* name) {
    return OptionText{name, options.text(name), options.place(name).to_text()};
  };
  std::optional<OptionText> body;
  if (options.has("body")) body = option("body");
  const std::string type = options.text("content_type");
  if (type.find_first_of("\r\n") != std::string::npos)
    return Error(ErrorCode::kInvalidArgument, "option \"content_type\" has a line break");
  return std::unique_ptr<Operator>(std::make_unique<HttpRespond>(
      options.has("server") ? options.text("server") : std::string(), type, option("status"), std::move(body)));
}

}  // namespace

OperatorInfo http_respond_info() {
  return {
      .name = "http.respond",
      .role = OperatorInfo::Role::kSink,
      .summary = "Answers the requests of http.serve: each row the one that its column request names.",
      .options =
          {{.name = "body",
            .kind = OptionKind::kExpression,
            .doc = "The body, a text; by default the row as a JSON object, without its column request.",
            .example = "\"'total: ' || utf8(total)\""},
           {.name = "status", .kind = OptionKind::kExpression, .doc = "From 200 to 599.", .default_value = "200"},
           {.name = "content_type",
            .kind = OptionKind::kText,
            .doc = "What the body is.",
            .default_value = "application/json"},
           {.name = "server",
            .kind = OptionKind::kText,
            .doc = "What the http.serve meant listens to; needed where a program has several.",
            .example = "\"127.0.0.1:8080\""}},
      .make = make_http_respond,
      .example = "op = \"http.respond\"\nstatus = \"if(total is null, 404, 200)\"\n",
  };
}

}  // namespace penstock
#endif
