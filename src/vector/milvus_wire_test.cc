// SPDX-License-Identifier: MIT
#include "vector/milvus_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<WireField> fields_of(std::string_view message, bool whole = true) {
  std::vector<WireField> fields;
  EXPECT_EQ(read_fields(message,
                        [&](const WireField& field) {
                          fields.push_back(field);
                          return true;
                        }),
            whole);
  return fields;
}

// The examples of protobuf.dev/programming-guides/encoding.
TEST(Wire, WritesWhatThePageOfTheFormatShows) {
  WireWriter number;
  number.number(1, 150);
  EXPECT_EQ(number.take(), "\x08\x96\x01");
  WireWriter text;
  text.text(2, "testing");
  EXPECT_EQ(text.take(), "\x12\x07testing");
}

TEST(Wire, ReadsBackNumbers) {
  const std::vector<std::uint64_t> values = {
      0, 1, 127, 128, 300, std::uint64_t{1} << 35U, std::numeric_limits<std::uint64_t>::max()};
  WireWriter writer;
  for (std::size_t i = 0; i < values.size(); ++i) writer.number(static_cast<std::uint32_t>(i + 1) * 1000, values[i]);
  const std::string message = writer.take();
  const auto fields = fields_of(message);
  ASSERT_EQ(fields.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(fields[i].field, (i + 1) * 1000);
    EXPECT_EQ(fields[i].number, values[i]);
  }
  EXPECT_EQ(fields.back().integer(), -1);
}

TEST(Wire, PutsMessagesIntoMessages) {
  WireWriter writer(5);
  writer.message(3, [&] {
    writer.message(1, [&] {});
    writer.text(2, std::string(1000, 'x'));
  });
  writer.number(4, 7);
  const std::string message = writer.take();
  EXPECT_EQ(message.substr(0, 5), std::string(5, '\0'));
  const auto outer = fields_of(std::string_view(message).substr(5));
  ASSERT_EQ(outer.size(), 2U);
  EXPECT_EQ(outer[1].number, 7U);
  const auto inner = fields_of(outer[0].bytes);
  ASSERT_EQ(inner.size(), 2U);
  EXPECT_EQ(inner[0].bytes, "");
  EXPECT_EQ(inner[1].bytes.size(), 1000U);
}

TEST(Wire, ReadsRepeatedFieldsPackedAndNot) {
  WireWriter writer;
  writer.floats(1, std::vector<float>{1.5F, -2});
  const std::string packed = writer.take();
  std::vector<float> floats;
  EXPECT_TRUE(fields_of(packed)[0].append_to(floats));
  const std::string single("\x0d\x00\x00\x40\x40", 5);  // field 1, fixed32, 3.0
  EXPECT_TRUE(fields_of(single)[0].append_to(floats));
  EXPECT_THAT(floats, ElementsAre(1.5F, -2, 3));

  std::vector<std::int64_t> integers;
  const std::string many("\x0a\x04\x01\x96\x01\x00", 6);
  EXPECT_TRUE(fields_of(many)[0].append_to(integers));
  EXPECT_TRUE(fields_of("\x08\x05")[0].append_to(integers));
  EXPECT_THAT(integers, ElementsAre(1, 150, 0, 5));
}

TEST(Wire, RefusesValuesOfAnotherKind) {
  std::vector<float> floats;
  EXPECT_FALSE(fields_of("\x0a\x03xyz")[0].append_to(floats));
  EXPECT_FALSE(fields_of("\x08\x05")[0].append_to(floats));
  std::vector<std::int64_t> integers;
  EXPECT_FALSE(fields_of("\x0a\x01\x80")[0].append_to(integers));
  EXPECT_FALSE(fields_of("\x0d\x01\x02\x03\x04")[0].append_to(integers));
}

TEST(Wire, RefusesDamagedMessages) {
  for (const std::string_view damaged : {
           std::string_view("\x08"),              // a number that is missing
           std::string_view("\x08\x80"),          // that does not end
           std::string_view("\x0a\x05yes"),       // a text that is too short
           std::string_view("\x0d\x01\x02"),      // four bytes of which there are two
           std::string_view("\x09\x01\x02\x03"),  // eight
           std::string_view("\x0b"),              // a group
           std::string_view("\x00\x00", 2),       // field 0
           std::string_view("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
           std::string_view("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
       }) {
    EXPECT_THAT(fields_of(damaged, false), IsEmpty());
  }
}

TEST(Wire, StopsWhereOneFieldIsRefused) {
  int seen = 0;
  EXPECT_FALSE(read_fields("\x08\x01\x10\x02\x18\x03", [&](const WireField& field) {
    ++seen;
    return field.field != 2;
  }));
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace penstock
