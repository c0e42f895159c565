// SPDX-License-Identifier: MIT
#include "vector/milvus_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace penstock::milvus {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

std::string refusal(std::string_view where) {
  const auto address = parse_address(where);
  EXPECT_FALSE(address) << where;
  return address ? std::string() : address.error().to_text();
}

TEST(MilvusAddress, HasHostPortAndCollection) {
  const Address address = parse_address("milvus://db.example:19531/photos_2026").value();
  EXPECT_EQ(address.host_and_port, "db.example:19531");
  EXPECT_EQ(address.collection, "photos_2026");
  EXPECT_EQ(address.token, "");
  EXPECT_EQ(address.timeout, milliseconds(30'000));
  EXPECT_EQ(parse_address("milvus://localhost/photos")->host_and_port, "localhost:19530");
  EXPECT_EQ(parse_address("milvus://[::1]/photos")->host_and_port, "[::1]:19530");
  EXPECT_EQ(parse_address("milvus://[::1]:5/photos")->host_and_port, "[::1]:5");
}

TEST(MilvusAddress, HasATokenThatIsNotShown) {
  const Address address = parse_address("milvus://root:Mil%40vus%2F@localhost:19530/photos").value();
  EXPECT_EQ(address.token, "root:Mil@vus/");
  EXPECT_EQ(address.shown(), "milvus://localhost:19530/photos");
  EXPECT_THAT(refusal("milvus://root:secret@localhost:19530/no-name"), Not(HasSubstr("secret")));
  EXPECT_THAT(refusal("milvus://root:secret@localhost:port/photos"), Not(HasSubstr("secret")));
  EXPECT_THAT(refusal("milvus://a%4@localhost/photos"), HasSubstr("% is followed by two hexadecimal digits"));
}

TEST(MilvusAddress, TakesATokenFromTheEnvironment) {
  ::setenv("MILVUS_TOKEN", "from:outside", 1);
  EXPECT_EQ(parse_address("milvus://localhost/photos")->token, "from:outside");
  EXPECT_EQ(parse_address("milvus://own:one@localhost/photos")->token, "own:one");
  ::unsetenv("MILVUS_TOKEN");
}

TEST(MilvusAddress, WritesTokensInBase64) {
  const auto written = [](const std::string& token) {
    Address address;
    address.token = token;
    return authorization_of(address);
  };
  EXPECT_EQ(written(""), "");
  EXPECT_EQ(written("root:Milvus"), "cm9vdDpNaWx2dXM=");
  EXPECT_EQ(written("a"), "YQ==");
  EXPECT_EQ(written("abc"), "YWJj");
  EXPECT_EQ(written("\xff\xfe\xfd\xfc"), "//79/A==");
}

TEST(MilvusAddress, HasATimeout) {
  EXPECT_EQ(parse_address("milvus://h/c?timeout=500ms")->timeout, milliseconds(500));
  EXPECT_EQ(parse_address("milvus://h/c?timeout=30s")->timeout, milliseconds(30'000));
  EXPECT_EQ(parse_address("milvus://h/c?timeout=5min")->timeout, milliseconds(300'000));
  for (const char* const bad : {"", "30", "s", "0s", "-1s", "25h", "99999999999s", "1.5s", "1441min"})
    EXPECT_THAT(refusal(std::string("milvus://h/c?timeout=") + bad), HasSubstr("timeout must be a time"));
  EXPECT_THAT(refusal("milvus://h/c?table=x"), HasSubstr("has one option, timeout, and not \"table\""));
}

TEST(MilvusAddress, IsRefusedWhenItIsNone) {
  EXPECT_THAT(refusal("milvus://localhost:19530"), HasSubstr("names no collection"));
  EXPECT_THAT(refusal("milvus:///photos"), HasSubstr("names no host"));
  EXPECT_THAT(refusal("milvus://:19530/photos"), HasSubstr("names no host"));
  EXPECT_THAT(refusal("milvus://localhost:70000/photos"), HasSubstr("\"70000\" is no port"));
  EXPECT_THAT(refusal("milvus://localhost/"), HasSubstr("\"\" is no name of a collection"));
  EXPECT_THAT(refusal("milvus://localhost/1photo"), HasSubstr("begins with no digit"));
  EXPECT_THAT(refusal("milvus://localhost/a/b"), HasSubstr("\"a/b\" is no name"));
}

TEST(MilvusAddress, OfTheHttpInterfaceIsNotSupported) {
  EXPECT_TRUE(is_address("milvus+http://localhost:19530/photos"));
  const auto address = parse_address("milvus+http://localhost:19530/photos");
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(address.error().to_text(), HasSubstr("use milvus://"));
  EXPECT_FALSE(is_address("photos.index"));
  EXPECT_FALSE(is_address("postgresql://localhost/db"));
}

}  // namespace
}  // namespace penstock::milvus
