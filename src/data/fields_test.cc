// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <penstock/fields.h>

namespace penstock {
namespace {

struct Visit {
  std::string user;
  std::int32_t pages = 0;
  std::optional<double> seconds;
  bool paid = false;
  Timestamp at;
  PENSTOCK_FIELDS(user, pages, seconds, paid, at)
};

RecordBatch batch_of(const std::vector<Visit>& visits) {
  RecordBatchBuilder builder(schema_of<Visit>(), BufferPool::shared());
  for (const Visit& visit : visits) append_record(builder, visit);
  return builder.finish();
}

Result<std::vector<std::size_t>> columns_in(const Schema& schema) {
  return detail::find_fields(schema, Visit::penstock_field_names(), detail::field_types(Visit().penstock_fields()),
                             "Visit");
}

TEST(Fields, GiveTheSchema) {
  EXPECT_EQ(schema_of<Visit>()->to_text(), "user: utf8, pages: int64, seconds: float64, paid: bool, at: timestamp");
}

TEST(Fields, GoIntoColumnsAndBack) {
  const RecordBatch batch = batch_of({{"ann", 3, 1.5, true, {7}}, {"bob", -1, std::nullopt, false, {8}}});
  const auto columns = columns_in(batch.schema());
  ASSERT_TRUE(columns) << columns.error().to_text();
  Visit visit;
  ASSERT_EQ(read_record(batch, 1, *columns, visit).reason, nullptr);
  EXPECT_EQ(visit.user, "bob");
  EXPECT_EQ(visit.pages, -1);
  EXPECT_FALSE(visit.seconds.has_value());
  EXPECT_EQ(visit.at, Timestamp{8});
}

TEST(Fields, SayWhichValueDoesNotFit) {
  struct Wide {
    std::int64_t pages = 0;
    PENSTOCK_FIELDS(pages)
  };
  struct Narrow {
    std::int8_t pages = 0;
    PENSTOCK_FIELDS(pages)
  };
  RecordBatchBuilder builder(schema_of<Wide>(), BufferPool::shared());
  append_record(builder, Wide{300});
  builder.column(0).append_null();
  const RecordBatch batch = builder.finish();
  Narrow narrow;
  EXPECT_STREQ(read_record(batch, 0, {0}, narrow).reason, "the number does not fit into the member");
  EXPECT_STREQ(read_record(batch, 1, {0}, narrow).reason, "the value is null, but the member is not a std::optional");
}

TEST(Fields, NameTheColumnThatIsMissingOrDiffers) {
  EXPECT_EQ(columns_in(Schema({{"usr", Type::kUtf8}})).error().hint(), "did you mean \"usr\"?");
  EXPECT_EQ(columns_in(Schema({{"user", Type::kInt64}})).error().message(),
            "column \"user\" is int64, but the member of Visit is utf8");
}

}  // namespace
}  // namespace penstock
