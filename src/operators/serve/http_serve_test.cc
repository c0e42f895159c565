// SPDX-License-Identifier: MIT
// http.serve and http.respond, with real clients.
#ifdef PENSTOCK_SERVE
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/pipeline.h>
#include <penstock/testing.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "operators/serve/http_server.h"
#include "platform/file.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::error_text;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Sends `text` and gives all that comes back until the server closes.
std::string say(std::uint16_t port, const std::string& text) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  std::string answer;
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    (void)!::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    char block[4096];
    for (ssize_t got = 0; (got = ::recv(socket, block, sizeof block, 0)) > 0;)
      answer.append(block, static_cast<std::size_t>(got));
  }
  ::close(socket);
  return answer;
}

std::string ask(std::uint16_t port, const std::string& path, const std::string& body = {},
                const std::string& method = "POST") {
  return say(port, fmt::format("{} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/x-test\r\n"
                               "Content-Length: {}\r\n\r\n{}",
                               method, path, body.size(), body));
}

// A pipeline that serves, in a thread, until it is stopped.
class Serving {
 public:
  Serving(Pipeline pipeline, const Strategy& strategy) {
    thread_ = std::thread([this, pipeline = std::move(pipeline), strategy] {
      RunOptions options;
      options.strategy = strategy;
      options.stop = &stop_;
      outcome_ = pipeline.run_to_outcome(options);
      ended_ = true;
    });
  }
  ~Serving() {
    if (thread_.joinable()) stop();
  }
  std::uint16_t port(const std::string& file) const {
    while (!ended_) {
      const std::string text = testing::read_text(file);
      if (text.ends_with('\n')) return static_cast<std::uint16_t>(std::stoi(text));
      std::this_thread::yield();
    }
    return 0;
  }
  RunOutcome stop(StopSignal::State how = StopSignal::State::kDrain) {
    stop_.request(how);
    return join();
  }
  RunOutcome join() {
    thread_.join();
    return std::move(outcome_);
  }

 private:
  StopSignal stop_;
  std::atomic<bool> ended_{false};
  RunOutcome outcome_;
  std::thread thread_;
};

class HttpServe : public ::testing::Test {
 protected:
  Options serve(Options more = {}) {
    more.set("listen", "127.0.0.1:0");
    more.set("port_file", folder_.file("port"));
    return more;
  }
  Pipeline echo(Options more = {}, Options respond = {}) {
    Pipeline pipeline("echo");
    pipeline.add("http.serve", serve(std::move(more)));
    pipeline.add("http.respond", std::move(respond));
    return pipeline;
  }
  testing::TemporaryFolder folder_;
};

TEST_F(HttpServe, AnswersEachRequestWithItsRow) {
  for (const StrategyInfo& strategy : all_strategies()) {
    SCOPED_TRACE(strategy.name);
    Serving serving(echo({}, {{"body", "method || ' ' || path || '?' || query || ' ' || content_type || ' ' || body"}}),
                    {strategy.name});
    const std::uint16_t port = serving.port(folder_.file("port"));
    for (int i = 0; i < 20; ++i) {
      const std::string answer = ask(port, fmt::format("/a%20b?n={}&m", i), "text");
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
      EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
      EXPECT_THAT(answer, ::testing::EndsWith(fmt::format("\r\n\r\nPOST /a b?n={}&m text/x-test text", i)));
    }
    const RunOutcome outcome = serving.stop();
    EXPECT_EQ(outcome.report.outcome, Report::Outcome::kDrained) << error_text(outcome.status);
    EXPECT_EQ(outcome.report.records_in, 20U);
    ::unlink(folder_.file("port").c_str());
  }
}

TEST_F(HttpServe, AnswersManyClientsAtOnceThroughOperatorsThatWait) {
  // Each request asks for a file while others come.
  for (const StrategyInfo& strategy : all_strategies()) {
    SCOPED_TRACE(strategy.name);
    Pipeline pipeline("files");
    pipeline.add("http.serve", serve({{"requests", 40}}));
    pipeline.add("file.read", {{"path", "'" + folder_.path() + "' || path"}, {"as", "text"}});
    pipeline.add("http.respond", {{"body", "text"}});
    for (int i = 0; i < 40; ++i)
      ASSERT_TRUE(write_file(folder_.file("f" + std::to_string(i)), "text " + std::to_string(i)));
    Serving serving(std::move(pipeline), {strategy.name});
    const std::uint16_t port = serving.port(folder_.file("port"));
    std::vector<std::thread> clients;
    std::atomic<int> right{0};
    for (int i = 0; i < 40; ++i) {
      clients.emplace_back([&, i] {
        const std::string answer = ask(port, "/f" + std::to_string(i), {}, "GET");
        right += answer.ends_with("\r\n\r\ntext " + std::to_string(i)) ? 1 : 0;
      });
    }
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(right, 40);
    const RunOutcome outcome = serving.join();
    EXPECT_TRUE(outcome.status) << error_text(outcome.status);
    ::unlink(folder_.file("port").c_str());
  }
}

