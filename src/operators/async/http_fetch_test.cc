// SPDX-License-Identifier: MIT
// http.fetch and fetch(), against a real server.
#ifdef PENSTOCK_HTTP
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/async.h>
#include <penstock/async_io.h>
#include <penstock/testing.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/python_server_fixture.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::error_text;
using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::in_batches_of;
using testing::run_operator;
using testing::table;

// test_server.py, as long as the object lives.
class TestServer : public testing::PythonServer {
 public:
  TestServer() : PythonServer(PENSTOCK_SOURCE_DIR "/src/operators/async/test_server.py") {}
};

class HttpFetch : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server = new TestServer; }
  static void TearDownTestSuite() { delete server; }

  static RecordBatch paths(const std::vector<std::string>& all) {
    std::vector<std::vector<testing::Value>> rows;
    for (const std::string& path : all) rows.push_back({path});
    return table({{"path", Type::kUtf8}}, rows);
  }
  static Options options(Options more = {}) {
    more.set("url", "'" + server->url + "' || path");
    return more;
  }
  static HarnessResult fetch_paths(const std::vector<std::string>& all, Options more = {},
                                   testing::HarnessOptions harness = {}) {
    return run_operator("http.fetch", options(std::move(more)), paths(all), harness);
  }

  static TestServer* server;
};
TestServer* HttpFetch::server = nullptr;

TEST_F(HttpFetch, AddsStatusAndBody) {
  const HarnessResult result = fetch_paths({"/text/a", "/text/b"});
  ASSERT_EQ(result.error(), "");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"path":"/text/a","status":200,"body":"a"})",
                                         R"({"path":"/text/b","status":200,"body":"b"})"));
}

TEST_F(HttpFetch, KeepsTheOrderAndGivesTheSameForAllBatchSizes) {
  std::vector<std::string> all;
  for (int i = 0; i < 60; ++i) all.push_back((i % 7 == 0 ? "/slow/" : "/text/") + std::to_string(i));
  std::vector<std::string> expected;
  for (const std::size_t size : {1U, 7U, 1000U}) {
    const HarnessResult result = run_operator("http.fetch", options({{"max_concurrent", 20}}),
                                              in_batches_of(paths(all), size), {.batch_size = size});
    ASSERT_EQ(result.error(), "");
    ASSERT_EQ(result.num_rows(), 60U);
    if (expected.empty()) expected = result.rows();
    EXPECT_EQ(result.rows(), expected);
    EXPECT_THAT(expected[13], HasSubstr(R"("body":"13")"));
  }
}

TEST_F(HttpFetch, SendsMethodHeadersAndBodyFromTheRow) {
  const Options more = {{"method", "PUT"},
                        {"headers", OptionValue::Table{{"X-Test", "upper(path)"}}},
                        {"body", "'sent to ' || path"},
                        {"as_status", "code"},
                        {"as_body", "answer"}};
  const HarnessResult result = fetch_paths({"/echo"}, more);
  ASSERT_EQ(result.error(), "");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"path":"/echo","code":200,"answer":"PUT /ECHO sent to /echo"})"));
}

TEST_F(HttpFetch, HeadHasNoBody) {
  const HarnessResult result = fetch_paths({"/text/a"}, {{"method", "HEAD"}});
  ASSERT_EQ(result.error(), "");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"path":"/text/a","status":200,"body":""})"));
}

TEST_F(HttpFetch, FollowsSoManyRedirects) {
  EXPECT_THAT(fetch_paths({"/to/to/text/c"}).rows().at(0), HasSubstr(R"("status":200,"body":"c")"));
  EXPECT_THAT(fetch_paths({"/to/text/c"}, {{"max_redirects", 0}}).rows().at(0), HasSubstr(R"("status":302)"));
  EXPECT_THAT(fetch_paths({"/loop"}).error(), HasSubstr("Maximum (5) redirects followed"));
}

