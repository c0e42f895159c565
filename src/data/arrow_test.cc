// SPDX-License-Identifier: MIT
// Arrow's structs, made by us and by hand as another library would. tests/formats/arrow_with_pyarrow.py has a real one.
#include <gmock/gmock.h>
#include <penstock/arrow.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace penstock {
namespace {

using ::testing::HasSubstr;

RecordBatch sample(std::size_t rows, bool with_nulls) {
  const SchemaPtr schema = make_schema({{"n", Type::kInt64},
                                        {"x", Type::kFloat64},
                                        {"yes", Type::kBool},
                                        {"text", Type::kUtf8},
                                        {"at", Type::kTimestamp}})
                               .value();
  RecordBatchBuilder builder(schema, BufferPool::shared());
  for (std::size_t i = 0; i < rows; ++i) {
    if (with_nulls && i % 3 == 1) {
      for (std::size_t column = 0; column < 5; ++column) builder.column(column).append_null();
      continue;
    }
    builder.column(0).append_int64(static_cast<std::int64_t>(i) - 5);
    builder.column(1).append_float64(static_cast<double>(i) / 4);
    builder.column(2).append_bool(i % 2 == 0);
    builder.column(3).append_text(std::string(i % 5, 'a') + "ä");
    builder.column(4).append_int64(static_cast<std::int64_t>(i) * 1'000'000);
  }
  return builder.finish();
}

std::string rows_of(const RecordBatch& batch) {
  std::string text = batch.schema().to_text();
  for (std::size_t i = 0; i < batch.num_rows(); ++i) text += "\n" + batch.row_to_json(i);
  return text;
}

/// A child as another library makes it: one column of int32, float and so on, in memory of the test.
struct Foreign {
  const char* format = "i";
  std::vector<const void*> buffers = {};
  std::int64_t rows = 0;
  std::int64_t offset = 0;
  std::int64_t null_count = 0;
  std::int64_t struct_offset = 0;
  std::int64_t struct_rows = -1;  ///< -1: as `rows`.
  int releases = 0;
  ArrowArray child_array = {};
  ArrowArray* children[1] = {&child_array};
  const void* no_validity[1] = {nullptr};

