// SPDX-License-Identifier: MIT
// The operator `http.fetch`: a request for every row.
#include <fmt/format.h>
#include <penstock/async_io.h>

#include "operators/async/async_rows.h"

namespace penstock {
namespace {

// What the texts of a row's arguments are, in their order; then the headers.
struct FetchOptions {
  bool has_body = false;
  std::vector<std::string> headers;
  std::string method;
  bool errors = true;
  std::size_t max_bytes = 0;
  std::uint32_t max_redirects = 0;
};

class FetchCall final : public RowCall {
 public:
  explicit FetchCall(FetchOptions options) : options_(std::move(options)) {}

  Task<Result<RowValues>> call(RowArguments arguments) override {
    if (!arguments[0]) co_return Error(ErrorCode::kInvalidArgument, "the url is null");
    HttpRequest request = request_of(std::move(arguments));
    const std::string url = request.url;
    Task<Result<HttpResponse>> fetching = fetch(std::move(request));
    Result<HttpResponse> response = co_await std::move(fetching);
    if (!response) co_return std::move(response).error();
    if (options_.errors && response->status >= 400) {
      const bool may_change = response->status >= 500 || response->status == 429 || response->status == 408;
      co_return Error(ErrorCode::kUnavailable, fmt::format("{}: the server answered {}", url, response->status))
          .retryable(may_change);
    }
    RowValues values(2);
    values[0].number = response->status;
    values[1].text = std::move(response->body);
    co_return values;
  }

 private:
  HttpRequest request_of(RowArguments arguments) const {
    HttpRequest request(std::move(*arguments[0]));
    request.method = options_.method;
    request.max_body_bytes = options_.max_bytes;
    request.max_redirects = options_.max_redirects;
    if (options_.has_body && arguments[1]) request.body = std::move(*arguments[1]);
    const std::size_t first = options_.has_body ? 2 : 1;
    for (std::size_t i = 0; i < options_.headers.size(); ++i) {
      if (arguments[first + i]) request.headers.push_back({options_.headers[i], std::move(*arguments[first + i])});
    }
    return request;
  }

  FetchOptions options_;
};

Result<std::unique_ptr<Operator>> make_http_fetch(const Options& options) {
  RowCallsOptions calls{.op = "http.fetch"};
  FetchOptions fetch;
  calls.arguments = {row_argument(options, "url")};
  fetch.has_body = options.has("body");
  if (fetch.has_body) calls.arguments.push_back(row_argument(options, "body"));
  if (options.has("headers")) {
    for (const OptionValue::Entry& entry : options.table("headers")) {
      fetch.headers.push_back(entry.name);
      calls.arguments.push_back({"headers." + entry.name, *entry.value.as_text(), entry.value.place.to_text()});
    }
  }
  calls.columns = {{options.text("as_status"), Type::kInt64}, {options.text("as_body"), Type::kUtf8}};
  fetch.method = options.text("method");
  fetch.errors = options.boolean("http_errors");
  PENSTOCK_ASSIGN(fetch.max_bytes, most_bytes(options));
  PENSTOCK_ASSIGN(const std::int64_t max_redirects, integer_between(options, "max_redirects", 0, 1000));
  fetch.max_redirects = static_cast<std::uint32_t>(max_redirects);
  PENSTOCK_ASSIGN(calls.limits, call_limits(options));
  return make_row_calls(std::move(calls), std::make_unique<FetchCall>(std::move(fetch)));
}

std::vector<OptionInfo> fetch_options() {
  return {
      {.name = "url",
       .kind = OptionKind::kExpression,
       .doc = "Where to, from the row: http:// or https://.",
       .required = true,
       .example = "\"'https://example.org/items/' || id\""},
      {.name = "method",
       .kind = OptionKind::kChoice,
       .doc = "What to do there.",
       .default_value = "GET",
       .choices = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}},
      {.name = "headers",
       .kind = OptionKind::kExpressions,
       .doc = "A table: header = expression; a header that is null is left out.",
       .example = "{ Authorization = \"'Bearer ' || token\" }"},
      {.name = "body", .kind = OptionKind::kExpression, .doc = "What to send, from the row.", .example = "\"payload\""},
      {.name = "as_status", .kind = OptionKind::kText, .doc = "The column of the status.", .default_value = "status"},
      {.name = "as_body", .kind = OptionKind::kText, .doc = "The column of the body.", .default_value = "body"},
      {.name = "http_errors",
       .kind = OptionKind::kBool,
       .doc = "A status of 400 or more is an error of its row; 408, 429 and those from 500 on are tried again, as are "
              "requests without a whole response. false: it is a status like others.",
       .default_value = true},
      {.name = "max_bytes",
       .kind = OptionKind::kBytes,
       .doc = "A larger body is an error of its row.",
       .default_value = "16MiB"},
      {.name = "max_redirects",
       .kind = OptionKind::kInteger,
       .doc = "Redirects to follow; 0: they are responses like others.",
       .default_value = 5}};
}

}  // namespace

OperatorInfo http_fetch_info() {
  return {.name = "http.fetch",
          .summary = "Makes an HTTP request for each row, many at a time, and adds status and body of the response.",
          .options = with_call_options(fetch_options(), 64),
          .make = make_http_fetch,
          .example =
              "op = \"http.fetch\"\nurl = \"'https://example.org/items/' || utf8(id)\"\n"
              "on_error = { action = \"skip\", max_attempts = 3 }\n"};
}

}  // namespace penstock