TEST_F(HttpServe, MakesJsonOfTheRowByDefault) {
  Serving serving(echo({{"requests", 1}}), threads);
  EXPECT_THAT(ask(serving.port(folder_.file("port")), "/p", "b"),
              HasSubstr(R"({"method":"POST","path":"/p","query":"","content_type":"text/x-test","body":"b"})"));
  EXPECT_TRUE(serving.join().status);
}

TEST_F(HttpServe, TellsThoseWhoseRowsAreDropped) {
  Pipeline pipeline("picky");
  pipeline.add("http.serve", serve({{"requests", 2}, {"answer_timeout", "50ms"}}));
  pipeline.add("filter", {{"where", "path = '/good'"}});
  pipeline.add("http.respond", {{"body", "'yes'"}});
  Serving serving(std::move(pipeline), threads);
  const std::uint16_t port = serving.port(folder_.file("port"));
  EXPECT_THAT(ask(port, "/bad"), StartsWith("HTTP/1.1 504 "));
  EXPECT_THAT(ask(port, "/good"), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(serving.join().status);
}

TEST_F(HttpServe, RejectsAnswersThatCannotBeMadeAndSaysSo) {
  Pipeline pipeline("picky");
  pipeline.add("http.serve", serve({{"requests", 2}}));
  pipeline.add("http.respond", {{"status", "int64(body)"}}, {.on_error = skip()});
  Serving serving(std::move(pipeline), threads);
  const std::uint16_t port = serving.port(folder_.file("port"));
  EXPECT_THAT(ask(port, "/", "99"), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(ask(port, "/", "404"), StartsWith("HTTP/1.1 404 "));
  const RunOutcome outcome = serving.join();
  EXPECT_EQ(outcome.report.steps[1].records_rejected, 1U);
  EXPECT_THAT(outcome.report.steps[1].first_rejection, HasSubstr("the status is not from 200 to 599"));
}

TEST_F(HttpServe, RefusesWhatIsTooLargeOrNoText) {
  Serving serving(echo({{"max_body_bytes", 10}}, {{"body", "body"}}), threads);
  const std::uint16_t port = serving.port(folder_.file("port"));
  EXPECT_THAT(ask(port, "/", "0123456789"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask(port, "/", "0123456789a"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(ask(port, "/", "\xe9"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask(port, "/%e9"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServe, AnswersThoseWhoWaitWhenTheRunIsCancelled) {
  Pipeline pipeline("slow");
  pipeline.add("http.serve", serve());
  pipeline.add("filter", {{"where", "false"}});
  pipeline.add("http.respond");
  Serving serving(std::move(pipeline), threads);
  const std::uint16_t port = serving.port(folder_.file("port"));
  std::string answer;
  std::thread client([&] { answer = ask(port, "/"); });
  // It is in the pipeline when the source has counted it; to be sent away by the end is what counts here.
  std::this_thread::yield();
  (void)serving.stop(StopSignal::State::kCancel);
  client.join();
  EXPECT_THAT(answer, ::testing::AnyOf(StartsWith("HTTP/1.1 503 "), ::testing::Eq("")));
}

TEST_F(HttpServe, SaysWhatIsWrongWithTheAddress) {
  const auto error = [](const char* listen) {
    Pipeline pipeline("wrong");
    pipeline.add("http.serve", {{"listen", listen}, {"requests", 1}});
    pipeline.add("http.respond");
    return error_text(pipeline.run());
  };
  EXPECT_THAT(error("here"), HasSubstr("not an IPv4 address with a port: here"));
  EXPECT_THAT(error("127.0.0.1:99999"), HasSubstr("not an IPv4 address with a port"));
  EXPECT_THAT(error("192.0.2.1:80"), HasSubstr("cannot listen at 192.0.2.1:80"));
}

TEST_F(HttpServe, AResponseNeedsAServer) {
  Pipeline pipeline("alone");
  pipeline.add("generate", {{"records", 1}});
  pipeline.add("derive", {{"set", OptionValue::Table{{"request", "id"}}}});
  pipeline.add("http.respond");
  EXPECT_THAT(error_text(pipeline.run()), HasSubstr("no http.serve is at work"));
}

TEST(HttpServer, TakesNoMoreThanMayWait) {
  auto server = HttpServer::start({.listen = "127.0.0.1:0", .most_waiting = 1}).value();
  std::string first;
  std::thread client([&] { first = ask(server->port(), "/first"); });
  std::vector<ServedRequest> taken;
  while (taken.empty()) server->take(taken, 10, std::chrono::milliseconds(10));
  EXPECT_THAT(ask(server->port(), "/second"), StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(server->answer(taken[0].id, {.body = "late"}));
  EXPECT_FALSE(server->answer(taken[0].id, {.body = "twice"}));
  client.join();
  EXPECT_THAT(first, HasSubstr("late"));
}

}  // namespace
}  // namespace penstock
#endif
