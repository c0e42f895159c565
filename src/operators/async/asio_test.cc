// SPDX-License-Identifier: MIT
// Sockets, files and programs in coroutines.
#ifdef PENSTOCK_ASYNC
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/asio.h>
#include <penstock/async.h>
#include <penstock/async_io.h>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::error_text;
using ::testing::HasSubstr;

using Local = asio::local::stream_protocol::socket;

// Writes to one end of a socket what it reads from the other.
Task<Result<std::string>> through_a_socket(std::string text) {
  Local here(current_io_context());
  Local there(current_io_context());
  asio::local::connect_pair(here, there);
  const asio::const_buffer sent = asio::buffer(text);
  const Result<std::size_t> written = co_await asio::async_write(here, sent, use_task);
  if (!written) co_return written.error();
  std::string received(*written, '\0');
  const asio::mutable_buffer room = asio::buffer(received);
  const Result<std::size_t> read = co_await asio::async_read(there, room, use_task);
  if (!read) co_return read.error();
  co_return received;
}

TEST(Asio, SocketsCanBeAwaited) {
  std::vector<std::string> in;
  for (int i = 0; i < 100; ++i) in.push_back("text " + std::to_string(i));
  testing::run_everywhere([&](const RunOptions& options) {
    std::vector<std::string> out;
    const auto report = from(in).apply(map_async(through_a_socket, {.max_concurrent = 10})).collect(out).run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(out, in);
  });
}

TEST(Asio, ErrorsAreThoseOfTheOperation) {
  const auto closed = [](std::uint64_t n) -> Task<Result<std::uint64_t>> {
    Local here(current_io_context());
    {
      Local there(current_io_context());
      asio::local::connect_pair(here, there);
    }
    char byte = 0;
    const asio::mutable_buffer room = asio::buffer(&byte, 1);
    const Result<std::size_t> read = co_await asio::async_read(here, room, use_task);
    if (!read) co_return read.error();
    co_return n;
  };
  std::vector<std::uint64_t> out;
  EXPECT_THAT(error_text(range(0, 1).apply(map_async(closed)).collect(out).run()), HasSubstr("End of file"));
}

// The buffer lies in the frame that is destroyed while the operation waits.
TEST(Asio, WhatWaitsForASocketCanBeGivenUp) {
  const auto hang = [](std::uint64_t n) -> Task<Result<std::uint64_t>> {
    Local here(current_io_context());
    Local there(current_io_context());
    asio::local::connect_pair(here, there);
    std::string block(10, '\0');
    const asio::mutable_buffer room = asio::buffer(block);
    const Result<std::size_t> read = co_await asio::async_read(here, room, use_task);
    if (!read) co_return read.error();
    co_return n;
  };
  std::vector<std::uint64_t> out;
  const auto report =
      range(0, 20).apply(map_async(hang, {.on_error = skip(), .max_concurrent = 7, .timeout = 2ms})).collect(out).run();
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_EQ(report->records_rejected, 20U);
}

Task<Result<std::string>> said_by(ProgramRequest request) {
  Task<Result<ProgramEnd>> running = run_program(std::move(request));
  Result<ProgramEnd> end = co_await std::move(running);
  if (!end) co_return std::move(end).error();
  co_return fmt::format("{} {} {}", end->exit_code, end->signal, end->output);
}

TEST(RunProgram, GivesItsOutputAndItsEnd) {
  std::vector<ProgramRequest> programs;
  programs.emplace_back(std::vector<std::string>{"cat"});
  programs.back().input = std::string(300'000, 'x');
  programs.emplace_back(std::vector<std::string>{"/bin/sh", "-c", "echo out; exit 3"});
  programs.emplace_back(std::vector<std::string>{"/bin/sh", "-c", "kill -9 $$"});
  std::vector<std::string> out;
  const auto report = from(programs).apply(map_async(said_by)).collect(out).run();
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_THAT(out, ElementsAre("0 0 " + std::string(300'000, 'x'), "3 0 out\n", "0 9 "));
}

// Why `program` is rejected.
std::string refusal_of(ProgramRequest program, std::chrono::milliseconds timeout = 0ms) {
  std::vector<std::string> out;
  const auto report = from(std::vector<ProgramRequest>{std::move(program)})
                          .apply(map_async(said_by, {.on_error = skip(), .timeout = timeout}))
                          .collect(out)
                          .run();
  return report ? report->steps[1].first_rejection : error_text(report);
}

TEST(RunProgram, SaysWhatIsWrong) {
  EXPECT_THAT(refusal_of(ProgramRequest({"no-such-program-here"})), HasSubstr("no-such-program-here"));
  EXPECT_THAT(refusal_of(ProgramRequest()), HasSubstr("no program is named"));
  ProgramRequest endless({"cat", "/dev/zero"});
  endless.max_output_bytes = 1000;
  EXPECT_THAT(refusal_of(endless), HasSubstr("it writes more than 1000 bytes"));
  EXPECT_THAT(refusal_of(ProgramRequest({"sleep", "1000"}), 20ms), HasSubstr("it took longer than 20 ms"));
}

TEST(ReadFile, ManyAtOnceInOneCoroutine) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder.file("a")) << "one";
  std::ofstream(folder.file("b")) << "two";
  const auto both = [&folder](std::uint64_t) -> Task<Result<std::string>> {
    Result<std::string> first = co_await read_file(folder.file("a"));
    Result<std::string> second = co_await read_file(folder.file("b"), 2);
    co_return first.value_or("none") + second.value_or(" none");
  };
  std::vector<std::string> out;
  ASSERT_TRUE(range(0, 1).apply(map_async(both)).collect(out).run());
  EXPECT_THAT(out, ElementsAre("one none"));
}

}  // namespace
}  // namespace penstock
#endif
