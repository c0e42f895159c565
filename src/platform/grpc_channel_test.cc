// SPDX-License-Identifier: MIT
// Calls to real servers and to bad ones are in tests/vector/milvus_test.py.
#include "platform/grpc_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace penstock {
namespace {

using ::testing::HasSubstr;

std::string frame(const std::string& message, char compressed = 0) {
  const std::string length = {0, 0, 0, static_cast<char>(message.size())};
  return compressed + length + message;
}

TEST(GrpcMessage, IsWhatTheFrameHolds) {
  EXPECT_EQ(grpc_message_in(frame("hello")).value(), "hello");
  EXPECT_EQ(grpc_message_in(frame("")).value(), "");
}

TEST(GrpcMessage, MustBeWhole) {
  const std::string whole = frame("hello");
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    const auto message = grpc_message_in(whole.substr(0, bytes));
    ASSERT_FALSE(message) << bytes;
    EXPECT_EQ(message.error().code(), ErrorCode::kUnavailable);
    EXPECT_EQ(message.error().message(), "the answer ends after " + std::to_string(bytes) + " bytes");
  }
}

TEST(GrpcMessage, MustBePlainAndAlone) {
  EXPECT_EQ(grpc_message_in(frame("hello", 1)).error().code(), ErrorCode::kDataLoss);
  EXPECT_EQ(grpc_message_in(frame("hello") + frame("again")).error().code(), ErrorCode::kDataLoss);
}

TEST(GrpcStatus, SaysWhatToDo) {
  EXPECT_EQ(grpc_error(14, "").code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(grpc_error(14, "").retryable());
  EXPECT_EQ(grpc_error(4, "").code(), ErrorCode::kTimeout);
  EXPECT_EQ(grpc_error(16, "auth check failure").code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(grpc_error(12, "").code(), ErrorCode::kUnsupported);
  EXPECT_EQ(grpc_error(8, "").code(), ErrorCode::kResourceExhausted);
  const Error unknown = grpc_error(2, "the server panicked");
  EXPECT_FALSE(unknown.retryable());
  EXPECT_EQ(unknown.message(), "the server panicked");
  EXPECT_THAT(grpc_error(2, "").message(), HasSubstr("status is 2"));
}

}  // namespace
}  // namespace penstock