  Result<RecordBatch> import() {
    ArrowSchema child_schema = {};
    child_schema.format = format;
    child_schema.name = "c";
    ArrowSchema* schema_children[] = {&child_schema};
    ArrowSchema schema = {};
    schema.format = "+s";
    schema.n_children = 1;
    schema.children = schema_children;
    schema.private_data = this;
    schema.release = [](ArrowSchema* mine) {
      ++static_cast<Foreign*>(mine->private_data)->releases;
      mine->release = nullptr;
    };
    child_array = {};
    child_array.length = rows;
    child_array.offset = offset;
    child_array.null_count = null_count;
    child_array.n_buffers = static_cast<std::int64_t>(buffers.size());
    child_array.buffers = buffers.data();
    ArrowArray array = {};
    array.length = struct_rows < 0 ? rows : struct_rows;
    array.offset = struct_offset;
    array.n_buffers = 1;
    array.buffers = no_validity;
    array.n_children = 1;
    array.children = children;
    array.private_data = this;
    array.release = [](ArrowArray* mine) {
      ++static_cast<Foreign*>(mine->private_data)->releases;
      mine->release = nullptr;
    };
    auto batch = import_from_arrow(&schema, &array);
    EXPECT_EQ(schema.release, nullptr) << "it was taken over";
    EXPECT_EQ(array.release, nullptr);
    return batch;
  }
};

TEST(Arrow, TakesBackWhatItGave) {
  for (const bool with_nulls : {false, true}) {
    for (const std::size_t rows : {0UL, 1UL, 8UL, 100UL}) {
      const RecordBatch batch = sample(rows, with_nulls);
      ArrowSchema schema;
      ArrowArray array;
      export_to_arrow(batch, &schema, &array);
      EXPECT_EQ(array.length, static_cast<std::int64_t>(rows));
      EXPECT_STREQ(schema.format, "+s");
      EXPECT_STREQ(schema.children[4]->format, "tsu:UTC");
      EXPECT_STREQ(schema.children[3]->name, "text");
      const auto back = import_from_arrow(&schema, &array);
      ASSERT_TRUE(back) << back.error().to_text();
      EXPECT_EQ(rows_of(*back), rows_of(batch));
    }
  }
}

TEST(Arrow, SharesColumnsInsteadOfCopyingThem) {
  const RecordBatch batch = sample(100, true);
  ArrowSchema schema;
  ArrowArray array;
  export_to_arrow(batch, &schema, &array);
  EXPECT_EQ(array.children[0]->buffers[1], batch.column(0).int64s().data());
  const RecordBatch back = import_from_arrow(&schema, &array).value();
  for (const std::size_t shared : {0UL, 1UL, 3UL, 4UL}) {
    EXPECT_EQ(back.column(shared).bits(), batch.column(shared).bits()) << shared;
    EXPECT_EQ(back.column(shared).validity(), batch.column(shared).validity()) << shared;
  }
}

TEST(Arrow, KeepsColumnsAsLongAsAnybodyHasThem) {
  ArrowSchema schema;
  ArrowArray array;
  export_to_arrow(sample(50, false), &schema, &array);
  // Others may take a child over and release the rest.
  ArrowArray child = *array.children[0];
  array.children[0]->release = nullptr;
  array.release(&array);
  schema.release(&schema);
  EXPECT_EQ(static_cast<const std::int64_t*>(child.buffers[1])[7], 2);
  child.release(&child);
  EXPECT_EQ(child.release, nullptr);
}

TEST(Arrow, ReleasesWhatItTookWithTheLastColumn) {
  alignas(64) const std::int64_t values[] = {4, 5, 6};
  Foreign foreign{.format = "l", .buffers = {nullptr, values}, .rows = 3};
  Column kept;
  {
    const RecordBatch batch = foreign.import().value();
    kept = batch.column(0);
  }
  EXPECT_EQ(foreign.releases, 1) << "the schema";
  EXPECT_EQ(kept.int64s().data(), values);
  kept = Column();
  EXPECT_EQ(foreign.releases, 2);
}

TEST(Arrow, TakesSlicesOfSlices) {
  alignas(64) const std::int64_t values[] = {0, 1, 2, 3, 4, 5, 6, 7};
  const std::uint8_t validity[] = {0b1011'1111};
  Foreign foreign{.format = "l", .buffers = {validity, values}, .rows = 6, .offset = 2, .null_count = -1};
  foreign.struct_offset = 3;
  foreign.struct_rows = 2;
  const RecordBatch batch = foreign.import().value();
  ASSERT_EQ(batch.num_rows(), 2U);
  EXPECT_EQ(batch.column(0).int64s()[0], 5);
  EXPECT_TRUE(batch.column(0).is_null(1));
  EXPECT_EQ(batch.column(0).int64s()[1], 0) << "nothing but zeros under nulls";
}

TEST(Arrow, WidensSmallerNumbers) {
  const std::int32_t integers[] = {-3, 1 << 30};
  Foreign ints{.format = "i", .buffers = {nullptr, integers}, .rows = 2};
  EXPECT_EQ(ints.import()->column(0).int64s()[0], -3);
  const std::uint8_t bytes[] = {1, 255};
  Foreign small{.format = "C", .buffers = {nullptr, bytes}, .rows = 2};
  EXPECT_EQ(small.import()->column(0).int64s()[1], 255);
  const float floats[] = {0.5F, -2};
  Foreign singles{.format = "f", .buffers = {nullptr, floats}, .rows = 2};
  EXPECT_EQ(singles.import()->column(0).float64s()[1], -2.0);
  const std::int64_t offsets[] = {1, 3, 3};
  Foreign large{.format = "U", .buffers = {nullptr, offsets, "xab"}, .rows = 2};
  const RecordBatch texts = large.import().value();
  EXPECT_EQ(texts.column(0).text(0), "ab");
  EXPECT_EQ(texts.column(0).text(1), "");
}

TEST(Arrow, RefusesWhatItHasNoTypeFor) {
  const std::uint64_t values[] = {1};
  for (const char* format : {"L", "tsn:", "w:16", "+l", "d:10,2", "", "tdD"}) {
    Foreign foreign{.format = format, .buffers = {nullptr, values}, .rows = 1};
    const auto batch = foreign.import();
    ASSERT_FALSE(batch) << format;
    EXPECT_EQ(batch.error().code(), ErrorCode::kUnsupported) << format;
    EXPECT_THAT(batch.error().to_text(), HasSubstr("column \"c\""));
    EXPECT_EQ(foreign.releases, 2) << "also when it fails";
  }
}

TEST(Arrow, RefusesWhatContradictsItself) {
  const std::int32_t falling[] = {0, 3, 1};
  Foreign texts{.format = "u", .buffers = {nullptr, falling, "abc"}, .rows = 2};
  EXPECT_THAT(texts.import().error().to_text(), HasSubstr("falling offsets at row 1"));
  const std::int32_t one[] = {0, 1};
  Foreign not_text{.format = "u", .buffers = {nullptr, one, "\xff"}, .rows = 1};
  EXPECT_THAT(not_text.import().error().to_text(), HasSubstr("not UTF-8 at row 0"));
  Foreign no_bytes{.format = "u", .buffers = {nullptr, one}, .rows = 1};
  EXPECT_THAT(no_bytes.import().error().to_text(), HasSubstr("2 buffers"));
  Foreign short_child{.format = "i", .buffers = {nullptr, one}, .rows = 2};
  short_child.struct_rows = 3;
  EXPECT_THAT(short_child.import().error().to_text(), HasSubstr("has 2 rows, but 3"));
}

}  // namespace
}  // namespace penstock