TEST_F(HttpFetch, TakesStatusesForErrorsUnlessToldOtherwise) {
  const HarnessResult result = fetch_paths({"/status/404", "/text/a", "/status/503"}, {}, {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 1U);
  ASSERT_EQ(result.rejections.size(), 2U);
  EXPECT_EQ(result.rejections[0].record, 0U);
  EXPECT_EQ(result.rejections[1].record, 2U);
  EXPECT_EQ(result.rejections[1].raw, R"({"path":"/status/503"})");
  EXPECT_THAT(result.reasons()[0], HasSubstr("/status/404: the server answered 404"));

  const HarnessResult all = fetch_paths({"/status/404"}, {{"http_errors", false}});
  EXPECT_THAT(all.rows(), ElementsAre(R"({"path":"/status/404","status":404,"body":"as asked"})"));
}

TEST_F(HttpFetch, TriesAgainWhatMayChange) {
  for (const StrategyInfo& strategy : all_strategies()) {
    Pipeline pipeline("test");
    pipeline.add("generate", {{"records", 5}});
    // Each strategy asks for its own.
    const std::string url = "'" + server->url + "/flaky/" + strategy.name + "' || utf8(id)";
    pipeline.add("http.fetch", {{"url", url}}, {.on_error = retry(3, 1000)});
    pipeline.add("select", {{"columns", OptionValue::List{"id", "status", "body"}}});
    pipeline.add("collect");
    RunOptions options;
    options.strategy = {strategy.name};
    const auto report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(report->steps[1].retries, 10U);
    EXPECT_EQ(report->results[0].rows,
              R"([{"id":0,"status":200,"body":"3"},{"id":1,"status":200,"body":"3"},{"id":2,"status":200,"body":"3"},)"
              R"({"id":3,"status":200,"body":"3"},{"id":4,"status":200,"body":"3"}])");
  }
  const auto counted = [](const std::string& path) {
    Pipeline pipeline("test");
    pipeline.add("generate", {{"records", 1}});
    pipeline.add("http.fetch", {{"url", "'" + server->url + path + "'"}}, {.on_error = retry(3, 1000, skip())});
    return pipeline.run()->steps[1].retries;
  };
  EXPECT_EQ(counted("/status/429"), 2U);
  EXPECT_EQ(counted("/drop"), 2U);
  EXPECT_EQ(counted("/status/404"), 0U);
}

TEST_F(HttpFetch, EndsRequestsThatTakeTooLong) {
  const HarnessResult result =
      fetch_paths({"/text/a", "/hang", "/text/b"}, {{"call_timeout", "100ms"}}, {.on_error = skip()});
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 2U);
  EXPECT_THAT(result.reasons(), ElementsAre("it took longer than 100 ms"));
}

TEST_F(HttpFetch, RefusesBodiesThatAreTooLarge) {
  const HarnessResult result = fetch_paths({"/big/1000", "/big/1001"}, {{"max_bytes", 1000}}, {.on_error = skip()});
  EXPECT_EQ(result.num_rows(), 1U);
  EXPECT_THAT(result.reasons().at(0), HasSubstr("/big/1001 has more than 1000 bytes"));
}

TEST_F(HttpFetch, RejectsWhatIsNoText) {
  EXPECT_THAT(fetch_paths({"/latin"}).error(), HasSubstr("what comes into column \"body\" is not UTF-8"));
}

TEST_F(HttpFetch, SaysThatNobodyAnswers) {
  // A port that was free a moment ago, and that nobody listens at.
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string url = "'http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/'";
  EXPECT_THAT(run_operator("http.fetch", {{"url", url}}, paths({"x"})).error(), HasSubstr("Couldn't connect"));
  ::close(socket);
}

TEST_F(HttpFetch, SpeaksNothingButHttp) {
  EXPECT_THAT(run_operator("http.fetch", {{"url", "'file:///etc/passwd'"}}, paths({"x"})).error(),
              HasSubstr("not supported"));
  EXPECT_THAT(run_operator("http.fetch", {{"url", "'no url'"}}, paths({"x"})).error(), HasSubstr("URL"));
  EXPECT_THAT(fetch_paths({"/echo"}, {{"headers", OptionValue::Table{{"X-Test", "'a\\r\\nX-Other: b'"}}}}).error(),
              ::testing::AnyOf(HasSubstr("line break"), ::testing::Eq("")));
}

TEST_F(HttpFetch, EndsSoonWhenTheRunIsCancelled) {
  StopSignal stop;
  std::vector<std::uint64_t> out;
  const std::string url = server->url + "/hang";
  const auto hang = [&](std::uint64_t n) -> Task<Result<std::uint64_t>> {
    if (n == 4) stop.request(StopSignal::State::kCancel);
    Task<Result<HttpResponse>> fetching = fetch(HttpRequest(url));
    const Result<HttpResponse> response = co_await std::move(fetching);
    if (!response) co_return response.error();
    co_return n;
  };
  RunOptions options;
  options.stop = &stop;
  const RunOutcome outcome = range(0, 5).apply(map_async(hang)).collect(out).run_to_outcome(options);
  EXPECT_EQ(outcome.report.outcome, Report::Outcome::kCancelled);
}

}  // namespace
}  // namespace penstock
#endif
