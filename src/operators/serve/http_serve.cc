// SPDX-License-Identifier: MIT
// The operator `http.serve`: a source of requests.
#ifdef PENSTOCK_SERVE
#include <fmt/format.h>

#include "operators/serve/http_server.h"
#include "operators/serve/serve_operators.h"
#include "platform/file.h"

namespace penstock {
namespace {

constexpr std::chrono::milliseconds kLook{20};      // how often it looks whether the run was stopped
constexpr std::chrono::milliseconds kShortLook{1};  // while others in this thread may wait for their turn

struct ServeOptions {
  HttpServerOptions server;
  std::uint64_t requests = 0;  // 0: no end
  std::string port_file;
  std::string place;
};

class HttpServe final : public Source {
 public:
  explicit HttpServe(ServeOptions options) : options_(std::move(options)) {}

  Result<StreamType> bind(const StreamType&) override {
    PENSTOCK_ASSIGN(schema_, make_schema({{"request", Type::kInt64},
                                          {"method", Type::kUtf8},
                                          {"path", Type::kUtf8},
                                          {"query", Type::kUtf8},
                                          {"content_type", Type::kUtf8},
                                          {"body", Type::kUtf8}}));
    return StreamType::of_schema(schema_);
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    Result<std::shared_ptr<HttpServer>> server = HttpServer::start(options_.server);
    if (!server) return std::move(server).error().at(options_.place);
    server_ = std::move(*server);
    if (options_.port_file.empty()) return {};
    PENSTOCK_ASSIGN(AtomicFile file, AtomicFile::create(options_.port_file));
    PENSTOCK_TRY(file.write_all(fmt::format("{}\n", server_->port())));
    return file.commit();
  }

  Result<Next> produce(Emitter& out) override {
    std::size_t most = context_->batch_size;
    if (options_.requests != 0) most = std::min<std::size_t>(most, options_.requests - taken_);
    requests_.clear();
    server_->take(requests_, most, server_->unanswered() > 0 ? kShortLook : kLook);
    taken_ += requests_.size();
    if (!requests_.empty()) out.emit(rows());
    if (options_.requests == 0 || taken_ < options_.requests) return Next::kMore;
    server_->stop_taking();
    return Next::kEnd;
  }

  // Whoever was not answered by then is told so when the operator goes: the answers of others may be on their way.
  Status finish(Emitter&) override {
    server_->stop_taking();
    return {};
  }
  Status commit() override {
    server_.reset();
    return {};
  }
  void abort() noexcept override { server_.reset(); }

 private:
  RecordBatch rows() {
    RecordBatchBuilder builder(schema_, *context_->pool);
    for (const ServedRequest& request : requests_) {
      builder.column(0).append_int64(static_cast<std::int64_t>(request.id));
      std::size_t column = 1;
      for (const std::string* text :
           {&request.method, &request.path, &request.query, &request.content_type, &request.body})
        builder.column(column++).append_text(*text);
    }
    return builder.finish();
  }

  const ServeOptions options_;
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
  std::shared_ptr<HttpServer> server_;
  std::vector<ServedRequest> requests_;
  std::uint64_t taken_ = 0;
};

Result<std::unique_ptr<Operator>> make_http_serve(const Options& options) {
  ServeOptions serve;
  serve.place = options.place("listen").to_text();
  serve.server.listen = options.text("listen");
  const std::int64_t most = options.integer("max_waiting");
  const std::int64_t requests = options.integer("requests");
  const std::int64_t body = options.integer("max_body_bytes");
  if (most < 1 || requests < 0 || body < 0) {
    return Error(ErrorCode::kInvalidArgument, "max_waiting must be at least 1, requests and max_body_bytes 0 or more");
  }
  serve.server.most_waiting = static_cast<std::size_t>(most);
  serve.server.max_body_bytes = static_cast<std::size_t>(body);
  serve.server.answer_timeout = std::chrono::microseconds(options.integer("answer_timeout"));
  serve.requests = static_cast<std::uint64_t>(requests);
  if (options.has("port_file")) serve.port_file = options.text("port_file");
  return std::unique_ptr<Operator>(std::make_unique<HttpServe>(std::move(serve)));
}

}  // namespace

OperatorInfo http_serve_info() {
  return {
      .name = "http.serve",
      .role = OperatorInfo::Role::kSource,
      .summary =
          "Serves HTTP: each request is a row with the columns request, method, path, query, content_type and "
          "body, to be answered by http.respond.",
      .options = {{.name = "listen",
                   .kind = OptionKind::kText,
                   .doc = "IPv4 address and port; 127.0.0.1 serves this machine only, 0.0.0.0 everybody; port 0: one "
                          "that is free.",
                   .default_value = "127.0.0.1:8080"},
                  {.name = "requests",
                   .kind = OptionKind::kInteger,
                   .doc = "It ends after so many requests; 0: when the run is stopped.",
                   .default_value = 0},
                  {.name = "max_waiting",
                   .kind = OptionKind::kInteger,
                   .doc = "Most requests without an answer; further ones are answered 503.",
                   .default_value = 1000},
                  {.name = "max_body_bytes",
                   .kind = OptionKind::kBytes,
                   .doc = "A request with a larger body is answered 413.",
                   .default_value = "1MiB"},
                  {.name = "answer_timeout",
                   .kind = OptionKind::kDuration,
                   .doc = "A request without an answer for so long, for instance because its row was dropped, is "
                          "answered 504; 0: never.",
                   .default_value = "30s"},
                  {.name = "port_file",
                   .kind = OptionKind::kText,
                   .doc = "A file that gets the number of the port when it listens.",
                   .example = "\"port\""}},
      .make = make_http_serve,
      .example = "op = \"http.serve\"\nlisten = \"127.0.0.1:8080\"\n",
  };
}

}  // namespace penstock
#endif
